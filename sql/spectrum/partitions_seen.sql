-- one row a partition of an external table as Redshift sees it: its values, and where it points
select
    location,
    "values" as partition_values  -- noqa: RF06, a keyword on PostgreSQL
from svv_external_partitions
where
    schemaname = %(schema)s
    and tablename = %(table)s
