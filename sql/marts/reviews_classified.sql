-- one row a classified review
select
    cast(cid as int) as customer_id,
    positive_review,
    probability,
    classifier,
    classifier_version,
    source_file,
    line_number,
    batch_id,
    insert_date,
    1 as row_count
from spectrum.movie_review_clean_stage
where insert_date >= %(first_day)s and insert_date < %(end_day)s
