"""The contract of the warehouse: transactions retried whole, rows loaded and unloaded without a change.

A twin adds a class with its fixture at the end.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import psycopg2
import psycopg2.extensions
import pyarrow as pa
import pytest

from user_behaviour.local.stack import Stack
from user_behaviour.recipes import HeldBackError
from user_behaviour.resources.warehouse import ATTEMPTS, PostgresWarehouse, Warehouse, fetch
from user_behaviour_tests.contracts.test_source_database import TEXTS

Cursor = psycopg2.extensions.cursor
SCHEMA = pa.schema([("id", pa.int32()), ("body", pa.string()), ("price", pa.decimal128(8, 3)), ("yes", pa.bool_())])


def batch(ids: list[int], texts: list[str | None]) -> pa.RecordBatch:
    nulls = pa.nulls(len(ids))
    return pa.record_batch(
        [pa.array(ids, pa.int32()), pa.array(texts, pa.string()), nulls.cast(SCHEMA.types[2]), nulls.cast(pa.bool_())],
        schema=SCHEMA,
    )


class WarehouseContract(ABC):
    """What every warehouse does."""

    @pytest.fixture
    @abstractmethod
    def warehouse(self, stack: Stack) -> Warehouse: ...

    @pytest.fixture
    def notes(self, warehouse: Warehouse) -> Iterator[str]:
        """An empty table."""
        create = "create table notes (id int, body varchar(200), price decimal(8, 3), yes boolean)"
        warehouse.transaction(lambda cursor: cursor.execute(create))
        yield "notes"
        warehouse.transaction(lambda cursor: cursor.execute("drop table notes"))

    def test_rows_come_by_column_name(self, warehouse: Warehouse) -> None:
        assert warehouse.rows("select %(n)s as n, null as nothing", {"n": 7}) == [{"n": 7, "nothing": None}]

    def test_a_query_cannot_write(self, warehouse: Warehouse, notes: str) -> None:
        with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
            warehouse.rows(f"insert into {notes} (id) values (1) returning id")

    def test_a_transaction_is_committed_and_gives_its_result(self, warehouse: Warehouse, notes: str) -> None:
        def work(cursor: Cursor) -> list[dict[str, Any]]:
            cursor.execute(f"insert into {notes} (id) values (1)")
            cursor.execute(f"select id from {notes}")
            return fetch(cursor)

        assert warehouse.transaction(work) == [{"id": 1}]
        assert warehouse.rows(f"select id from {notes}") == [{"id": 1}]

    def test_a_transaction_that_raises_leaves_nothing(self, warehouse: Warehouse, notes: str) -> None:
        def work(cursor: Cursor) -> None:
            cursor.execute(f"insert into {notes} (id) values (1)")
            raise HeldBackError("no")

        with pytest.raises(HeldBackError):
            warehouse.transaction(work)
        assert warehouse.rows(f"select id from {notes}") == []

    @pytest.mark.parametrize("state", ["40001", "40P01"], ids=["serialization failure", "deadlock"])
    def test_a_conflict_is_answered_by_the_whole_transaction_again(
        self, warehouse: Warehouse, notes: str, state: str
    ) -> None:
        attempts: list[int] = []

        def work(cursor: Cursor) -> None:
            attempts.append(len(attempts))
            cursor.execute(f"insert into {notes} (id) values (%s)", (len(attempts),))
            if len(attempts) == 1:
                cursor.execute(f"do $$ begin raise exception 'met' using errcode = '{state}'; end $$")

        warehouse.transaction(work)

        assert warehouse.rows(f"select id from {notes}") == [{"id": 2}]

    def test_a_lost_connection_is_answered_by_the_whole_transaction_again(
        self, warehouse: Warehouse, notes: str
    ) -> None:
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

    def test_an_error_of_the_data_is_not_tried_again(self, warehouse: Warehouse) -> None:
        attempts = []

        def work(cursor: Cursor) -> None:
            attempts.append(1)
            cursor.execute("select 1 / 0")

        with pytest.raises(psycopg2.errors.DivisionByZero):
            warehouse.transaction(work)
        assert len(attempts) == 1

    def test_texts_are_loaded_and_unloaded_as_they_are(self, warehouse: Warehouse, notes: str) -> None:
        rows = batch(list(range(len(TEXTS))), TEXTS)

        loaded = warehouse.transaction(lambda cursor: warehouse.load(cursor, notes, [rows.slice(0, 5), rows.slice(5)]))
        found = pa.Table.from_batches(
            warehouse.unload(f"select id, body, price, yes from {notes} order by id", {}, SCHEMA)
        )

        assert loaded == len(TEXTS)
        assert found["body"].to_pylist() == TEXTS

    def test_columns_go_by_name_and_those_not_given_are_null(self, warehouse: Warehouse, notes: str) -> None:
        rows = pa.record_batch({"yes": [True, False, None], "id": pa.array([1, 2, 3], pa.int32())})

        warehouse.transaction(lambda cursor: warehouse.load(cursor, notes, [rows]))

        assert [tuple(row.values()) for row in warehouse.rows(f"select id, yes, body from {notes} order by id")] == [
            (1, True, None),
            (2, False, None),
            (3, None, None),
        ]

    def test_loading_nothing_is_nothing(self, warehouse: Warehouse, notes: str) -> None:
        assert warehouse.transaction(lambda cursor: warehouse.load(cursor, notes, [])) == 0
        assert warehouse.transaction(lambda cursor: warehouse.load(cursor, notes, [batch([], [])])) == 0

    def test_a_stream_that_breaks_while_it_is_loaded_says_why_and_leaves_nothing(
        self, warehouse: Warehouse, notes: str
    ) -> None:
        """The driver reports it as a cancelled query; what was wrong with the day was lost on the way."""

        def rows() -> Iterator[pa.RecordBatch]:
            yield batch([1], ["good"])
            raise HeldBackError("the second file is torn")

        with pytest.raises(HeldBackError, match="the second file is torn"):
            warehouse.transaction(lambda cursor: warehouse.load(cursor, notes, rows()))
        assert warehouse.rows(f"select id from {notes}") == []

    def test_a_text_too_long_for_its_column_is_refused(self, warehouse: Warehouse, notes: str) -> None:
        with pytest.raises(psycopg2.errors.StringDataRightTruncation):
            warehouse.transaction(lambda cursor: warehouse.load(cursor, notes, [batch([1], ["x" * 201])]))

    def test_unloading_can_be_left_early(self, warehouse: Warehouse) -> None:
        sql = "select n as id, repeat('x', 90) as body, null as price, null as yes from generate_series(1, 300000) as n"
        stream = warehouse.unload(sql, {}, SCHEMA)
        next(stream)
        stream.close()  # type: ignore[attr-defined]

        assert warehouse.rows(
            "select count(*) as n from pg_stat_activity where query like 'copy (select n as id%'"
        ) == [{"n": 0}]


class TestPostgresWarehouse(WarehouseContract):
    @pytest.fixture
    def warehouse(self, stack: Stack) -> Warehouse:
        return PostgresWarehouse(lambda: stack.endpoints().warehouse)

    def test_a_conflict_that_does_not_end_is_raised(
        self, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("user_behaviour.resources.warehouse.time.sleep", lambda _: None)
        attempts = []

        def work(cursor: Cursor) -> None:
            attempts.append(1)
            cursor.execute("do $$ begin raise exception 'met' using errcode = '40001'; end $$")

        with pytest.raises(psycopg2.errors.SerializationFailure):
            warehouse.transaction(work)
        assert len(attempts) == ATTEMPTS

    def test_a_real_deadlock_ends_with_both_transactions_done(self, warehouse: Warehouse) -> None:
        """Two transactions that lock two rows in opposite order; the server ends one of them, and it comes again."""
        warehouse.transaction(
            lambda c: c.execute("create table pair as select n as id, 0 as hits from (values (1), (2)) v (n)")
        )
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

        threads = [threading.Thread(target=hit, args=order) for order in ((1, 2), (2, 1))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert warehouse.rows("select distinct hits from pair") == [{"hits": 2}]
        warehouse.transaction(lambda cursor: cursor.execute("drop table pair"))
