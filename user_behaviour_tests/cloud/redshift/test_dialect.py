"""What Redshift does not have, and what it has beyond PostgreSQL.

What is missing: docs.aws.amazon.com/redshift/latest/dg/c_unsupported-postgresql-features.html and
c_unsupported-postgresql-functions.html.
"""

from __future__ import annotations

import psycopg2
import pytest
from psycopg2 import errors
from psycopg2.extensions import cursor

from user_behaviour_tests.cloud.redshift.conftest import Connect


@pytest.mark.parametrize(
    "statement",
    [
        "insert into t values (1, 'a') on conflict (a) do nothing",
        "insert into t values (1, 'a') returning a",
        "delete from t returning a",
        "select distinct on (a) a from t",
        "select count(*) filter (where a > 1) from t",
        "select array[1, 2]",
        "select a from t for update",
        "lock table t in exclusive mode",
        "alter table t add partition (d = '2010-12-01') location 's3://b/p/'",
    ],
)
def test_syntax_that_redshift_does_not_have_is_an_error(connect: Connect, statement: str) -> None:
    with connect().cursor() as cursor:
        cursor.execute("create table t (a int, b varchar(5))")
        with pytest.raises((errors.SyntaxError, errors.FeatureNotSupported)):
            cursor.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "create index i on t (a)",
        "create trigger g before insert on t for each row execute function f()",
        "create sequence s",
        "do $$ begin perform 1; end $$",
        "savepoint here",
        "rollback to savepoint here",
        "copy t from stdin",
        "copy t to stdout",
        "copy (select 1) to stdout",
        "create table u (a int check (a > 0))",
        "create table u (a int, constraint positive check (a > 0))",
        "create table u (a int[])",
        "create table u (a jsonb)",
        "create table u (a serial)",
        "create table u (a uuid)",
        "select * from generate_series(1, 3)",
        "select string_agg(b, ',') from t",
    ],
)
def test_features_that_redshift_does_not_have_are_refused(connect: Connect, statement: str) -> None:
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
    sql.execute("create table twin (like t)")
    sql.execute("create table copied as select a from t")
    for table in ("twin", "copied"):
        with pytest.raises(errors.StringDataRightTruncation):
            sql.execute(f"insert into {table} values ('naïf')")
    sql.execute("alter table t alter column a type varchar(5)")
    sql.execute("insert into t values ('naïf')")


def test_a_varchar_without_length_is_256_bytes_and_text_is_the_same(sql: cursor) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html."""
    sql.execute("create table t (a varchar, b text, c char, d decimal)")
    sql.execute('select "column", type from pg_table_def where tablename = %s', ("t",))
    assert sql.fetchall() == [
        ("a", "character varying(256)"),
        ("b", "character varying(256)"),
        ("c", "character(1)"),
        ("d", "numeric(18,0)"),
    ]


def test_keys_are_declared_and_not_enforced(sql: cursor) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/t_Defining_constraints.html: informational only; NOT NULL is enforced."""
    sql.execute("create table t (a int primary key, b int unique, c int references t (a), d int not null)")
    sql.execute("create table u (a int, b int, primary key (a), unique (b), foreign key (b) references t (a))")
    sql.execute("insert into t values (1, 1, 9, 1), (1, 1, 9, 1)")
    sql.execute("insert into u values (1, 7), (1, 7)")
    for statement in ("insert into u values (null, 1)", "insert into t values (2, 2, 2, null)"):
        with pytest.raises(errors.NotNullViolation):
            sql.execute(statement)


