-- one row a broken law and day: money in is money out, reviews in are reviews out
with money_in as (
    select
        purchase.insert_date,
        sum(purchase.amount) as total
    from purchases_by_customer as purchase
    where
        purchase.insert_date >= %(first_day)s and purchase.insert_date < %(end_day)s
        and exists (
            select 1 from reviews_by_customer as review
            where review.insert_date = purchase.insert_date and review.customer_id = purchase.customer_id
        )
    group by purchase.insert_date
),

reviews_in as (
    select
        review.insert_date,
        sum(review.row_count) as total,
        sum(review.positive_count) as positive
    from reviews_by_customer as review
    where
        review.insert_date >= %(first_day)s and review.insert_date < %(end_day)s
        and exists (
            select 1 from purchases_by_customer as purchase
            where purchase.insert_date = review.insert_date and purchase.customer_id = review.customer_id
        )
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
