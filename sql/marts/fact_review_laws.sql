-- one row a day on which a review is not there, or the metric has other reviews of its customers
with staged as (
    select
        insert_date,
        count(*) as reviews
    from reviews_classified
    where insert_date >= %(first_day)s and insert_date < %(end_day)s
    group by insert_date
),

fact as (
    select
        review.insert_date,
        count(*) as reviews,
        count(metric.customerid) as of_metric,
        count(case when review.positive_review then metric.customerid end) as positive
    from marts.fact_review as review
    inner join marts.dim_customer as customer on review.customer_key = customer.customer_key
    left outer join public.user_behavior_metric as metric
        on review.insert_date = metric.insert_date and customer.customer_id = metric.customerid
    where review.insert_date >= %(first_day)s and review.insert_date < %(end_day)s
    group by review.insert_date
),

metric as (
    select
        insert_date,
        sum(review_count) as reviews,
        sum(review_score) as positive
    from public.user_behavior_metric
    where insert_date >= %(first_day)s and insert_date < %(end_day)s
    group by insert_date
)

select
    'reviews, reviews of the metric, positive ones of these' as law,
    staged.insert_date,
    coalesce(fact.reviews, 0) || ', ' || coalesce(fact.of_metric, 0) || ', ' || coalesce(fact.positive, 0) as found,
    staged.reviews || ', ' || coalesce(metric.reviews, 0) || ', ' || coalesce(metric.positive, 0) as expected
from staged
left outer join fact on staged.insert_date = fact.insert_date
left outer join metric on staged.insert_date = metric.insert_date
where
    staged.reviews <> coalesce(fact.reviews, 0)
    or fact.of_metric <> coalesce(metric.reviews, 0)
    or fact.positive <> coalesce(metric.positive, 0)
order by staged.insert_date
