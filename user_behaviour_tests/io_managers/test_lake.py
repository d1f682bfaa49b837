"""The lake IO manager, used by a foreign project: every kind of value, of one day and of a range of days."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from user_behaviour.lake.locations import Location, Locations, PartitionStreams
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
from user_behaviour_tests.io_managers.sensor_values import KINDS, MONDAY, TUESDAY, WEDNESDAY, readings, recipe, week

WRITTEN: dict[str, tuple[Callable[[list[date]], pa.Table], dict[date, list[Any]]]] = {
    "a range of days": (week, {MON: [MONDAY], TUE: [TUESDAY], WED: [WEDNESDAY], THU: []}),
    "one day without a partition column": (lambda _: rows(MONDAY, TUESDAY), {MON: [MONDAY, TUESDAY]}),
    "one day without rows": (lambda _: rows(day=MON), {MON: []}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", WRITTEN)
def test_each_day_is_published_for_itself_and_a_day_without_rows_as_empty(
    greenhouse: Greenhouse, kind: str, case: str
) -> None:
    table, expected = WRITTEN[case]
    days = list(expected)

    result = greenhouse.run([readings(lambda d: KINDS[kind](table(d)))], days[0], days[-1] if days[1:] else None)

    assert {day: greenhouse.stored(day) for day in days} == expected
    assert greenhouse.materialized("readings") == {str(day) for day in days}
    counts = {day: found["dagster/partition_row_count"] for day, found in metadata_by_day(result, "readings").items()}
    assert counts == {str(day): len(found) for day, found in expected.items()}


def test_the_preview_leads_with_the_business_columns_sorted_by_them_and_ends_with_the_batch(
    greenhouse: Greenhouse,
) -> None:
    given = rows(("b", "2.00", True), ("a", None, None), ("b", "1.00", False))

    result = greenhouse.run([readings(given)], MON)

    assert metadata_by_day(result, "readings")["2024-03-04"]["preview"].splitlines() == [
        "| sensor | celsius | watered | batch_id |",
        "| --- | --- | --- | --- |",
        f"| a |  |  | {result.run_id} |",
        f"| b | 1.00 | False | {result.run_id} |",
        f"| b | 2.00 | True | {result.run_id} |",
    ]


def found_at(location: Location) -> list[tuple[Any, ...]]:
    """The rows of the Parquet files of a location, which is the directory of the day's batch."""
    assert location.uri.startswith("file:///")
    assert location.uri.endswith(f"measured_on={location.manifest.day}/{location.manifest.batch_id}")
    return plain(pq.read_table(location.uri.removeprefix("file://"), partitioning=None))


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
    Locations: lambda locations: [(*row, day) for day, at in locations.by_day.items() for row in found_at(at)],
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
    newer = recipe({MON: rows(MONDAY, TUESDAY)}, as_of="2024-04-02T00:00:00.000000Z")
    older = recipe({MON: rows(WEDNESDAY)}, as_of="2024-04-01T00:00:00.000000Z")

    in_force = greenhouse.run([readings(newer)], MON)
    late = greenhouse.run([readings(older)], MON)

    assert greenhouse.stored(MON) == [MONDAY, TUESDAY]
    shown = metadata_by_day(late, "readings")["2024-03-04"]
    assert (shown["dagster/partition_row_count"], shown["batch_id"]) == (2, in_force.run_id)


def test_a_type_that_the_lake_does_not_take_or_give_is_refused_with_the_choices(greenhouse: Greenhouse) -> None:
    @dg.asset(partitions_def=DAYS)
    def report(readings: dict[str, int]) -> None: ...

    with pytest.raises(TypeError, match="readings returned list; LakeIOManager takes one of: PerDay, SparkFiles, py"):
        greenhouse.run([readings([1])], MON)
    with pytest.raises(TypeError, match=r"cannot give readings as .*; annotate the parameter with one of: Locations, "):
        greenhouse.run([readings(week), report], MON)


def test_an_asset_without_declared_columns_is_refused(greenhouse: Greenhouse) -> None:
    @dg.asset(partitions_def=DAYS, io_manager_key="files")
    def bare() -> pa.Table:
        return rows(MONDAY)

    with pytest.raises(dg.DagsterInvalidDefinitionError, match="bare declares no columns"):
        greenhouse.run([bare], MON)
