"""What a Spark program writes, on its way through the lake IO manager.

The programs of these tests keep the contract of `SparkFiles` without Spark: a job object in, Parquet files out.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from user_behaviour.lake.locations import Locations
from user_behaviour.recipes import SparkFiles
from user_behaviour.tables.days import days_of
from user_behaviour.tables.table import Column, Table
from user_behaviour_tests.io_managers.greenhouse import (
    BATCH,
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

VERDICTS = Table(
    name="verdicts",
    description="One row a reading.",
    columns=(Column("sensor", "varchar(6)", "which", nullable=False), Column("warm", "boolean", "was it"), BATCH),
    partition_column="measured_on",
)
Program = Callable[[str], None]


@dg.asset(**declared(READINGS))
def readings(context: dg.AssetExecutionContext) -> pa.Table:
    one_each = [rows((day.strftime("%a"), "20.00", None), day=day) for day in days_of(context.partition_keys)]
    return pa.concat_tables(one_each).filter(pa.compute.not_equal(pa.compute.field("sensor"), "Wed"))


def verdicts(program: Program) -> dg.AssetsDefinition:
    @dg.asset(name="verdicts", **declared(VERDICTS))
    def made(readings: Locations) -> SparkFiles:
        return SparkFiles.of(readings, program)

    asset: dg.AssetsDefinition = made
    return asset


def program(
    change: Mapping[str, Callable[[pa.Table], pa.Table]] | None = None, *, succeeds: bool = True, calls: Any = None
) -> Program:
    """Writes a verdict a reading, as Spark does: every column optional, several files a day, `_SUCCESS` last."""

    def run(uri: str) -> None:
        job = json.loads(Path(uri.removeprefix("file://")).read_text())
        if calls is not None:
            calls.append([entry["insert_date"] for entry in job["inputs"]])
        output = Path(job["output"].removeprefix("file://"))
        for entry in job["inputs"]:
            assert entry["location"].startswith(job["base"] + "/measured_on=")
            found = pq.read_table(entry["location"].removeprefix("file://"), partitioning=None)
            table = pa.table(
                {
                    "sensor": found["sensor"],
                    "warm": pa.array([True] * found.num_rows),
                    "batch_id": pa.array([job["batch_id"]] * found.num_rows),
                }
            )
            table = (change or {}).get(entry["insert_date"], lambda table: table)(table)
            directory = output / f"measured_on={entry['insert_date']}"
            directory.mkdir(parents=True)
            pq.write_table(table, directory / "part-00000-0815.c000.snappy.parquet")
            pq.write_table(table.slice(0, 0), directory / "part-00001-0815.c000.snappy.parquet")
        if succeeds:
            (output / "_SUCCESS").touch()

    return run


def staging(greenhouse: Greenhouse) -> list[Path]:
    return [path for path in (greenhouse.root / "_staging").rglob("*") if path.is_file()]


def test_one_program_writes_all_days_and_each_is_published(greenhouse: Greenhouse) -> None:
    calls: list[list[str]] = []

    result = greenhouse.run([readings, verdicts(program(calls=calls))], MON, THU)

    assert calls == [["2024-03-04", "2024-03-05", "2024-03-07"]]  # Wednesday has no rows and never reaches Spark
    assert [greenhouse.stored(day, VERDICTS) for day in (MON, TUE, WED, THU)] == [
        [("Mon", True)],
        [("Tue", True)],
        [],
        [("Thu", True)],
    ]
    shown = metadata_by_day(result, "verdicts")
    assert {day: found["dagster/partition_row_count"] for day, found in shown.items()} == {
        "2024-03-04": 1,
        "2024-03-05": 1,
        "2024-03-06": 0,
        "2024-03-07": 1,
    }
    assert staging(greenhouse) == []
    source, derived = (greenhouse.lake.dataset(table).current(MON) for table in (READINGS, VERDICTS))
    assert derived.as_of == source.as_of  # the moment is inherited
    assert [(s.name, s.size, s.version) for s in derived.sources] == [("readings", 1, source.batch_id)]


def test_what_spark_wrote_is_given_as_a_table(greenhouse: Greenhouse) -> None:
    """Spark declares every column optional; such files once did not fit the schema of the table that was asked for."""
    seen = []

    @dg.asset(partitions_def=DAYS)
    def report(verdicts: pa.Table) -> None:
        seen.extend(plain(verdicts))

    greenhouse.run([readings, verdicts(program()), report], MON, WED)

    assert seen == [("Mon", True, MON), ("Tue", True, TUE)]


BAD: dict[str, tuple[Callable[[pa.Table], pa.Table], str]] = {
    "a row is lost": (lambda t: t.slice(0, 0), "was to write 1 rows and wrote 0"),
    "a row is twice": (lambda t: pa.concat_tables([t, t]), "was to write 1 rows and wrote 2"),
    "another type": (lambda t: t.set_column(1, "warm", pa.array([1], pa.int32())), "warm int32"),
    "another order": (lambda t: t.select(["warm", "sensor", "batch_id"]), r"columns are \(warm bool, sensor string"),
    "a null": (lambda t: t.set_column(0, "sensor", pa.nulls(1, pa.string())), "sensor is null in 1 rows"),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_day_that_spark_wrote_wrongly_is_held_back_alone(greenhouse: Greenhouse, bad: str) -> None:
    change, sentence = BAD[bad]

    result = greenhouse.run([readings, verdicts(program({"2024-03-05": change}))], MON, THU)

    assert set(metadata_by_day(result, "verdicts")) == {"2024-03-04", "2024-03-06", "2024-03-07"}
    rejection = greenhouse.lake.dataset(VERDICTS).rejection(TUE)
    assert rejection is not None
    with pytest.raises(AssertionError, match=sentence):
        raise AssertionError(rejection.reasons[0])


def test_days_that_are_missing_upstream_are_held_back_and_the_others_are_classified(greenhouse: Greenhouse) -> None:
    greenhouse.run([readings], MON)

    result = greenhouse.run([readings, verdicts(program())], MON, TUE, select="verdicts")

    assert set(metadata_by_day(result, "verdicts")) == {"2024-03-04"}
    assert set(greenhouse.lake.dataset(VERDICTS).manifests([MON, TUE])) == {MON}


def test_a_program_that_leaves_no_success_publishes_nothing_and_leaves_nothing_behind(greenhouse: Greenhouse) -> None:
    result = greenhouse.run([readings, verdicts(program(succeeds=False))], MON, TUE, raise_on_error=False)

    (failure,) = result.get_step_failure_events()
    assert failure.step_failure_data.error is not None
    assert "left no _SUCCESS at file://" in failure.step_failure_data.error.cause.message  # type: ignore[union-attr]
    assert greenhouse.lake.dataset(VERDICTS).manifests([MON, TUE]) == {}
    assert staging(greenhouse) == []
