-- one row a thing that the user of the session may do beyond reading, to this database and to the project's schemas
with verbs as (
    select 'insert' as verb
    union all
    select 'update' as verb
    union all
    select 'delete' as verb
)

-- Tables by their numbers: to ask by name, the user would have to be let into the schema.
select verbs.verb || ' on ' || pg_namespace.nspname || '.' || pg_class.relname as may
from pg_class
inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
cross join verbs
where
    pg_namespace.nspname in ('public', 'audit', 'spectrum', 'staging', 'intermediate', 'marts')
    and pg_class.relkind in ('r', 'v')
    and has_table_privilege(pg_class.oid, verbs.verb)
union all
select 'create in ' || nspname as may
from pg_namespace
where
    nspname in ('public', 'audit', 'spectrum', 'staging', 'intermediate', 'marts')
    and has_schema_privilege(nspname, 'create')
union all
select 'create schemas' as may
from pg_database
where
    datname = current_database()
    and has_database_privilege(datname, 'create')
union all
select 'do everything, as a superuser' as may
from pg_user
where
    usename = current_user
    and usesuper
order by may
