-- one row a month and sentiment: customers, and what one of them spent
select
    month,
    sentiment,
    customers,
    amount_per_customer
from marts.sentiment_and_spend
where month >= %(first_month)s and month < %(end_day)s
order by month, sentiment
