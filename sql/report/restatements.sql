-- one row a change of a published figure of the days up to a day: from what to what, and why; the ten newest
select
    insert_date,
    moment,
    customers_before,
    customers_after,
    amount_spent_before,
    amount_spent_after,
    review_count_before,
    review_count_after,
    review_score_before,
    review_score_after,
    cause
from audit.restatement
where insert_date < %(end_day)s
order by moment desc, insert_date desc
limit 10
