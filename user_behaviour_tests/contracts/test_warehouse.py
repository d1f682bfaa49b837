"""The contract of the warehouse: transactions retried whole, rows loaded and unloaded without a change.

A twin adds a class with its fixture at the end.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import psycopg2
import psycopg2.extensions
import pyarrow as pa
import pytest

from user_behaviour.lake.held_back import HeldBackError
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.local.stack import Stack
from user_behaviour.warehouse.postgres import PostgresWarehouseByUrl
from user_behaviour.warehouse.redshift_errors import CopyError
from user_behaviour.warehouse.warehouse import ATTEMPTS, Warehouse, fetch
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.cloud.redshift import RedshiftStandIn
from user_behaviour_tests.cloud.redshift_warehouse import warehouse_on
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
    @abstractmethod
    def conflict(self, request: pytest.FixtureRequest) -> Callable[[Cursor], None]:
        """Meets another transaction, in the cursor's."""

    @property
    @abstractmethod
    def refusal(self) -> type[Exception]:
        """What a load ends with whose values do not fit."""

    @abstractmethod
    def left_behind(self, warehouse: Warehouse) -> list[Any]:
        """What loading and unloading have left behind."""

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
            warehouse.rows(f"insert into {notes} (id) values (1)")

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

    def test_a_conflict_is_answered_by_the_whole_transaction_again(
        self, warehouse: Warehouse, notes: str, conflict: Callable[[Cursor], None]
    ) -> None:
        attempts: list[int] = []

        def work(cursor: Cursor) -> None:
            attempts.append(len(attempts))
            cursor.execute(f"insert into {notes} (id) values (%s)", (len(attempts),))
            if len(attempts) == 1:
                conflict(cursor)

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
        with pytest.raises(self.refusal):
            warehouse.transaction(lambda cursor: warehouse.load(cursor, notes, [batch([1], ["x" * 201])]))

    def test_many_rows_come_in_order(self, warehouse: Warehouse, many: str) -> None:
        found = pa.Table.from_batches(warehouse.unload(f"{many} order by id", {}, SCHEMA))

        assert found["id"].to_pylist() == list(range(90_000))
        assert set(found["body"].to_pylist()) == {"x" * 90}
        assert self.left_behind(warehouse) == []

    def test_unloading_can_be_left_early(self, warehouse: Warehouse, many: str) -> None:
        stream = warehouse.unload(many, {}, SCHEMA)
        next(stream)
        stream.close()  # type: ignore[attr-defined]

        assert self.left_behind(warehouse) == []

    @pytest.fixture
    def many(self, warehouse: Warehouse, notes: str) -> str:
        """A query of 90,000 rows."""
        ids = batch(list(range(300)), [None] * 300)
        warehouse.transaction(lambda cursor: warehouse.load(cursor, notes, [ids]))
        return f"""select a.id * 300 + b.id as id, repeat('x', 90) as body, cast(null as decimal(8, 3)) as price,
            cast(null as boolean) as yes from {notes} as a cross join {notes} as b"""

    def test_a_session_says_on_whose_behalf_it_works(self, warehouse: Warehouse) -> None:
        asset_and_run = "public/user_behavior_metric 5a0c1d1e-0000-4000-8000-000000000001"

        assert self.told(warehouse.labelled(asset_and_run)) in asset_and_run
        assert "public" not in self.told(warehouse)

    @abstractmethod
    def told(self, warehouse: Warehouse) -> str:
        """What a session of the warehouse says of itself in its database."""


class TestPostgresWarehouse(WarehouseContract):
    @pytest.fixture
    def warehouse(self, stack: Stack) -> Warehouse:
        return PostgresWarehouseByUrl(url=stack.endpoints().warehouse)

    @pytest.fixture(params=["40001", "40P01"], ids=["serialization failure", "deadlock"])
    def conflict(self, request: pytest.FixtureRequest) -> Callable[[Cursor], None]:
        return lambda c: c.execute(f"do $$ begin raise exception 'met' using errcode = '{request.param}'; end $$")

    @property
    def refusal(self) -> type[Exception]:
        return psycopg2.errors.StringDataRightTruncation

    def left_behind(self, warehouse: Warehouse) -> list[Any]:
        return warehouse.rows("select query from pg_stat_activity where query like 'copy (select a.id%'")

    def told(self, warehouse: Warehouse) -> str:
        name: str = warehouse.rows("select current_setting('application_name') as name")[0]["name"]
        return name

    def test_a_conflict_that_does_not_end_is_raised(
        self, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("user_behaviour.warehouse.warehouse.sleep", lambda _: None)
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


class TestRedshiftWarehouse(WarehouseContract):
    @pytest.fixture
    def warehouse(self, redshift: RedshiftStandIn, cloud: Cloud) -> Warehouse:
        self.lake = S3Lake(aws=cloud.aws, bucket=cloud.bucket(), prefix="lake")
        return warehouse_on(redshift, self.lake)

    @pytest.fixture(params=["1023", "conflict", "oid", "deadlock"])
    def conflict(self, request: pytest.FixtureRequest, redshift: RedshiftStandIn) -> Callable[[Cursor], None]:
        def meet(cursor: Cursor) -> None:
            redshift.faults.fail_next(matching="select 'meet'", error=request.param)
            cursor.execute("select 'meet'")

        return meet

    @property
    def refusal(self) -> type[Exception]:
        return CopyError

    def left_behind(self, warehouse: Warehouse) -> list[Any]:
        return self.lake.list("exchange")

    def told(self, warehouse: Warehouse) -> str:
        group: str = warehouse.rows("show query_group")[0].popitem()[1]
        return group
