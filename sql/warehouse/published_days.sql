-- one row a day of a warehouse table that was written, be it with no rows
select
    insert_date,
    row_count
from audit.published_partition
where table_name = %(table_name)s and insert_date >= %(first_day)s and insert_date < %(end_day)s
