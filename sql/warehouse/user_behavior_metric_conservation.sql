-- one row a broken law and day: money in is money out, reviews in are reviews out
-- Every reading of an external table names its days by values, or Spectrum would read all there are.
with buyers as (
    select distinct
        insert_date,
        customer_id
    from spectrum.user_purchase_staging
    where insert_date >= %(first_day)s and insert_date < %(end_day)s
),

reviewers as (
    select distinct
        insert_date,
        cast(cid as int) as customer_id
    from spectrum.movie_review_clean_stage
    where insert_date >= %(first_day)s and insert_date < %(end_day)s
),

money_in as (
    select
        purchase.insert_date,
        sum(purchase.quantity * purchase.unit_price) as total
    from spectrum.user_purchase_staging as purchase
    inner join reviewers
        on
            purchase.insert_date = reviewers.insert_date
            and purchase.customer_id = reviewers.customer_id
    where purchase.insert_date >= %(first_day)s and purchase.insert_date < %(end_day)s
    group by purchase.insert_date
),

reviews_in as (
    select
        review.insert_date,
        count(*) as total,
        sum(case when review.positive_review then 1 else 0 end) as positive
    from spectrum.movie_review_clean_stage as review
    inner join buyers
        on
            review.insert_date = buyers.insert_date
            and cast(review.cid as int) = buyers.customer_id
    where review.insert_date >= %(first_day)s and review.insert_date < %(end_day)s
    group by review.insert_date
),

metric as (
    select
        insert_date,
        sum(amount_spent) as money,
        sum(review_count) as reviews,
        sum(review_score) as positive
    from public.user_behavior_metric
    where insert_date >= %(first_day)s and insert_date < %(end_day)s
    group by insert_date
),

laws as (
    select
        'money in = money out' as law,
        coalesce(metric.insert_date, money_in.insert_date) as insert_date,
        cast(coalesce(metric.money, 0) as decimal(28, 5)) as found,
        cast(coalesce(money_in.total, 0) as decimal(28, 5)) as expected
    from metric
    full outer join money_in on metric.insert_date = money_in.insert_date
    union all
    select
        'reviews in = reviews out' as law,
        coalesce(metric.insert_date, reviews_in.insert_date) as insert_date,
        cast(coalesce(metric.reviews, 0) as decimal(28, 5)) as found,
        cast(coalesce(reviews_in.total, 0) as decimal(28, 5)) as expected
    from metric
    full outer join reviews_in on metric.insert_date = reviews_in.insert_date
    union all
    select
        'positive reviews in = review score out' as law,
        coalesce(metric.insert_date, reviews_in.insert_date) as insert_date,
        cast(coalesce(metric.positive, 0) as decimal(28, 5)) as found,
        cast(coalesce(reviews_in.positive, 0) as decimal(28, 5)) as expected
    from metric
    full outer join reviews_in on metric.insert_date = reviews_in.insert_date
)

select
    law,
    insert_date,
    found,
    expected
from laws
where found <> expected
order by insert_date, law
