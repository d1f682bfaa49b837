-- one row a day and customer of the classified reviews
select
    insert_date,
    cast(cid as int) as customer_id,
    max(batch_id) as batch_id,
    max(classifier) as classifier,
    max(classifier_version) as classifier_version,
    count(*) as row_count,
    sum(case when positive_review then 1 else 0 end) as positive_count
from spectrum.movie_review_clean_stage
where insert_date >= %(first_day)s and insert_date < %(end_day)s
group by insert_date, cast(cid as int)
