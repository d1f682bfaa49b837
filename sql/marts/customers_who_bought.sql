-- one row a day and customer (null: nobody known) of the staged purchases, and a country that the day names
select
    insert_date,
    customer_id,
    max(country) as country,
    max(batch_id) as batch_id,
    count(*) as row_count
from spectrum.user_purchase_staging
where insert_date >= %(first_day)s and insert_date < %(end_day)s
group by insert_date, customer_id
