-- one row a day on which anybody bought or reviewed
select
    insert_date,
    count(case when customer_key <> -1 and lines > 0 then 1 end) as customers_who_bought,
    count(case when reviews > 0 then 1 end) as customers_who_reviewed,
    cast(sum(amount_spent) as decimal(28, 5)) as amount_spent,
    cast(sum(reviews) as bigint) as reviews
from intermediate.customer_day
where insert_date >= %(first_day)s and insert_date < %(end_day)s
group by insert_date
