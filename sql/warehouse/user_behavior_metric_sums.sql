-- one row a day that was written: its sums in the metric, and what was recorded when it was written
select
    published.insert_date,
    published.row_count,
    published.facts,
    cast(coalesce(sum(metric.amount_spent), 0) as decimal(28, 5)) as amount_spent,
    coalesce(sum(metric.review_count), 0) as review_count,
    coalesce(sum(metric.review_score), 0) as review_score
from audit.published_partition as published
left outer join public.user_behavior_metric as metric on published.insert_date = metric.insert_date
where
    published.table_name = 'public.user_behavior_metric'
    and published.insert_date >= %(first_day)s and published.insert_date < %(end_day)s
group by published.insert_date, published.row_count, published.facts
