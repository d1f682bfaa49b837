-- one row a customer who spent more or less in the seven days up to a day than in the seven before; the ten largest
with customer as (
    select
        customerid,
        sum(case when insert_date < %(week)s then amount_spent else 0 end) as before,
        sum(case when insert_date >= %(week)s then amount_spent else 0 end) as after
    from public.user_behavior_metric
    where insert_date >= %(first_day)s and insert_date < %(end_day)s
    group by customerid
)

select
    cast(customerid as varchar(11)) as name,
    before,
    after
from customer
where before <> after
order by abs(before - after) desc, customerid asc
limit 10
