-- one row: the moment from which on the metric is known as it was published; null where nothing was
with moments as (
    select min(coalesce(first_written_at, written_at)) as known_from
    from audit.published_partition
    where table_name = 'public.user_behavior_metric'
    union all
    -- The rows that these superseded are purged.
    select max(restatement.moment) as known_from
    from audit.restatement as restatement
    left outer join audit.superseded_metric as superseded
        on
            restatement.insert_date = superseded.insert_date
            and restatement.moment = superseded.superseded_at
    where restatement.customers_before > 0 and superseded.insert_date is null
)

select max(known_from) as known_from
from moments
