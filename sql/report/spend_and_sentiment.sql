-- one row a month and country, of the last months and the countries in which most was spent in them
with lately as (
    select
        month,
        country,
        customers,
        amount_spent,
        reviews,
        positive_share,
        sum(amount_spent) over (partition by country) as of_country
    from marts.spend_and_sentiment_by_month
    where month >= %(first_month)s and month < %(end_day)s
),

ranked as (
    select
        month,
        country,
        customers,
        amount_spent,
        reviews,
        positive_share,
        dense_rank() over (order by of_country desc, country asc) as place
    from lately
)

select
    month,
    country,
    customers,
    amount_spent,
    reviews,
    positive_share
from ranked
where place <= 8
order by place, month
