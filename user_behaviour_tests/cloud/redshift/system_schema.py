"""What a database of the stand-in holds from the start: functions, and the views that PostgreSQL's catalog can answer.

The views have the columns that AWS documents, as far as they mean something here.
"""

from user_behaviour_tests.cloud.redshift.assume_role import ASSUME_ROLE_STATEMENTS
from user_behaviour_tests.cloud.redshift.backend import SYSTEM_SCHEMA
from user_behaviour_tests.cloud.redshift.state import CACHE_SCHEMA

VERSION = "PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2, Redshift 1.0.0 (a stand-in)"

USER_SCHEMAS = f"""
select nspname from pg_namespace
where nspname !~ '^pg_' and nspname not in ('information_schema', '{SYSTEM_SCHEMA}', '{CACHE_SCHEMA}')
"""
# What Redshift lets every user do, and what the stand-in's own schemas need for it.
FOR_EVERYBODY = "grant create, usage on schema public to public"
SYSTEM_STATEMENTS = (
    f"create schema {CACHE_SCHEMA}",
    f"create schema {SYSTEM_SCHEMA}",
    f"set search_path to {SYSTEM_SCHEMA}",
    # https://docs.aws.amazon.com/redshift/latest/dg/r_STRTOL.html, of the base 16 alone
    """
    create function strtol(text, int) returns bigint language sql immutable strict as
    $$ select case when $2 = 16 then ('x' || lpad($1, 16, '0'))::bit(64)::bigint end $$
    """,
    f"create function redshift_version() returns text language sql immutable as $$ select '{VERSION}'::text $$",
    """
    create table table_attributes (
        relation oid primary key, diststyle text not null, distkey text not null,
        sortkey text[] not null, encodings jsonb not null
    )
    """,
    # The two views that show the attributes of tables to every user, and of empty tables too.
    """
    create view svv_redshift_columns as
    select current_database()::text as database_name, n.nspname::text as schema_name, r.relname::text as table_name,
        a.attname::text as column_name, a.attnum::int as ordinal_position,
        coalesce(t.encodings ->> a.attname::text, 'none') as encoding,
        coalesce(t.distkey = a.attname, false) as distkey,
        coalesce(array_position(t.sortkey, a.attname::text), 0) as sortkey
    from pg_class as r
    join pg_namespace as n on n.oid = r.relnamespace
    join pg_attribute as a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
    left join table_attributes as t on t.relation = r.oid
    where r.relkind = 'r'
    """,
    """
    create view pg_class_info as
    select r.relname, r.relnamespace,
        case t.diststyle when 'EVEN' then 0 when 'KEY' then 1 when 'ALL' then 8 else 10 end as releffectivediststyle
    from pg_class as r
    left join table_attributes as t on t.relation = r.oid
    where r.relkind = 'r'
    """,
    """
    create view stv_db_isolation_level as
    select datname::char(128) as db_name, 'Snapshot Isolation'::char(20) as isolation_level
    from pg_database where datname = current_database()
    """,
    *ASSUME_ROLE_STATEMENTS,
    FOR_EVERYBODY,
    f"grant usage on schema {SYSTEM_SCHEMA}, {CACHE_SCHEMA} to public",
    f"grant select on all tables in schema {SYSTEM_SCHEMA} to public",
    f"alter default privileges in schema {CACHE_SCHEMA} grant select on tables to public",
)
