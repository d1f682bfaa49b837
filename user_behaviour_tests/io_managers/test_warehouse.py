"""The warehouse IO manager, used by a foreign project: one day or many in one transaction, by SQL or from Python."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import psycopg2
import pyarrow as pa
import pytest

from user_behaviour.catalog.external_tables import Registration
from user_behaviour.io_managers.replacement import AuditError
from user_behaviour.lake.held_back import MissingPartitionError
from user_behaviour.local.stack import Stack
from user_behaviour.recipes import Extract, RegisteredPartitions, ReplaceDays
from user_behaviour.warehouse.postgres import PostgresWarehouseByUrl
from user_behaviour.warehouse.published_days import now, record_published
from user_behaviour_tests.io_managers.conftest import Twin
from user_behaviour_tests.io_managers.daily_table import (
    BY_DAY,
    FACTS,
    INSERT,
    NAME,
    PLANTS,
    WEEK,
    asset,
    by_sql,
    daily_table,
    execute,
    stored,
    week,
)
from user_behaviour_tests.io_managers.greenhouse import (
    DAYS,
    MON,
    THU,
    TUE,
    WED,
    Greenhouse,
    metadata_by_day,
    plain,
    rows,
)
from user_behaviour_tests.io_managers.sensor_values import KINDS
from user_behaviour_tests.ui.dev_server import eventually


@pytest.fixture
def greenhouse(tmp_path: Path, twin: Twin) -> Iterator[Greenhouse]:
    with daily_table(twin.warehouse), dg.DagsterInstance.ephemeral() as instance:
        yield Greenhouse(tmp_path, instance, twin.warehouse)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_a_range_of_days_replace_those_days_and_no_other(greenhouse: Greenhouse, kind: str) -> None:
    daily = asset(lambda days: KINDS[kind](week(days)))
    greenhouse.run([daily], MON, WED)
    result = greenhouse.run([daily], TUE, WED)

    assert stored(greenhouse) == WEEK
    counts = {day: found["dagster/partition_row_count"] for day, found in metadata_by_day(result, "daily").items()}
    assert counts == {"2024-03-05": 2, "2024-03-06": 0}


@pytest.mark.parametrize("last", [None, WED], ids=["one day", "many days"])
@pytest.mark.parametrize("kind", [pa.Table, pa.RecordBatchReader, pd.DataFrame], ids=lambda kind: kind.__name__)
def test_an_asset_downstream_asks_for_the_table_as_it_likes(
    greenhouse: Greenhouse, kind: Any, last: date | None
) -> None:
    greenhouse.run([asset(week)], MON, WED)
    seen = []

    @dg.asset(partitions_def=DAYS)
    def report(daily: kind) -> None:
        if kind is pd.DataFrame:
            assert list(daily.columns) == ["sensor", "celsius", "watered", "batch_id", "measured_on"]
            daily = pa.Table.from_pandas(daily, preserve_index=False)
        seen.extend(plain(daily.read_all() if kind is pa.RecordBatchReader else daily))

    greenhouse.run([asset(week), report], MON, last, select="report")

    expected = [("a", "20.50", True, MON), ("b", None, None, TUE), ("", "-1.00", False, TUE)]
    assert seen == (expected if last else expected[:1])


def test_loading_a_day_that_was_never_written_fails_with_a_sentence_that_names_it(greenhouse: Greenhouse) -> None:
    @dg.asset(partitions_def=DAYS)
    def report(daily: pd.DataFrame) -> None: ...

    greenhouse.run([asset(week)], MON, WED)
    sentence = "Partition 2024-03-07 of public.daily_reading is not in the warehouse; materialise it first."
    with pytest.raises(MissingPartitionError, match=sentence):
        greenhouse.run([asset(week), report], MON, THU, select="report")


def test_sql_fills_the_days_and_says_its_facts_of_each(greenhouse: Greenhouse) -> None:
    assert greenhouse.warehouse
    execute(greenhouse.warehouse, f"insert into source_day values ('{MON}'), ('{MON}'), ('{WED}'), ('{THU}')")

    result = greenhouse.run([asset(by_sql())], MON, WED)

    row = ("x", Decimal("1.00"), True)
    assert stored(greenhouse) == [(*row, MON), (*row, MON), (*row, WED)]
    shown = metadata_by_day(result, "daily")
    assert [(m["dagster/partition_row_count"], m.get("warmth")) for m in shown.values()] == [
        (2, 2.0),  # a number, which plots draw
        (0, None),
        (1, 1.0),
    ]
    assert shown["2024-03-06"]["preview"].splitlines() == [
        "| sensor | celsius | watered | batch_id |",
        "| --- | --- | --- | --- |",
        f"| x | 1.00 | True | {result.run_id} |",
    ]
    published = greenhouse.warehouse.rows(
        "select insert_date, row_count, batch_id, sources, facts from audit.published_partition "
        f"where table_name = '{NAME}' order by insert_date"
    )
    assert [tuple(p.values()) for p in published] == [
        (day, count, result.run_id, f'{{"plants": "batch-of-{day}"}}', facts)
        for day, count, facts in (
            (MON, 2, '{"readings": 2, "warmth": "2.00"}'),
            (TUE, 0, "{}"),
            (WED, 1, '{"readings": 1, "warmth": "1.00"}'),
        )
    ]


def test_the_preview_is_sorted_by_the_business_columns(greenhouse: Greenhouse) -> None:
    result = greenhouse.run([asset(lambda _: rows(("b", "2.00", None), ("a", None, True), ("b", "1.00", None)))], MON)

    lines = metadata_by_day(result, "daily")["2024-03-04"]["preview"].splitlines()
    assert [line.split(" | ")[:2] for line in lines[2:]] == [["| a", ""], ["| b", "1.00"], ["| b", "2.00"]]


def test_the_batches_that_are_recorded_are_those_whose_rows_the_transaction_read(greenhouse: Greenhouse) -> None:
    """A run that waited for the lock once recorded what was registered before it waited, and not what it then read."""
    assert greenhouse.warehouse
    execute(greenhouse.warehouse, f"insert into plants values ('fern', 'newer', '{MON}'), ('moss', 'newer', '{MON}')")
    execute(greenhouse.warehouse, f"insert into plants values ('reed', 'of another day', '{THU}')")

    greenhouse.run([asset(by_sql(with_plants=(MON, TUE)))], MON, WED)

    recorded = greenhouse.warehouse.rows(
        f"select sources from audit.published_partition where table_name = '{NAME}' order by insert_date"
    )
    # On the second day rows were registered and none is there; on the third none was registered.
    assert [row["sources"] for row in recorded] == [
        '{"plants": "newer"}',
        '{"plants": "unknown"}',
        f'{{"plants": "batch-of-{WED}"}}',
    ]


def test_days_whose_inputs_are_missing_are_held_back_and_the_others_are_replaced(greenhouse: Greenhouse) -> None:
    assert greenhouse.warehouse
    greenhouse.run([asset(week)], TUE)
    execute(greenhouse.warehouse, f"insert into source_day values ('{MON}'), ('{TUE}'), ('{WED}')")

    result = greenhouse.run([asset(by_sql(missing=(TUE,)))], MON, WED)

    assert set(metadata_by_day(result, "daily")) == {"2024-03-04", "2024-03-06"}
    assert [(row[0], row[3]) for row in stored(greenhouse)] == [("x", MON), ("", TUE), ("b", TUE), ("x", WED)]


def test_a_broken_law_rolls_back_and_leaves_the_rows_before(greenhouse: Greenhouse) -> None:
    assert greenhouse.warehouse
    greenhouse.run([asset(week)], MON, WED)
    execute(greenhouse.warehouse, f"insert into source_day values ('{MON}'), ('{TUE}')")
    law = f"""select 'no reading is called x' as law, measured_on as insert_date, count(*) as found, 0 as expected
        from {NAME} where sensor = 'x' and measured_on >= %(first_day)s and measured_on < %(end_day)s group by 2"""

    with pytest.raises(
        AuditError, match=r"2 broken laws, first on 2024-03-0.: no reading is called x: found 1, expected"
    ):
        greenhouse.run([asset(by_sql(audit=(law,)))], MON, TUE)

    assert stored(greenhouse) == WEEK
    assert greenhouse.materialized("daily") == {"2024-03-04", "2024-03-05", "2024-03-06"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_conflict_is_answered_by_the_whole_replacement_again(greenhouse: Greenhouse, twin: Twin, kind: str) -> None:
    """A stream was used up by the first attempt; the second once published its days as empty."""
    with twin.conflict():
        greenhouse.run([asset(lambda days: KINDS[kind](week(days)))], MON, WED)

    assert stored(greenhouse) == WEEK


def test_replacements_of_the_same_empty_day_at_once_do_not_double_its_rows(greenhouse: Greenhouse) -> None:
    def run(_: int) -> None:
        with dg.DagsterInstance.ephemeral() as instance:
            replace(greenhouse, instance=instance).run([asset(week)], MON, WED)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))

    assert stored(greenhouse) == WEEK


TABLE, STREAM = "arrow", "stream"
A_ROW = rows(("a", None, None))


@pytest.mark.parametrize(
    ("kind", "value", "sentence"),
    [
        (TABLE, rows(("ééé€", None, None)), r"sensor holds 9 bytes, varchar\(6\) takes 6: 'ééé€'"),
        (STREAM, rows((None, None, None)), "sensor is null in 1 rows"),  # type: ignore[arg-type]
        (TABLE, A_ROW.set_column(2, "watered", pa.array([1], pa.int32())), "watered int32"),
        (STREAM, A_ROW.append_column("colour", pa.array(["red"])), "colour string"),
        (TABLE, A_ROW.drop_columns(["watered"]), r"\(sensor string, celsius decimal128\(5, 2\), batch_id"),
    ],
    ids=["bytes", "null in a stream", "type", "column too many in a stream", "column missing"],
)
def test_rows_that_redshift_would_not_take_are_refused_and_the_rows_before_stay(
    greenhouse: Greenhouse, kind: str, value: pa.Table, sentence: str
) -> None:
    greenhouse.run([asset(week)], MON)
    with pytest.raises(dg.Failure, match=f"2024-03-04: public.daily_reading, 2024-03-04: .*{sentence}"):
        greenhouse.run([asset(lambda _: KINDS[kind](value))], MON)

    assert stored(greenhouse) == WEEK[:1]


def test_a_day_whose_rows_do_not_fit_is_held_back_and_the_others_are_replaced(greenhouse: Greenhouse) -> None:
    """A range was refused as a whole, for one text of one day."""
    value = pa.concat_tables([BY_DAY[MON], rows(("nul\0", None, None), day=TUE), rows(("c", "2.00", None), day=WED)])

    result = greenhouse.run([asset(lambda _: value)], MON, WED)

    assert set(metadata_by_day(result, "daily")) == {"2024-03-04", "2024-03-06"}
    assert stored(greenhouse) == [WEEK[0], ("c", Decimal("2.00"), None, WED)]
    assert held_back(greenhouse, result) == [
        "2024-03-05 of daily is held back: public.daily_reading, 2024-03-05: sensor is 'nul\\x00'; no database holds "
        "the character with the number 0, so take it out."
    ]


OVERFLOWING = INSERT.replace("1.00", "power(10, extract(day from day))")
SUMS = """select 'celsius' as column_name, 'sensor x' as row_name, power(10, extract(day from day)) as value
from source_day where day >= %(first_day)s and day < %(end_day)s"""


@pytest.mark.parametrize(
    ("misfits", "said"),
    [
        (SUMS, r"celsius of sensor x is 1000.*, which decimal\(5,2\) does not hold; "),
        ("", "overflow.*; correct the values"),
    ],
    ids=["asked", "not asked"],
)
def test_a_day_whose_figures_overflow_is_held_back_by_its_value_and_the_others_are_replaced(
    greenhouse: Greenhouse, misfits: str, said: str
) -> None:
    """The first of the month has 10, the second 100, and the third 1000, for which the column is too small."""
    first, second, third, fourth = (date(2024, 3, day) for day in (1, 2, 3, 4))
    assert greenhouse.warehouse
    execute(greenhouse.warehouse, f"insert into source_day values ('{first}'), ('{second}'), ('{third}')")

    result = greenhouse.run([asset(lambda _: ReplaceDays(OVERFLOWING, (), FACTS, (), misfits))], first, fourth)

    assert set(metadata_by_day(result, "daily")) == {"2024-03-01", "2024-03-02", "2024-03-04"}
    assert [row[1] for row in stored(greenhouse)] == [10, 100]
    (reason,) = held_back(greenhouse, result)
    assert re.search(f"2024-03-03 of daily is held back: public.daily_reading, 2024-03-03: .*{said}", reason)


def held_back(greenhouse: Greenhouse, result: dg.ExecuteInProcessResult) -> list[str]:
    """What the log of a run says of the days that it holds back."""
    entries = greenhouse.instance.all_logs(result.run_id)
    return [entry.user_message for entry in entries if "is held back" in entry.user_message]


def grown(rows: int) -> ReplaceDays:
    """A recipe for Monday's plants, of which so many rows of the batch `older` were registered."""
    registered = RegisteredPartitions(PLANTS, {MON: Registration(MON, "s3://plants/1/", "older", rows)}, {})
    read = "select name, batch_id, 1 as row_count, planted_on from plants where planted_on >= %(first_day)s"
    insert = f"insert into {NAME} select name, 1.00, true, %(batch_id)s, planted_on from plants_read"
    return ReplaceDays(insert, (), FACTS, (Extract("plants_read", registered, read),))


