-- one row a customer and day of the metric as it was published at a moment: the rows that are in force since, or those
-- that the first restatement after the moment superseded; in the session's own table, which hides the metric's name
create temporary table user_behavior_metric as
with published_days as (
    select insert_date
    from audit.published_partition
    where table_name = 'public.user_behavior_metric' and coalesce(first_written_at, written_at) <= %(moment)s
),

restated_since as (
    select
        insert_date,
        min(moment) as superseded_at
    from audit.restatement
    where moment > %(moment)s
    group by insert_date
)

select
    metric.customerid,
    metric.amount_spent,
    metric.review_score,
    metric.review_count,
    metric.batch_id,
    metric.insert_date
from public.user_behavior_metric as metric
inner join published_days on metric.insert_date = published_days.insert_date
left outer join restated_since on metric.insert_date = restated_since.insert_date
where restated_since.insert_date is null
union all
select
    superseded.customerid,
    superseded.amount_spent,
    superseded.review_score,
    superseded.review_count,
    superseded.batch_id,
    superseded.insert_date
from audit.superseded_metric as superseded
inner join published_days on superseded.insert_date = published_days.insert_date
inner join restated_since
    on
        superseded.insert_date = restated_since.insert_date
        and superseded.superseded_at = restated_since.superseded_at
