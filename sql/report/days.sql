-- one row a published day of the metric: its sums, and what was recorded when it was written
select
    published.insert_date,
    published.batch_id,
    published.facts,
    count(metric.customerid) as customers,
    coalesce(sum(metric.amount_spent), 0) as amount_spent,
    coalesce(sum(metric.review_count), 0) as reviews,
    coalesce(sum(metric.review_score), 0) as positive
from audit.published_partition as published
left outer join public.user_behavior_metric as metric on published.insert_date = metric.insert_date
where
    published.table_name = 'public.user_behavior_metric'
    and published.insert_date >= %(first_day)s and published.insert_date < %(end_day)s
group by published.insert_date, published.batch_id, published.facts
order by published.insert_date
