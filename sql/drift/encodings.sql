-- one row a column of a table of the schemas that the migrations make: its place in the keys, and its encoding
-- https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_REDSHIFT_COLUMNS.html (pg_table_def needs a search path)
select
    schema_name || '.' || table_name as table_name,
    column_name,
    replace(trim(encoding), 'none', 'raw') as encoding,
    distkey as is_distribution_key,
    sortkey as sort_position
from svv_redshift_columns
where
    database_name = current_database()
    and schema_name in ('audit', 'public', 'intermediate', 'marts')
order by schema_name, table_name, ordinal_position
