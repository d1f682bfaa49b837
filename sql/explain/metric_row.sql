-- one row at most: what the metric says of a customer on a day
select
    amount_spent,
    review_score,
    review_count,
    batch_id
from public.user_behavior_metric
where insert_date = %(day)s and customerid = %(customer)s
