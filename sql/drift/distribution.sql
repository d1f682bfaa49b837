-- one row a table of the schemas that the migrations make: how its rows are spread over the slices
-- https://docs.aws.amazon.com/redshift/latest/dg/r_PG_CLASS_INFO.html (svv_table_info leaves out empty tables)
select
    n.nspname || '.' || c.relname as table_name,
    case c.releffectivediststyle
        when 0 then 'EVEN'
        when 1 then 'KEY'
        when 8 then 'ALL'
        when 10 then 'AUTO(ALL)'
        when 11 then 'AUTO(EVEN)'
        when 12 then 'AUTO(KEY)'
        else 'UNKNOWN'
    end as distribution
from pg_class_info as c
inner join pg_namespace as n on c.relnamespace = n.oid
where n.nspname in ('audit', 'public', 'intermediate', 'marts')
