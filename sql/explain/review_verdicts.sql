-- one row a review by a customer on a day, and the classifier's verdict
select
    source_file,
    line_number,
    positive_review,
    classifier,
    classifier_version,
    probability
from spectrum.movie_review_clean_stage
where insert_date = %(day)s and cast(cid as int) = %(customer)s
order by source_file, line_number
