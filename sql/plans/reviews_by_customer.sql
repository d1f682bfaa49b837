-- one row a day and customer of the reviews as a planned version of the classifier scores them
create temporary table reviews_by_customer (
    customer_id int,
    row_count bigint,
    positive_count bigint,
    insert_date date
)
