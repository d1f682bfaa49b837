-- one row at most: how the day's partition of the metric was written, and from which batches
select
    batch_id,
    written_at,
    row_count,
    sources
from audit.published_partition
where table_name = %(table_name)s and insert_date = %(day)s
