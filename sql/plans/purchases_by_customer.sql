-- one row a day and customer of the purchases that a planned rule lets in; the sum as Redshift has it
create temporary table purchases_by_customer (
    customer_id int,
    row_count bigint,
    amount decimal(38, 3),
    insert_date date
)
