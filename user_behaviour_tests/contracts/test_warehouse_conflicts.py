"""The contract of the warehouse where transactions meet: what passes by itself is tried again, as a whole."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import psycopg2.extensions
import pytest

from user_behaviour.warehouse.warehouse import ATTEMPTS, Warehouse
from user_behaviour_tests.contracts.conftest import CONFLICTS, WarehouseTwin

Cursor = psycopg2.extensions.cursor


@pytest.mark.parametrize(
    ("twin", "kind"), [(twin, kind) for twin, kinds in CONFLICTS.items() for kind in kinds], indirect=["twin"]
)
def test_a_conflict_is_answered_by_the_whole_transaction_again(twin: WarehouseTwin, notes: str, kind: str) -> None:
    attempts: list[int] = []

    def work(cursor: Cursor) -> None:
        attempts.append(len(attempts))
        cursor.execute(f"insert into {notes} (id) values (%s)", (len(attempts),))
        if len(attempts) == 1:
            twin.meet(cursor, kind)

    twin.warehouse.transaction(work)

    assert twin.warehouse.rows(f"select id from {notes}") == [{"id": 2}]


def test_a_lost_connection_is_answered_by_the_whole_transaction_again(warehouse: Warehouse, notes: str) -> None:
    pids: set[int] = set()

    def work(cursor: Cursor) -> None:
        cursor.execute("select pg_backend_pid()")
        ((pid,),) = cursor.fetchall()
        pids.add(pid)
        cursor.execute(f"insert into {notes} (id) values (%s)", (len(pids),))
        if len(pids) == 1:
            warehouse.rows("select pg_terminate_backend(%(pid)s)", {"pid": pid})
            cursor.execute("select 1")

    warehouse.transaction(work)

    assert warehouse.rows(f"select id from {notes}") == [{"id": 2}]


@pytest.mark.parametrize(
    "sql", ["select 1 / 0", "select cast('order 1023' as int)"], ids=["plain", "that mentions the number of a conflict"]
)
def test_an_error_of_the_data_is_not_tried_again(warehouse: Warehouse, sql: str) -> None:
    attempts = []

    def work(cursor: Cursor) -> None:
        attempts.append(1)
        cursor.execute(sql)

    with pytest.raises((psycopg2.errors.DivisionByZero, psycopg2.errors.InvalidTextRepresentation)):
        warehouse.transaction(work)
    assert len(attempts) == 1


def test_a_conflict_that_does_not_end_is_raised(postgres: WarehouseTwin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("user_behaviour.warehouse.warehouse.sleep", lambda _: None)
    attempts = []

    def work(cursor: Cursor) -> None:
        attempts.append(1)
        postgres.meet(cursor, "40001")

    with pytest.raises(psycopg2.errors.SerializationFailure):
        postgres.warehouse.transaction(work)
    assert len(attempts) == ATTEMPTS


def test_a_real_deadlock_ends_with_both_transactions_done(postgres: WarehouseTwin) -> None:
    """Two transactions that lock two rows in opposite order; the server ends one of them, and it comes again."""
    warehouse = postgres.warehouse
    pair = "create table pair as select n as id, 0 as hits from (values (1), (2)) v (n)"
    warehouse.transaction(lambda cursor: cursor.execute(pair))
    both_hold_one = threading.Barrier(2)

    def hit(first: int, second: int) -> None:
        tries: list[int] = []

        def work(cursor: Cursor) -> None:
            tries.append(1)
            cursor.execute("update pair set hits = hits + 1 where id = %s", (first,))
            if len(tries) == 1:
                both_hold_one.wait()
            cursor.execute("update pair set hits = hits + 1 where id = %s", (second,))

        warehouse.transaction(work)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(hit, (1, 2), (2, 1)))

    assert warehouse.rows("select distinct hits from pair") == [{"hits": 2}]
    warehouse.transaction(lambda cursor: cursor.execute("drop table pair"))
