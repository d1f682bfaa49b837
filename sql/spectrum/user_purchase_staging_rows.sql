-- one row a day and batch: the number of rows that the external table shows
select
    insert_date,
    batch_id,
    count(*) as row_count
from spectrum.user_purchase_staging
where insert_date >= %(first_day)s and insert_date < %(end_day)s
group by insert_date, batch_id
