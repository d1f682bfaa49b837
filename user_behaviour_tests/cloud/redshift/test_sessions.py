"""How a session begins and what it says of itself, its transactions, and what becomes of them in a fault."""

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


def test_a_session_presents_itself_as_redshift_and_not_as_postgresql(connect: Connect) -> None:
    """8.0.2 and UNICODE are what drivers see; psycopg2 then doubles backslashes, which the server takes for escapes."""
    session = connect()
    assert session.server_version == 80002
    assert session.encoding == "UNICODE"
    assert session.get_parameter_status("standard_conforming_strings") is None
    with session.cursor() as cursor:
        cursor.execute("select version(), %s, 'a\\'b'", ("back\\slash",))
        version, bound, escaped = cursor.fetchone() or ()
    assert "Redshift" in version
    assert (bound, escaped) == ("back\\slash", "a'b")


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"sslmode": "disable"}, "SSL off"),
        ({"password": "wrong"}, "password authentication failed"),
        ({"user": "nobody"}, "password authentication failed"),
        ({"dbname": "elsewhere"}, 'database "elsewhere" does not exist'),
        ({"options": "-c lock_timeout=5s"}, "unsupported startup parameter: options"),
    ],
)
def test_who_does_not_fit_is_turned_away(connect: Connect, parameters: dict[str, str], said: str) -> None:
    with pytest.raises(psycopg2.OperationalError, match=said):
        connect(**parameters)


def test_settings_are_those_of_redshift(sql: cursor) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/cm_chap_ConfigurationRef.html lists them."""
    sql.execute("set statement_timeout to 50")
    with pytest.raises(errors.QueryCanceled):
        sql.execute("select count(*) from pg_proc a, pg_proc b, pg_proc c")
    for statement in ("show standard_conforming_strings", "set lock_timeout to '5s'", "set synchronous_commit to off"):
        with pytest.raises(errors.UndefinedObject, match="unrecognized configuration parameter"):
            sql.execute(statement)


def test_a_transaction_sees_one_state_of_the_data(connect: Connect) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/r_CREATE_DATABASE.html: SNAPSHOT is the default isolation."""
    writer, reader = connect(autocommit=True).cursor(), connect().cursor()
    writer.execute("create table t (a int)")
    assert count(reader) == 0
    writer.execute("insert into t values (1)")
    assert count(reader) == 0


def test_a_conflict_between_transactions_is_reported_as_1023(connect: Connect, sql: cursor) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation.html; not SQLSTATE 40001, as PostgreSQL has it."""
    sql.execute("create table t (a int); insert into t values (1)")
    with connect().cursor() as first:
        first.execute("select * from t")
        sql.execute("delete from t")
        with pytest.raises(errors.InternalError_) as raised:
            first.execute("delete from t")
    assert raised.value.diag.message_primary == "1023"
    assert "Serializable isolation violation on table" in (raised.value.diag.message_detail or "")


def test_several_statements_in_one_request_are_one_transaction(sql: cursor) -> None:
    with pytest.raises(errors.DivisionByZero):
        sql.execute("create table t (a int); select 1 / 0")
    sql.execute("create table t (a int); insert into t values (1); select a from t")
    assert sql.fetchall() == [(1,)]
    sql.execute("begin; insert into t values (2); rollback; select count(*) from t")
    assert sql.fetchall() == [(1,)]


def test_a_commit_that_fails_with_1023_has_rolled_back(
    redshift: RedshiftStandIn, connect: Connect, sql: cursor
) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation.html: SQLSTATE XX000, the number as the message."""
    sql.execute("create table t (a int)")
    redshift.faults.fail_next(matching="commit", times=2)
    session = connect()
    with session.cursor() as inside:
        for _ in range(2):
            inside.execute("insert into t values (1)")
            with pytest.raises(errors.InternalError_, match="1023"):
                session.commit()
            assert session.info.transaction_status == psycopg2.extensions.TRANSACTION_STATUS_IDLE
        assert count(sql) == 0
        inside.execute("insert into t values (1)")
        session.commit()
    assert count(sql) == 1


@pytest.mark.parametrize(("after", "rows"), [(False, 0), (True, 1)])
def test_a_connection_lost_at_commit_leaves_the_client_without_knowing(
    redshift: RedshiftStandIn, connect: Connect, sql: cursor, after: bool, rows: int
) -> None:
    sql.execute("create table t (a int)")
    session = connect()
    with session.cursor() as inside:
        inside.execute("insert into t values (1)")
        redshift.faults.lose_connection(matching="commit", after=after)
        with pytest.raises(psycopg2.OperationalError, match="EOF detected"):
            session.commit()
    assert session.closed
    assert count(sql) == rows
