-- one row a day of a warehouse table that was written, be it with no rows
select
    insert_date,
    batch_id,
    row_count,
    written_at,
    -- A program of the release before knows nothing of the first time.
    coalesce(first_written_at, written_at) as first_written_at,
    sources
from audit.published_partition
where table_name = %(table)s and insert_date >= %(first_day)s and insert_date < %(end_day)s
