"""Faults on demand: what the client sees, and what became of its transaction."""

from __future__ import annotations

import psycopg2
import pytest
from psycopg2 import errors
from psycopg2.extensions import cursor

from user_behaviour_tests.cloud.redshift import RedshiftStandIn
from user_behaviour_tests.cloud.redshift.conftest import Connect


def count(sql: cursor) -> int:
    sql.execute("select count(*) from t")
    ((found,),) = sql.fetchall()
    return int(found)


@pytest.fixture
def table(sql: cursor) -> None:
    sql.execute("create table t (a int)")


@pytest.mark.usefixtures("table")
def test_a_commit_that_fails_with_1023_has_rolled_back(
    redshift: RedshiftStandIn, connect: Connect, sql: cursor
) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation.html: SQLSTATE XX000, the number as the message."""
    redshift.faults.fail_next(matching="commit", times=2)
    session = connect()
    with session.cursor() as inside:
        for _ in range(2):
            inside.execute("insert into t values (1)")
            with pytest.raises(errors.InternalError_) as raised:
                session.commit()
            assert raised.value.diag.message_primary == "1023"
            assert session.info.transaction_status == psycopg2.extensions.TRANSACTION_STATUS_IDLE
        assert count(sql) == 0
        inside.execute("insert into t values (1)")
        session.commit()
    assert count(sql) == 1


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("1023", errors.InternalError_),
        ("conflict", errors.InternalError_),
        ("oid", errors.InternalError_),
        ("deadlock", errors.DeadlockDetected),
        ("expired credentials", errors.InternalError_),
    ],
)
def test_a_statement_that_fails_aborts_its_transaction(
    redshift: RedshiftStandIn, connect: Connect, fault: str, error: type[psycopg2.Error]
) -> None:
    redshift.faults.fail_next(matching=r"^insert into t\b", error=fault)
    with connect().cursor() as inside:
        with pytest.raises(error):
            inside.execute("insert into t values (1)")
        with pytest.raises(errors.InFailedSqlTransaction):
            inside.execute("insert into t values (1)")


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(("after", "rows"), [(False, 0), (True, 1)])
def test_a_connection_lost_at_commit_leaves_the_client_without_knowing(
    redshift: RedshiftStandIn, connect: Connect, sql: cursor, after: bool, rows: int
) -> None:
    session = connect()
    with session.cursor() as inside:
        inside.execute("insert into t values (1)")
        redshift.faults.lose_connection(matching="commit", after=after)
        with pytest.raises(psycopg2.OperationalError, match="EOF detected"):
            session.commit()
    assert session.closed
    assert count(sql) == rows


@pytest.mark.usefixtures("table")
def test_sessions_that_are_ended_lose_what_they_had_begun(redshift: RedshiftStandIn, connect: Connect) -> None:
    session = connect()
    with session.cursor() as inside:
        inside.execute("insert into t values (1)")
        redshift.end_sessions()
        with pytest.raises(psycopg2.OperationalError):
            inside.execute("select 1")
    with connect().cursor() as again:
        assert count(again) == 0


@pytest.mark.usefixtures("table")
def test_the_history_of_queries_carries_labels_and_outcomes(connect: Connect, sql: cursor) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/SYS_QUERY_HISTORY.html; query_label is the query_group."""
    sql.execute("set query_group to 'metric 2010-12-01'")
    sql.execute("insert into t values (%s)", (1,))
    with pytest.raises(errors.DivisionByZero):
        sql.execute("select 1 / 0")
    sql.execute("reset query_group")
    sql.execute(
        "select query_type, status, trim(query_text) from sys_query_history "
        "where trim(query_label) = %s and query_text not like %s order by query_id",
        ("metric 2010-12-01", "reset%"),
    )
    assert [(kind.strip(), status.strip(), text) for kind, status, text in sql.fetchall()] == [
        ("INSERT", "success", "insert into t values (1)"),
        ("SELECT", "failed", "select 1 / 0"),
    ]
