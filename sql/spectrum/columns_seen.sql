-- one row a column of an external table as Redshift sees it, the partition's day last
select
    columnname as column_name,
    external_type as column_type
from svv_external_columns
where
    schemaname = %(schema)s
    and tablename = %(table)s
order by part_key, columnnum
