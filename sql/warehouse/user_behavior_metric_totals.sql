-- one row a day that has purchases or reviews: what the metric has of them, and what its inner join leaves out
with buyers as (
    select
        insert_date,
        customer_id,
        count(*) as line_count,
        sum(quantity * unit_price) as amount
    from spectrum.user_purchase_staging
    where insert_date >= %(first_day)s and insert_date < %(end_day)s
    group by insert_date, customer_id
),

reviewers as (
    select
        insert_date,
        cast(cid as int) as customer_id,
        count(*) as review_count,
        sum(case when positive_review then 1 else 0 end) as positive_count
    from spectrum.movie_review_clean_stage
    where insert_date >= %(first_day)s and insert_date < %(end_day)s
    group by insert_date, cast(cid as int)
)

select
    coalesce(buyers.insert_date, reviewers.insert_date) as insert_date,
    count(case when buyers.customer_id = reviewers.customer_id then 1 end) as customers_in_metric,
    cast(
        coalesce(sum(case when buyers.customer_id = reviewers.customer_id then buyers.amount end), 0) as decimal(28, 3)
    ) as amount_spent,
    cast(
        coalesce(sum(case when buyers.customer_id = reviewers.customer_id then reviewers.review_count end), 0) as int
    ) as review_count,
    cast(
        coalesce(sum(case when buyers.customer_id = reviewers.customer_id then reviewers.positive_count end), 0) as int
    ) as review_score,
    count(case when reviewers.customer_id is null then buyers.customer_id end) as customers_without_review,
    cast(
        coalesce(
            sum(case when reviewers.customer_id is null and buyers.customer_id is not null then buyers.amount end), 0
        ) as decimal(28, 3)
    ) as money_without_review,
    cast(
        coalesce(sum(case when buyers.insert_date is null then reviewers.review_count end), 0) as int
    ) as reviews_without_purchase,
    cast(
        coalesce(
            sum(case when buyers.insert_date is not null and buyers.customer_id is null then buyers.line_count end), 0
        ) as int
    ) as lines_without_customer,
    cast(
        coalesce(
            sum(case when buyers.insert_date is not null and buyers.customer_id is null then buyers.amount end), 0
        ) as decimal(28, 3)
    ) as money_without_customer
from buyers
full outer join reviewers
    on
        buyers.insert_date = reviewers.insert_date
        and buyers.customer_id = reviewers.customer_id
group by coalesce(buyers.insert_date, reviewers.insert_date)
order by coalesce(buyers.insert_date, reviewers.insert_date)
