-- one row a month and segment: its customers
select
    month,
    segment,
    sum(customers) as customers,
    sum(amount_spent) as amount_spent
from marts.customer_segments_by_month
where month >= %(first_month)s and month < %(end_day)s
group by month, segment
order by month, segment
