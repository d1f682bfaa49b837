-- one row a row of the metric whose figures cannot be
select
    insert_date,
    customerid,
    amount_spent,
    review_score,
    review_count
from public.user_behavior_metric
where
    insert_date >= %(first_day)s and insert_date < %(end_day)s
    and (
        customerid is null
        or amount_spent is null
        or review_score is null
        or review_count is null
        or review_count < 1
        or review_score < 0
        or review_score > review_count
    )
order by insert_date, customerid
