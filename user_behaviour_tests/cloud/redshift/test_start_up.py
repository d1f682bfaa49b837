"""How a session begins, and what it says of itself."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import psycopg2
import pytest
from psycopg2.extensions import cursor

from user_behaviour_tests.cloud.redshift import RedshiftStandIn, redshift_stand_in
from user_behaviour_tests.cloud.redshift.conftest import Connect


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


def test_a_backslash_is_a_plain_character_where_the_server_is_switched_so(
    redshift: RedshiftStandIn, connect: Connect
) -> None:
    settings = redshift.account.settings
    with redshift_stand_in(settings.url, redshift.account.aws, standard_conforming_strings=True) as conforming:
        session = connect(
            port=conforming.port,
            dbname=conforming.database,
            password=conforming.password,
            sslrootcert=str(conforming.ca_bundle),
        )
        with session, session.cursor() as cursor:
            cursor.execute(r"select 'a\b'")
            assert cursor.fetchone() == ("a\\b",)
        session.close()


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"sslmode": "disable"}, "SSL off"),
        ({"password": "wrong"}, "password authentication failed"),
        ({"user": "nobody"}, "password authentication failed"),
        ({"dbname": "elsewhere"}, 'database "elsewhere" does not exist'),
        ({"options": "-c lock_timeout=5s"}, "unsupported startup parameter: options"),
        ({"host": "127.0.0.1"}, "does not match host name"),
        ({"sslrootcert": "system"}, "certificate verify failed"),
    ],
)
def test_who_does_not_fit_is_turned_away(connect: Connect, parameters: dict[str, str], said: str) -> None:
    with pytest.raises(psycopg2.OperationalError, match=said):
        connect(**parameters)


def test_temporary_credentials_end_and_the_sessions_they_opened_go_on(
    redshift: RedshiftStandIn, connect: Connect
) -> None:
    """docs.aws.amazon.com/redshift/latest/APIReference/API_GetClusterCredentials.html: 900 s, only for the login."""
    redshift.add_login("IAM:loader", "a-token", lifetime=timedelta(minutes=15))
    session = connect(user="IAM:loader", password="a-token")
    redshift.expire_login("IAM:loader")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        connect(user="IAM:loader", password="a-token")
    with session.cursor() as cursor:
        cursor.execute("select 1")
        assert cursor.fetchone() == (1,)


def test_a_transaction_sees_one_state_of_the_data(connect: Connect) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/r_CREATE_DATABASE.html: SNAPSHOT is the default isolation."""
    writer, reader = connect(autocommit=True).cursor(), connect().cursor()
    writer.execute("create table t (a int)")
    reader.execute("select count(*) from t")
    writer.execute("insert into t values (1)")
    reader.execute("select count(*) from t")
    assert reader.fetchone() == (0,)


def test_the_isolation_level_that_a_client_asks_for_is_accepted_and_has_no_effect(connect: Connect) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/r_BEGIN.html."""
    session = connect()
    session.set_session(isolation_level="READ COMMITTED", readonly=True)
    with session.cursor() as cursor:
        cursor.execute("select current_setting('transaction_isolation'), current_setting('transaction_read_only')")
        assert cursor.fetchone() == ("repeatable read", "on")


def test_settings_are_those_of_redshift(sql: cursor) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/cm_chap_ConfigurationRef.html lists them."""
    sql.execute("set query_group to 'daily metric'")
    sql.execute("show query_group")
    assert sql.fetchone() == ("daily metric",)
    sql.execute("set statement_timeout to 50")
    with pytest.raises(psycopg2.errors.QueryCanceled):
        sql.execute("select count(*) from pg_proc a, pg_proc b, pg_proc c")
    for statement in ("show standard_conforming_strings", "set lock_timeout to '5s'", "set synchronous_commit to off"):
        with pytest.raises(psycopg2.errors.UndefinedObject, match="unrecognized configuration parameter"):
            sql.execute(statement)


CANCEL = """
import sys, threading, psycopg2
session = psycopg2.connect(sys.argv[1])
cancelled = threading.Event()
def cancel():
    while not cancelled.wait(0.05):  # a request that comes before the query has no effect
        session.cancel()
thread = threading.Thread(target=cancel)
thread.start()
try:
    session.cursor().execute("select count(*) from pg_proc a, pg_proc b, pg_proc c")
except psycopg2.errors.QueryCanceled:
    print("cancelled")
finally:
    cancelled.set()
thread.join()
"""


def test_a_query_can_be_cancelled_from_another_process(redshift: RedshiftStandIn, connect: Connect) -> None:
    """psycopg2 keeps Python's lock while it waits for the canceller's connection to be closed; so not from this one."""
    parameters = connect().get_dsn_parameters() | {"password": redshift.password}
    url = psycopg2.extensions.make_dsn(**parameters)
    done = subprocess.run([sys.executable, "-c", CANCEL, url], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "cancelled\n"


def test_every_statement_is_recorded_with_whether_a_transaction_was_open(
    redshift: RedshiftStandIn, connect: Connect
) -> None:
    session = connect()
    with session, session.cursor() as cursor:
        cursor.execute("select 1")
    pid = session.get_backend_pid()
    seen = [(statement.in_transaction, statement.text) for statement in redshift.statements if statement.session == pid]
    assert seen == [(False, "BEGIN"), (True, "select 1"), (True, "COMMIT")]
