"""What is tried again on Redshift: all of a transaction, on a new connection, and nothing that would end alike."""

from collections.abc import Iterator

import psycopg2
import psycopg2.extensions
import pytest

from user_behaviour.lake.s3 import S3Lake
from user_behaviour.warehouse.redshift import RedshiftWarehouse
from user_behaviour.warehouse.warehouse import ATTEMPTS
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.cloud.redshift import RedshiftStandIn
from user_behaviour_tests.cloud.redshift_warehouse import warehouse_on

Cursor = psycopg2.extensions.cursor


@pytest.fixture
def lake(cloud: Cloud) -> S3Lake:
    return S3Lake(aws=cloud.aws, bucket="nothing-is-staged", prefix="lake")


@pytest.fixture
def warehouse(redshift: RedshiftStandIn, lake: S3Lake, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedshiftWarehouse]:
    monkeypatch.setattr("user_behaviour.warehouse.warehouse.sleep", lambda _: None)
    warehouse = warehouse_on(redshift, lake)
    warehouse.transaction(lambda cursor: cursor.execute("create table stock (id int not null, name varchar(20))"))
    yield warehouse
    redshift.faults.clear()
    warehouse.transaction(lambda cursor: cursor.execute("drop table stock"))


def replaced(cursor: Cursor) -> None:
    """Something that may be done twice."""
    cursor.execute("delete from stock where id = 7")
    cursor.execute("insert into stock (id, name) values (7, 'seven')")


def test_a_serializable_violation_at_commit_is_answered_by_all_of_it_on_newer_data(
    redshift: RedshiftStandIn, warehouse: RedshiftWarehouse
) -> None:
    seen: list[int] = []

    def work(cursor: Cursor) -> None:
        cursor.execute("select count(*) from stock")
        seen.append(cursor.fetchall()[0][0])
        if len(seen) == 1:
            warehouse.transaction(lambda other: other.execute("insert into stock (id) values (1)"))
            redshift.faults.fail_next(matching="^commit", error="1023")
        cursor.execute("insert into stock (id) values (2)")

    warehouse.transaction(work)

    assert seen == [0, 1]
    assert warehouse.rows("select id from stock order by id") == [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize("carried_out", [True, False], ids=["after it was carried out", "before"])
def test_a_connection_that_is_lost_at_the_commit_is_answered_by_all_of_it_again(
    redshift: RedshiftStandIn, warehouse: RedshiftWarehouse, carried_out: bool
) -> None:
    since = len(redshift.statements)
    redshift.faults.lose_connection(matching="^commit", after=carried_out)

    warehouse.transaction(replaced)

    assert len([s for s in redshift.statements[since:] if s.text.startswith("insert")]) == 2
    assert warehouse.rows("select id, name from stock") == [{"id": 7, "name": "seven"}]


@pytest.mark.parametrize("statement", ["set statement_timeout", "^begin", "select 1 as n"])
def test_a_query_outlives_lost_connections(
    redshift: RedshiftStandIn, warehouse: RedshiftWarehouse, statement: str
) -> None:
    redshift.faults.lose_connection(matching=statement, times=2)

    assert warehouse.rows("select 1 as n") == [{"n": 1}]
    assert redshift.faults.pending == []


def test_a_server_that_is_not_there_is_asked_a_few_times(
    redshift: RedshiftStandIn, lake: S3Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("user_behaviour.warehouse.warehouse.sleep", pauses.append)

    with pytest.raises(psycopg2.OperationalError, match="Connection refused"):
        warehouse_on(redshift, lake, port=1).rows("select 1 as n")
    assert len(pauses) == ATTEMPTS - 1
