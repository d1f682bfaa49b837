-- one row a column of an ordinary table of the schemas that the migrations make, in the table's order
-- Redshift and PostgreSQL share these catalogs; what is in the search path plays no part in them.
select
    n.nspname || '.' || c.relname as table_name,
    a.attname as column_name,
    format_type(a.atttypid, a.atttypmod) as column_type,
    not a.attnotnull as nullable
from pg_namespace as n
inner join pg_class as c on n.oid = c.relnamespace
inner join pg_attribute as a on c.oid = a.attrelid
where
    n.nspname in ('audit', 'public', 'spectrum', 'intermediate', 'marts')
    and c.relkind = 'r'
    and a.attnum > 0
    and not a.attisdropped
order by n.nspname, c.relname, a.attnum
