-- one row a day and country of the staged purchases
select
    insert_date,
    country,
    max(batch_id) as batch_id,
    count(*) as row_count
from spectrum.user_purchase_staging
where insert_date >= %(first_day)s and insert_date < %(end_day)s
group by insert_date, country
