-- one row a day on which metric and what its join left out are not all, or a last day of a month that does not add up
with ours as (
    select
        dates.month,
        customer_day.insert_date,
        sum(customer_day.amount_spent) as money,
        sum(customer_day.reviews) as reviews
    from intermediate.customer_day
    inner join marts.dim_date as dates on customer_day.insert_date = dates.insert_date
    group by dates.month, customer_day.insert_date
),

metric as (
    select
        insert_date,
        sum(amount_spent) as money,
        sum(review_count) as reviews
    from public.user_behavior_metric
    where insert_date >= %(first_day)s and insert_date < %(end_day)s
    group by insert_date
),

sums as (
    select
        'the metric and marts.left_out_by_the_join' as views,
        ours.insert_date,
        coalesce(metric.money, 0) + left_out.money_without_review + left_out.money_without_customer as money,
        coalesce(metric.reviews, 0) + left_out.reviews_without_purchase as reviews,
        ours.money as expected_money,
        ours.reviews as expected_reviews
    from ours
    inner join marts.left_out_by_the_join as left_out on ours.insert_date = left_out.insert_date
    left outer join metric on ours.insert_date = metric.insert_date
    union all
    select
        'marts.spend_and_sentiment_by_month' as views,
        months.insert_date,
        sum(spend.amount_spent) as money,
        sum(spend.reviews) as reviews,
        months.money as expected_money,
        months.reviews as expected_reviews
    from (
        select
            month,
            max(insert_date) as insert_date,
            sum(money) as money,
            sum(reviews) as reviews
        from ours
        group by month
    ) as months
    inner join marts.spend_and_sentiment_by_month as spend on months.month = spend.month
    group by months.insert_date, months.money, months.reviews
)

select
    views,
    insert_date,
    money,
    reviews,
    expected_money,
    expected_reviews
from sums
where
    insert_date >= %(first_day)s and insert_date < %(end_day)s
    and (money <> expected_money or reviews <> expected_reviews)
order by insert_date, views
