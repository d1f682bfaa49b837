-- one row a customer and day of the metric who is not there with the same figures, and a day on which a fact is lost
with both_sides as (
    select
        customer_day.insert_date,
        customer.customer_id,
        customer_day.amount_spent || ', ' || customer_day.reviews || ', ' || customer_day.positive_reviews as figures
    from intermediate.customer_day
    inner join marts.dim_customer as customer on customer_day.customer_key = customer.customer_key
    where
        customer_day.insert_date >= %(first_day)s and customer_day.insert_date < %(end_day)s
        and customer_day.lines > 0
        and customer_day.reviews > 0
),

metric as (
    select
        insert_date,
        customerid,
        amount_spent || ', ' || review_count || ', ' || review_score as figures
    from public.user_behavior_metric
    where insert_date >= %(first_day)s and insert_date < %(end_day)s
),

counted as (
    select
        insert_date,
        lines + reviews as facts,
        0 as expected
    from intermediate.customer_day
    where insert_date >= %(first_day)s and insert_date < %(end_day)s
    union all
    select
        insert_date,
        0 as facts,
        1 as expected
    from marts.fact_purchase_line
    where insert_date >= %(first_day)s and insert_date < %(end_day)s
    union all
    select
        insert_date,
        0 as facts,
        1 as expected
    from marts.fact_review
    where insert_date >= %(first_day)s and insert_date < %(end_day)s
)

select
    'customer ' || coalesce(both_sides.customer_id, metric.customerid) || ' as in the metric' as law,
    coalesce(both_sides.insert_date, metric.insert_date) as insert_date,
    coalesce(both_sides.figures, 'none') as found,
    coalesce(metric.figures, 'none') as expected
from both_sides
full outer join metric on both_sides.insert_date = metric.insert_date and both_sides.customer_id = metric.customerid
where coalesce(both_sides.figures, 'none') <> coalesce(metric.figures, 'none')
union all
select
    'lines and reviews of the facts' as law,
    insert_date,
    cast(sum(facts) as varchar(20)) as found,
    cast(sum(expected) as varchar(20)) as expected
from counted
group by insert_date
having sum(facts) <> sum(expected)
order by insert_date, law
