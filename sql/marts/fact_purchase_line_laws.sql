-- one row a day on which a line is not there, or not its customer's, or the metric has other money of its customers
with staged as (
    select
        insert_date,
        count(*) as lines,
        count(customer_id) as of_customers
    from lines_bought
    where insert_date >= %(first_day)s and insert_date < %(end_day)s
    group by insert_date
),

fact as (
    select
        line.insert_date,
        count(*) as lines,
        count(case when line.customer_key <> -1 then 1 end) as of_customers,
        cast(sum(case when metric.customerid is null then 0 else line.amount end) as decimal(28, 5)) as money
    from marts.fact_purchase_line as line
    inner join marts.dim_customer as customer on line.customer_key = customer.customer_key
    left outer join public.user_behavior_metric as metric
        on line.insert_date = metric.insert_date and customer.customer_id = metric.customerid
    where line.insert_date >= %(first_day)s and line.insert_date < %(end_day)s
    group by line.insert_date
),

metric as (
    select
        insert_date,
        cast(sum(amount_spent) as decimal(28, 5)) as money
    from public.user_behavior_metric
    where insert_date >= %(first_day)s and insert_date < %(end_day)s
    group by insert_date
)

select
    'lines, lines of customers, money of the metric' as law,
    staged.insert_date,
    coalesce(fact.lines, 0) || ', ' || coalesce(fact.of_customers, 0) || ', ' || coalesce(fact.money, 0) as found,
    staged.lines || ', ' || staged.of_customers || ', ' || coalesce(metric.money, 0) as expected
from staged
left outer join fact on staged.insert_date = fact.insert_date
left outer join metric on staged.insert_date = metric.insert_date
where
    staged.lines <> coalesce(fact.lines, 0)
    or staged.of_customers <> fact.of_customers
    or fact.money <> coalesce(metric.money, 0)
order by staged.insert_date
