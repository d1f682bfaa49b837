-- one row a customer: ten of the newest day that has any, who spent most
select
    insert_date,
    customerid,
    amount_spent,
    review_score,
    review_count
from public.user_behavior_metric
where insert_date = (select max(newest.insert_date) from public.user_behavior_metric as newest)
order by amount_spent desc, customerid asc
limit 10
