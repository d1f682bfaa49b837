-- one row a classified review, with the keys of its day and customer
insert into marts.fact_review (
    date_key, customer_key, positive_review, probability, classifier, classifier_version, source_file, line_number,
    batch_id, insert_date
)
select
    dates.date_key,
    customer.customer_key,
    review.positive_review,
    review.probability,
    review.classifier,
    review.classifier_version,
    review.source_file,
    review.line_number,
    %(batch_id)s as batch_id,
    review.insert_date
from reviews_classified as review
inner join marts.dim_date as dates on review.insert_date = dates.insert_date
inner join marts.dim_customer as customer on review.customer_id = customer.customer_id
where review.insert_date >= %(first_day)s and review.insert_date < %(end_day)s
