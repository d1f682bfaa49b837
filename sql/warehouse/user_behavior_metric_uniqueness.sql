-- one row a customer and day that has more than one row in the metric
select
    'one row per customer and day' as law,
    insert_date,
    count(*) as found,
    1 as expected,
    customerid
from public.user_behavior_metric
where insert_date >= %(first_day)s and insert_date < %(end_day)s
group by insert_date, customerid
having count(*) > 1
order by insert_date, customerid