def test_a_run_that_read_before_another_one_wrote_reads_again(greenhouse: Greenhouse, stack: Stack) -> None:
    """The other one may have read a newer partition; what was made of the older one must not take its place."""
    assert greenhouse.warehouse
    warehouse = greenhouse.warehouse
    execute(warehouse, f"insert into plants values ('fern', 'older', '{MON}')")
    waiting = "select 1 from pg_locks where not granted"
    other = PostgresWarehouseByUrl(url=stack.endpoints().warehouse)

    with ThreadPoolExecutor(1) as pool, warehouse.session() as connection, connection.cursor() as cursor:
        cursor.execute("lock table audit.writer_lock")
        run = pool.submit(greenhouse.run, [asset(lambda _: grown(1))], MON)
        eventually(lambda: other.rows(waiting), within=60)
        cursor.execute("update plants set name = 'moss', batch_id = 'newer'")
        written = {"rows": {MON: 1}, "sources": {MON: {"plants": "newer"}}, "facts": {MON: {}}}
        record_published(cursor, NAME, "of-another-run", **written, before={}, moment=now())
        connection.commit()
        run.result()

    assert [row[0] for row in stored(greenhouse)] == ["moss"]
    (recorded,) = warehouse.rows(f"select sources from audit.published_partition where table_name = '{NAME}'")
    assert recorded == {"sources": '{"plants": "newer"}'}


