-- one row a published day of a warehouse table: the batches that it was made from, as a JSON object
select
    insert_date,
    sources
from audit.published_partition
where table_name = %(table)s
order by insert_date
