-- one row a day and customer of the classified reviews
select
    insert_date,
    cast(cid as int) as customer_id,
    max(batch_id) as batch_id,
    count(*) as row_count
from spectrum.movie_review_clean_stage
where insert_date >= %(first_day)s and insert_date < %(end_day)s
group by insert_date, cast(cid as int)
