"""The contract of the warehouse: transactions are whole, rows are loaded and unloaded without a change."""

from collections.abc import Iterator
from typing import Any

import psycopg2
import psycopg2.extensions
import pyarrow as pa
import pytest

from user_behaviour.lake.held_back import HeldBackError
from user_behaviour.warehouse.warehouse import Warehouse, fetch
from user_behaviour_tests.contracts.conftest import WarehouseTwin
from user_behaviour_tests.contracts.test_source_database import TEXTS

Cursor = psycopg2.extensions.cursor
SCHEMA = pa.schema([("id", pa.int32()), ("body", pa.string()), ("price", pa.decimal128(8, 3)), ("yes", pa.bool_())])


def batch(ids: list[int], texts: list[str | None]) -> pa.RecordBatch:
    nulls = pa.nulls(len(ids))
    return pa.record_batch(
        [pa.array(ids, pa.int32()), pa.array(texts, pa.string()), nulls.cast(SCHEMA.types[2]), nulls.cast(pa.bool_())],
        schema=SCHEMA,
    )


@pytest.fixture
def many(warehouse: Warehouse, notes: str) -> str:
    """A query of 90,000 rows."""
    ids = batch(list(range(300)), [None] * 300)
    warehouse.transaction(lambda cursor: warehouse.load(cursor, notes, [ids]))
    return f"""select a.id * 300 + b.id as id, repeat('x', 90) as body, cast(null as decimal(8, 3)) as price,
        cast(null as boolean) as yes from {notes} as a cross join {notes} as b"""


def test_rows_come_by_column_name(warehouse: Warehouse) -> None:
    assert warehouse.rows("select %(n)s as n, null as nothing", {"n": 7}) == [{"n": 7, "nothing": None}]


def test_what_a_query_writes_is_rolled_back(warehouse: Warehouse, notes: str) -> None:
    with pytest.raises(psycopg2.ProgrammingError, match="no results to fetch"):
        warehouse.rows(f"insert into {notes} (id) values (1)")

    assert warehouse.rows(f"select id from {notes}") == []


def test_a_transaction_is_committed_and_gives_its_result(warehouse: Warehouse, notes: str) -> None:
    def work(cursor: Cursor) -> list[dict[str, Any]]:
        cursor.execute(f"insert into {notes} (id) values (1)")
        cursor.execute(f"select id from {notes}")
        return fetch(cursor)

    assert warehouse.transaction(work) == [{"id": 1}]
    assert warehouse.rows(f"select id from {notes}") == [{"id": 1}]


def test_a_transaction_that_raises_leaves_nothing(warehouse: Warehouse, notes: str) -> None:
    def work(cursor: Cursor) -> None:
        cursor.execute(f"insert into {notes} (id) values (1)")
        raise HeldBackError("no")

    with pytest.raises(HeldBackError):
        warehouse.transaction(work)
    assert warehouse.rows(f"select id from {notes}") == []


def test_texts_are_loaded_and_unloaded_as_they_are(warehouse: Warehouse, notes: str) -> None:
    rows = batch(list(range(len(TEXTS))), TEXTS)

    loaded = warehouse.transaction(lambda cursor: warehouse.load(cursor, notes, [rows.slice(0, 5), rows.slice(5)]))
    found = pa.Table.from_batches(warehouse.unload(f"select id, body, price, yes from {notes} order by id", {}, SCHEMA))

    assert loaded == len(TEXTS)
    assert found["body"].to_pylist() == TEXTS


def test_columns_go_by_name_and_those_not_given_are_null(warehouse: Warehouse, notes: str) -> None:
    rows = pa.record_batch({"yes": [True, False, None], "id": pa.array([1, 2, 3], pa.int32())})

    warehouse.transaction(lambda cursor: warehouse.load(cursor, notes, [rows]))

    assert [tuple(row.values()) for row in warehouse.rows(f"select id, yes, body from {notes} order by id")] == [
        (1, True, None),
        (2, False, None),
        (3, None, None),
    ]


def test_loading_nothing_is_nothing(warehouse: Warehouse, notes: str) -> None:
    assert warehouse.transaction(lambda cursor: warehouse.load(cursor, notes, [])) == 0
    assert warehouse.transaction(lambda cursor: warehouse.load(cursor, notes, [batch([], [])])) == 0


def test_a_stream_that_breaks_while_it_is_loaded_says_why_and_leaves_nothing(warehouse: Warehouse, notes: str) -> None:
    """The driver reports it as a cancelled query; what was wrong with the day was lost on the way."""

    def rows() -> Iterator[pa.RecordBatch]:
        yield batch([1], ["good"])
        raise HeldBackError("the second file is torn")

    with pytest.raises(HeldBackError, match="the second file is torn"):
        warehouse.transaction(lambda cursor: warehouse.load(cursor, notes, rows()))
    assert warehouse.rows(f"select id from {notes}") == []


def test_a_text_too_long_for_its_column_is_refused(twin: WarehouseTwin, warehouse: Warehouse, notes: str) -> None:
    with pytest.raises(twin.refusal):
        warehouse.transaction(lambda cursor: warehouse.load(cursor, notes, [batch([1], ["x" * 201])]))


def test_many_rows_come_in_order(twin: WarehouseTwin, warehouse: Warehouse, many: str) -> None:
    found = pa.Table.from_batches(warehouse.unload(f"{many} order by id", {}, SCHEMA))

    assert found["id"].to_pylist() == list(range(90_000))
    assert set(found["body"].to_pylist()) == {"x" * 90}
    assert twin.left_behind() == []


def test_unloading_can_be_left_early(twin: WarehouseTwin, warehouse: Warehouse, many: str) -> None:
    stream = warehouse.unload(many, {}, SCHEMA)
    next(stream)
    stream.close()  # type: ignore[attr-defined]

    assert twin.left_behind() == []


def test_a_session_says_on_whose_behalf_it_works(twin: WarehouseTwin, warehouse: Warehouse) -> None:
    asset_and_run = "public/user_behavior_metric 5a0c1d1e-0000-4000-8000-000000000001"

    assert twin.told(warehouse.labelled(asset_and_run)) in asset_and_run
    assert "public" not in twin.told(warehouse)
