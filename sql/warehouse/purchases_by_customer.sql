-- one row a day and customer (null: nobody known) of the staged purchases
select
    insert_date,
    customer_id,
    max(batch_id) as batch_id,
    count(*) as row_count,
    sum(quantity * unit_price) as amount
from spectrum.user_purchase_staging
where insert_date >= %(first_day)s and insert_date < %(end_day)s
group by insert_date, customer_id
