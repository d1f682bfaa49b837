-- one row a customer and day of the metric: the number of positive reviews
select
    insert_date,
    customerid,
    review_score
from public.user_behavior_metric
where insert_date >= %(first_day)s and insert_date < %(end_day)s
