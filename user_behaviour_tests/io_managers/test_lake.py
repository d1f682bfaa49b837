"""The lake IO manager, used by a foreign project: every kind of value, of one day and of a range of days."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import date
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from user_behaviour.lake.locations import Locations, PartitionStreams
from user_behaviour.recipes import DayBatch, PerDay
from user_behaviour.tables.table import Column
from user_behaviour_tests.io_managers.greenhouse import (
    DAYS,
    MON,
    READINGS,
    THU,
    TUE,
    WED,
    Greenhouse,
    declared,
    metadata_by_day,
    plain,
    rows,
)
from user_behaviour_tests.io_managers.sensor_values import KINDS, MONDAY, TUESDAY, WEDNESDAY, readings, week


@pytest.mark.parametrize("kind", KINDS)
def test_a_range_of_days_is_published_day_by_day_and_a_day_without_rows_as_empty(
    greenhouse: Greenhouse, kind: str
) -> None:
    asset = readings(lambda days: KINDS[kind](week(days)))

    result = greenhouse.run([asset], MON, THU)

    assert [greenhouse.stored(day) for day in (MON, TUE, WED, THU)] == [[MONDAY], [TUESDAY], [WEDNESDAY], []]
    assert greenhouse.materialized("readings") == {"2024-03-04", "2024-03-05", "2024-03-06", "2024-03-07"}
    counts = {day: found["dagster/partition_row_count"] for day, found in metadata_by_day(result, "readings").items()}
    assert counts == {"2024-03-04": 1, "2024-03-05": 1, "2024-03-06": 1, "2024-03-07": 0}


@pytest.mark.parametrize("kind", KINDS)
def test_one_day_is_published_without_a_partition_column(greenhouse: Greenhouse, kind: str) -> None:
    greenhouse.run([readings(lambda _: KINDS[kind](rows(MONDAY, TUESDAY)))], MON)

    assert greenhouse.stored(MON) == [MONDAY, TUESDAY]
    assert greenhouse.materialized("readings") == {"2024-03-04"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_without_any_row_is_an_empty_partition(greenhouse: Greenhouse, kind: str) -> None:
    greenhouse.run([readings(lambda _: KINDS[kind](rows(day=MON)))], MON)

    assert greenhouse.stored(MON) == []


GIVEN: dict[type, Callable[[Any], Any]] = {
    pa.Table: plain,
    pa.RecordBatchReader: lambda stream: plain(stream.read_all()),
    pd.DataFrame: lambda frame: plain(pa.Table.from_pandas(frame, preserve_index=False)),
    PartitionStreams: lambda streams: [
        (*row, day)
        for day in streams.days
        for batch in streams.read(streams.manifest(day))
        for row in plain(pa.Table.from_batches([batch]))
    ],
    Locations: lambda locations: [
        (*row, day)
        for day, location in locations.by_day.items()
        for row in plain(pq.read_table(location.uri.removeprefix("file://"), partitioning=None))
    ],
}


@pytest.mark.parametrize("last", [None, TUE], ids=["one day", "two days"])
@pytest.mark.parametrize("kind", GIVEN, ids=lambda kind: kind.__name__)
def test_each_kind_of_parameter_gets_the_days_of_the_run(greenhouse: Greenhouse, kind: Any, last: date | None) -> None:
    greenhouse.run([readings(week)], MON, WED)
    seen = []

    @dg.asset(partitions_def=DAYS)
    def report(readings: kind) -> None:
        seen.extend(GIVEN[kind](readings))

    greenhouse.run([readings(week), report], MON, last, select="report")

    assert seen == [(*MONDAY, MON), (*TUESDAY, TUE)][: 2 if last else 1]


def test_the_days_of_an_input_are_those_of_its_partition_mapping(greenhouse: Greenhouse) -> None:
    greenhouse.run([readings(week)], MON, THU)
    seen = []
    day_before = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)

    @dg.asset(partitions_def=DAYS, ins={"before": dg.AssetIn("readings", partition_mapping=day_before)})
    def report(before: pa.Table) -> None:
        seen.extend(plain(before))

    greenhouse.run([readings(week), report], TUE, WED, select="report")

    assert seen == [(*MONDAY, MON), (*TUESDAY, TUE)]


def test_a_location_is_a_directory_that_holds_the_parquet_files_of_the_batch(greenhouse: Greenhouse) -> None:
    greenhouse.run([readings(week)], MON, TUE)

    location = greenhouse.lake.dataset(READINGS).locations([MON]).by_day[MON]

    assert location.uri.startswith("file:///")
    assert f"measured_on=2024-03-04/{location.manifest.batch_id}" in location.uri
    assert plain(pq.read_table(location.uri.removeprefix("file://"), partitioning=None)) == [MONDAY]


def test_loading_a_missing_partition_fails_with_a_sentence_that_names_it(greenhouse: Greenhouse) -> None:
    @dg.asset(partitions_def=DAYS)
    def report(readings: pa.Table) -> None: ...

    greenhouse.run([readings(week)], MON, WED)
    result = greenhouse.run([readings(week), report], MON, THU, select="report", raise_on_error=False)

    (failure,) = result.get_step_failure_events()
    assert failure.step_failure_data.error is not None
    assert (
        f"Partition 2024-03-07 of readings is not in the lake at file://{greenhouse.root}/readings; "
        "materialise it first." in failure.step_failure_data.error.cause.message  # type: ignore[union-attr]
    )


def test_a_new_nullable_column_does_not_break_the_old_partitions(greenhouse: Greenhouse) -> None:
    greenhouse.run([readings(week)], MON, TUE)
    grown = replace(READINGS, columns=(*READINGS.columns[:-1], Column("humidity", "int", "%"), READINGS.columns[-1]))
    seen = []

    @dg.asset(name="readings", **declared(grown))
    def with_humidity() -> pa.Table:
        return rows(WEDNESDAY).append_column("humidity", pa.array([40], pa.int32()))

    @dg.asset(partitions_def=DAYS)
    def report(readings: pd.DataFrame) -> None:
        seen.extend(readings["humidity"].astype(object).where(readings["humidity"].notna(), None).tolist())

    greenhouse.run([with_humidity], WED)
    greenhouse.run([with_humidity, report], MON, WED, select="report")

    assert seen == [None, None, 40]


def test_an_older_view_is_stored_beside_and_the_metadata_tells_what_is_in_force(greenhouse: Greenhouse) -> None:
    def view(moment: str, table: pa.Table) -> dg.AssetsDefinition:
        return readings(PerDay(lambda: nullcontext(lambda _: DayBatch(moment, table.to_batches()))))

    newer = greenhouse.run([view("2024-04-02T00:00:00.000000Z", rows(MONDAY, TUESDAY))], MON)
    late = greenhouse.run([view("2024-04-01T00:00:00.000000Z", rows(WEDNESDAY))], MON)

    assert greenhouse.stored(MON) == [MONDAY, TUESDAY]
    shown = metadata_by_day(late, "readings")["2024-03-04"]
    assert shown["dagster/partition_row_count"] == 2
    assert shown["batch_id"] == newer.run_id


def test_a_value_of_a_kind_that_the_lake_does_not_take_is_refused_with_the_choices(greenhouse: Greenhouse) -> None:
    with pytest.raises(TypeError, match="readings returned list; the lake takes one of: PerDay, SparkFiles"):
        greenhouse.run([readings([1])], MON)


def test_an_asset_without_declared_columns_is_refused(greenhouse: Greenhouse) -> None:
    @dg.asset(partitions_def=DAYS, io_manager_key="files")
    def bare() -> pa.Table:
        return rows(MONDAY)

    with pytest.raises(dg.DagsterInvalidDefinitionError, match="bare declares no columns"):
        greenhouse.run([bare], MON)