def test_distribution_order_and_encodings_are_kept_and_shown(sql: cursor) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/r_CREATE_TABLE_NEW.html, r_PG_TABLE_DEF.html, r_SVV_TABLE_INFO.html."""
    sql.execute(
        """
        create table if not exists public.metric (
            customerid int not null encode az64, spent decimal(18,5) encode az64, insert_date date encode raw
        ) backup yes diststyle key distkey (customerid) compound sortkey (insert_date, customerid)
        """
    )
    sql.execute(
        """select "column", type, encoding, distkey, sortkey, "notnull" from pg_table_def where tablename = 'metric'"""
    )
    assert sql.fetchall() == [
        ("customerid", "integer", "az64", True, 2, True),
        ("spent", "numeric(18,5)", "az64", False, 0, False),
        ("insert_date", "date", "raw", False, 1, False),
    ]
    sql.execute("select diststyle, sortkey1, sortkey_num from svv_table_info where \"table\" = 'metric'")
    assert sql.fetchone() == ("KEY(customerid)", "insert_date", 2)
    sql.execute("alter table metric alter sortkey (customerid)")
    sql.execute("alter table metric alter diststyle even")
    sql.execute("alter table metric add column country varchar(20) default '' encode zstd")
    sql.execute("select diststyle, sortkey1 from svv_table_info where \"table\" = 'metric'")
    assert sql.fetchone() == ("EVEN", "customerid")
    with pytest.raises(errors.StringDataRightTruncation):
        sql.execute("insert into metric (customerid, country) values (1, %s)", ("ö" * 11,))


def test_alter_column_does_not_run_in_a_transaction_and_changes_only_varchar(connect: Connect) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html."""
    with connect().cursor() as cursor:
        cursor.execute("create table t (a varchar(4), b int)")
        with pytest.raises(errors.ActiveSqlTransaction):
            cursor.execute("alter table t alter column a type varchar(5)")
    with connect(autocommit=True).cursor() as cursor:
        cursor.execute("create table t (a varchar(4), b int)")
        with pytest.raises(errors.FeatureNotSupported):
            cursor.execute("alter table t alter column b type bigint")


def test_create_table_belongs_to_the_transaction(connect: Connect) -> None:
    session = connect()
    with session.cursor() as cursor:
        cursor.execute("create table t (a varchar(4) distkey)")
        session.rollback()
        cursor.execute("create table t (a varchar(4))")
        cursor.execute("select diststyle from svv_table_info")
        assert cursor.fetchall() == [("AUTO(ALL)",)]


def test_truncate_commits(connect: Connect) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/r_TRUNCATE.html: it commits the transaction in which it is run."""
    session = connect()
    with session.cursor() as cursor:
        cursor.execute("create table t (a int)")
        cursor.execute("insert into t values (1)")
        cursor.execute("truncate t")
        assert session.info.transaction_status == psycopg2.extensions.TRANSACTION_STATUS_IDLE
        session.rollback()
        cursor.execute("select count(*) from t")
        assert cursor.fetchone() == (0,)


def test_a_conflict_between_transactions_is_reported_as_1023(connect: Connect) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation.html; not SQLSTATE 40001, as PostgreSQL has it."""
    one, other = connect(), connect()
    with connect(autocommit=True).cursor() as cursor:
        cursor.execute("create table t (a int)")
        cursor.execute("insert into t values (1)")
    with one.cursor() as first, other.cursor() as second:
        first.execute("select * from t")
        second.execute("delete from t")
        other.commit()
        with pytest.raises(errors.InternalError_) as raised:
            first.execute("delete from t")
    assert raised.value.diag.message_primary == "1023"
    assert "Serializable isolation violation on table" in (raised.value.diag.message_detail or "")


def test_several_statements_in_one_request_are_one_transaction(sql: cursor) -> None:
    with pytest.raises(errors.DivisionByZero):
        sql.execute("create table t (a int); select 1 / 0")
    sql.execute("select count(*) from pg_table_def where tablename = 't'")
    assert sql.fetchone() == (0,)
    sql.execute("create table t (a int); insert into t values (1); select a from t")
    assert sql.fetchall() == [(1,)]
    sql.execute("begin; insert into t values (2); rollback; select count(*) from t")
    assert sql.fetchall() == [(1,)]


def test_getdate_is_the_time_of_the_statement_without_a_zone(sql: cursor) -> None:
    sql.execute(
        "select getdate() <= sysdate, pg_typeof(getdate())::varchar from (select localtimestamp as sysdate) as s"
    )
    assert sql.fetchone() == (True, "timestamp without time zone")
