-- one row a day and product of the staged purchases, and a text that the day has of it
select
    insert_date,
    stock_code,
    max(detail) as detail,
    max(batch_id) as batch_id,
    count(*) as row_count
from spectrum.user_purchase_staging
where insert_date >= %(first_day)s and insert_date < %(end_day)s
group by insert_date, stock_code
