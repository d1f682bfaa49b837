"""What Redshift does not have, and what it has beyond PostgreSQL.

What is missing: docs.aws.amazon.com/redshift/latest/dg/c_unsupported-postgresql-features.html and
c_unsupported-postgresql-functions.html.
"""

import pytest
from psycopg2 import errors
from psycopg2.extensions import cursor

from user_behaviour_tests.cloud.redshift.conftest import Connect

REFUSED = """
insert into t values (1, 'a') on conflict (a) do nothing
insert into t values (1, 'a') returning a
delete from t returning a
select distinct on (a) a from t
select count(*) filter (where a > 1) from t
select array[1, 2]
select a from t for update
select * from generate_series(1, 3)
select string_agg(b, ',') from t
lock table t in exclusive mode
alter table t add partition (d = '2010-12-01') location 's3://b/p/'
create index i on t (a)
create trigger g before insert on t for each row execute function f()
create sequence s
create table u (a int check (a > 0))
create table u (a int, constraint positive check (a > 0))
create table u (a int[])
create table u (a jsonb)
create table u (a serial)
create table u (a uuid)
do $$ begin perform 1; end $$
savepoint here
rollback to savepoint here
copy t from stdin
copy t to stdout
copy (select 1) to stdout
""".strip().splitlines()
# Redshift has these. Nobody here needs them, and PostgreSQL would do them otherwise.
NOT_SPOKEN = """
alter table t alter column b type varchar(9)
begin isolation level read committed
truncate t
create table u as select a from t
create table u (like t)
unload ('select 1 as a') to 's3://b/p/' iam_role default format parquet
""".strip().splitlines()


@pytest.mark.parametrize("statement", [*REFUSED, *NOT_SPOKEN])
def test_what_redshift_or_the_stand_in_does_not_have_is_refused(connect: Connect, statement: str) -> None:
    with connect().cursor() as cursor:
        cursor.execute("create table t (a int, b varchar(5))")
        with pytest.raises((errors.FeatureNotSupported, errors.SyntaxError)):
            cursor.execute(statement)
        # As on every server of this family, the transaction is lost with it.
        with pytest.raises(errors.InFailedSqlTransaction):
            cursor.execute("select 1")


def test_varchar_counts_bytes(sql: cursor) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html: varchar(4) holds four bytes, not characters."""
    sql.execute("create table t (a varchar(4))")
    sql.execute("insert into t values ('naïf'::varchar(3))")
    for too_long in ("naïf", "naive"):
        with pytest.raises(errors.StringDataRightTruncation, match=r"value too long for type character varying\(4\)"):
            sql.execute("insert into t values (%s)", (too_long,))


def test_a_type_without_arguments_has_those_of_redshift(sql: cursor) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html: 256 bytes, and text is the same."""
    sql.execute("create table t (a varchar, b text, c decimal)")
    sql.execute(
        "select format_type(atttypid, atttypmod) from pg_attribute where attrelid = 't'::regclass and attnum > 0"
    )
    assert sql.fetchall() == [("character varying(256)",), ("character varying(256)",), ("numeric(18,0)",)]


def test_keys_are_declared_and_not_enforced(sql: cursor) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/t_Defining_constraints.html: informational only; NOT NULL is enforced."""
    sql.execute("create table t (a int primary key, b int unique, c int default 7 not null)")
    sql.execute("create table u (a int, b int, primary key (a), unique (b))")
    sql.execute("insert into t (a, b) values (1, 1), (1, 1)")
    sql.execute("insert into u values (1, 7), (1, 7)")
    for statement in ("insert into u values (null, 1)", "insert into t values (2, 2, null)"):
        with pytest.raises(errors.NotNullViolation):
            sql.execute(statement)