@pytest.mark.parametrize("read", [1, 0])
def test_a_day_of_which_fewer_rows_were_read_than_registered_is_not_replaced(greenhouse: Greenhouse, read: int) -> None:
    """Redshift passes over a file that it cannot see without a word, be it the only one of the day."""
    assert greenhouse.warehouse
    if read:
        execute(greenhouse.warehouse, f"insert into plants values ('fern', 'older', '{MON}')")

    with pytest.raises(
        AuditError, match=rf"2024-03-04: {read} rows of plants were read, 2 are registered\. Rolled back"
    ):
        greenhouse.run([asset(lambda _: grown(2))], MON)

    assert stored(greenhouse) == []


def test_an_error_of_the_sql_is_raised_at_once(greenhouse: Greenhouse) -> None:
    recipe = ReplaceDays(INSERT.replace("1.00", "colour"), (), FACTS, ())

    with pytest.raises(psycopg2.errors.UndefinedColumn):
        greenhouse.run([asset(lambda _: recipe)], MON)


def test_a_value_of_a_kind_that_the_warehouse_does_not_take_is_refused(greenhouse: Greenhouse) -> None:
    with pytest.raises(TypeError, match="daily returned list; WarehouseIOManager takes one of: ReplaceDays"):
        greenhouse.run([asset(lambda _: [1])], MON)
