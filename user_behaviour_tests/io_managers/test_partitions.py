"""What a partition key covers: the days of its window, all of which are replaced, or a sentence before that."""

from datetime import date, timedelta
from itertools import pairwise, product
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from user_behaviour.io_managers.frames import PartitionColumnError
from user_behaviour.io_managers.partition_keys import NotWholeDaysError, days_by_key
from user_behaviour.lake.held_back import HeldBackError, MissingPartitionError
from user_behaviour.lake.locations import Locations
from user_behaviour.recipes import SparkFiles
from user_behaviour.tables.days import DayRange
from user_behaviour_tests.io_managers.greenhouse import DAYS, MON, READINGS, Greenhouse, declared, metadata_by_day, rows
from user_behaviour_tests.io_managers.sensor_values import recipe
from user_behaviour_tests.io_managers.windows import NEXT_WEEK, WEEK, WEEKS, asset, days_stored, one_each, reader, run


def december(last: int) -> list[date]:
    return DayRange(date(2024, 12, 1), date(2024, 12, last)).days()


WINDOWS: dict[str, tuple[dg.PartitionsDefinition, str, list[date]]] = {
    "a week": (WEEKS, "2024-03-03", WEEK),
    "a month, written otherwise": (dg.MonthlyPartitionsDefinition("01/2024", fmt="%m/%Y"), "12/2024", december(31)),
    "a day, written otherwise": (dg.DailyPartitionsDefinition("20240101", fmt="%Y%m%d"), "20241201", december(1)),
    "a day elsewhere": (
        dg.DailyPartitionsDefinition("2024-01-01", timezone="Pacific/Auckland"),
        "2024-12-01",
        december(1),
    ),
    "a day without midnight": (
        dg.DailyPartitionsDefinition("2018-11-01", timezone="America/Sao_Paulo"),
        "2018-11-04",
        [date(2018, 11, 4)],
    ),
    "a Friday with its weekend": (
        dg.TimeWindowPartitionsDefinition("2024-03-01", "%Y-%m-%d", cron_schedule="0 0 * * 1-5"),
        "2024-03-08",
        [date(2024, 3, 8), date(2024, 3, 9), date(2024, 3, 10)],
    ),
}


@pytest.mark.parametrize("window", WINDOWS)
def test_a_partition_has_the_days_of_its_window_and_a_rerun_replaces_all_of_them(
    greenhouse: Greenhouse, window: str
) -> None:
    """A week was taken for its first day, and the run was green; a day written as 20240304 failed after its commit."""
    definition, key, days = WINDOWS[window]
    run(greenhouse, [asset(definition, one_each(days, "old"))], key)

    result = run(greenhouse, [asset(definition, one_each(days[-1:], "new"))], key)

    assert (days_stored(greenhouse, "old"), days_stored(greenhouse, "new")) == ([], days[-1:])
    assert sorted(greenhouse.lake.dataset(READINGS).manifests(days)) == days
    shown = metadata_by_day(result, "readings")
    assert {key: found["dagster/partition_row_count"] for key, found in shown.items()} == {key: 1}


def test_the_windows_of_any_calendar_are_whole_days_one_after_the_other() -> None:
    crons = ("0 0 * * *", "0 0 * * 3", "0 0 1 * *", "0 0 1,15 * *", "0 0 1 */3 *")
    zones = ("America/Santiago", "Asia/Beirut")  # where the clock is changed at midnight
    for cron, zone in product(crons, zones):
        years = dg.TimeWindowPartitionsDefinition(
            "2022/001", "%Y/%j", end="2022/110", cron_schedule=cron, timezone=zone
        )
        keys = years.get_partition_keys()
        context = dg.build_output_context(
            asset_key="a",
            asset_partitions_def=years,
            asset_partition_key_range=dg.PartitionKeyRange(keys[0], keys[-1]),
        )
        covered = days_by_key(context)

        days = [day for window in covered.values() for day in window]
        assert list(covered) == keys
        assert [window[0].strftime("%Y/%j") for window in covered.values()] == keys
        assert all(later - day == timedelta(days=1) for day, later in pairwise(days))


def test_what_is_known_of_the_days_of_a_week_is_shown_by_day(greenhouse: Greenhouse) -> None:
    result = run(greenhouse, [asset(WEEKS, one_each(WEEK[:2]))], "2024-03-03")

    (shown,) = metadata_by_day(result, "readings").values()
    assert shown["dagster/partition_row_count"] == 2
    rows_by_day = {day: found["dagster/partition_row_count"] for day, found in shown["days"].items()}
    assert rows_by_day == {str(day): 1 if day in WEEK[:2] else 0 for day in WEEK}
    assert shown["batch_id"] == result.run_id


LATER = "2199-01-01T00:00:00.000000Z"


@pytest.mark.parametrize("kind", ["table", "recipe"])
def test_a_bad_day_holds_back_its_week_and_not_the_next(greenhouse: Greenhouse, kind: str) -> None:
    days = [*WEEK, *NEXT_WEEK]
    run(greenhouse, [asset(WEEKS, one_each(days, "old"))], "2024-03-03", "2024-03-10")

    table = pa.concat_tables([one_each(days, "new"), rows(("too long", None, None), day=NEXT_WEEK[2])]).sort_by(
        "measured_on"
    )
    bad = recipe(
        {day: HeldBackError("wet") if day == NEXT_WEEK[2] else rows(("new", None, None)) for day in days}, as_of=LATER
    )
    result = run(greenhouse, [asset(WEEKS, {"table": table, "recipe": bad}[kind])], "2024-03-03", "2024-03-10")

    assert set(metadata_by_day(result, "readings")) == {"2024-03-03"}
    assert (days_stored(greenhouse, "new"), days_stored(greenhouse, "old")) == (WEEK, NEXT_WEEK)


ROWS = one_each([MON])
CELLS = dg.MultiPartitionsDefinition({"day": DAYS, "house": dg.StaticPartitionsDefinition(["east", "west"])})
REFUSED: dict[str, tuple[dg.PartitionsDefinition | None, list[str], str]] = {
    "an hour": (
        dg.HourlyPartitionsDefinition("2024-03-04-00:00"),
        ["2024-03-04-05:00"],
        "readings: the partition 2024-03-04-05:00 covers 2024-03-04 05:00 to 2024-03-04 06:00.",
    ),
    "a range of hours": (
        dg.HourlyPartitionsDefinition("2024-03-04-00:00"),
        ["2024-03-04-00:00", "2024-03-04-23:00"],
        "readings: the partition 2024-03-04-00:00 covers 2024-03-04 00:00 to 2024-03-04 01:00.",
    ),
    "a day that begins at six": (
        dg.DailyPartitionsDefinition("2024-03-04", hour_offset=6),
        ["2024-03-04"],
        "readings: the partition 2024-03-04 covers 2024-03-04 06:00 to 2024-03-05 06:00.",
    ),
    "names": (
        dg.StaticPartitionsDefinition(["2024-03-04"]),
        ["2024-03-04"],
        r"readings has keys that are no time \(StaticPartitionsDefinition\).",
    ),
    "two dimensions": (
        CELLS,
        ["2024-03-04|east"],
        r"readings has keys that are no time \(MultiPartitionsDefinition\).",
    ),
    "names that come and go": (
        dg.DynamicPartitionsDefinition(name="houses"),
        ["2024-03-04"],
        r"readings has keys that are no time \(DynamicPartitionsDefinition\).",
    ),
    "no partitions": (None, [], "readings is not partitioned."),
    "no partition of the run": (DAYS, [], "readings is partitioned, but the run has no partition: give it one"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_partitions_that_are_not_whole_days_are_refused_before_anything_is_written(
    greenhouse: Greenhouse, kind: str
) -> None:
    definition, keys, sentence = REFUSED[kind]
    greenhouse.instance.add_dynamic_partitions("houses", ["2024-03-04"])

    with pytest.raises(NotWholeDaysError, match=f"{sentence}.*partition the asset by day, week, month or any cron"):
        run(greenhouse, [asset(definition, ROWS)], *keys)

    assert list(greenhouse.root.rglob("*")) == []
    assert greenhouse.materialized("readings") == set()


def test_an_input_that_is_not_partitioned_is_refused(greenhouse: Greenhouse) -> None:
    with pytest.raises(NotWholeDaysError, match="readings is not partitioned"):
        run(greenhouse, [asset(None, ROWS), reader("report", None, [])], select="report")


def test_rows_of_a_week_without_a_day_are_refused(greenhouse: Greenhouse) -> None:
    with pytest.raises(PartitionColumnError, match="rows for 7 days have no column measured_on; add it, as a date"):
        run(greenhouse, [asset(WEEKS, rows(("a", None, None)))], "2024-03-03")

    assert greenhouse.lake.dataset(READINGS).manifests(WEEK) == {}


def test_the_files_of_a_spark_program_are_refused_for_a_week(greenhouse: Greenhouse) -> None:
    """They are published day by day: a bad day would leave half a week."""
    calls: list[str] = []
    locations = Locations("plants", "", {}, {day: MissingPartitionError("not there") for day in WEEK})

    with pytest.raises(NotWholeDaysError, match=r"2024-03-03 covers more than a day.* partition the asset by"):
        run(greenhouse, [asset(WEEKS, lambda: SparkFiles.of(locations, calls.append))], "2024-03-03")

    assert calls == []


EXPRESSIONS: dict[str, tuple[Any, str]] = {
    "an expression": (
        "date(measured_at)",
        r"partition_expr is 'date\(measured_at\)'; it must be the name of one column",
    ),
    "a path": ("../../evil", "partition_expr is '../../evil'; it must be the name of one column"),
    "one for each dimension": ({"day": "measured_on"}, "it must be the name of one column of type date"),
    "a column of another type": ("celsius", r"partition_expr is 'celsius' of type decimal\(5,2\); it must be the name"),
}


@pytest.mark.parametrize("case", EXPRESSIONS)
def test_a_partition_expr_that_is_no_column_of_dates_is_refused(greenhouse: Greenhouse, case: str) -> None:
    expression, sentence = EXPRESSIONS[case]
    metadata = {**declared(READINGS)["metadata"], "partition_expr": expression}

    with pytest.raises(dg.DagsterInvalidDefinitionError, match=sentence):
        run(greenhouse, [asset(DAYS, ROWS, metadata=metadata)], "2024-03-04")

    assert list(greenhouse.root.rglob("*")) == []


@pytest.mark.parametrize("named", ["by its key", "by its table"])
def test_a_name_that_leads_out_of_the_lake_is_refused(greenhouse: Greenhouse, named: str) -> None:
    out = {"name": None, "key": dg.AssetKey(["..", "..", "evil"])}
    table = {"metadata": {**declared(READINGS)["metadata"], "dagster/table_name": "../../evil"}}

    with pytest.raises(ValueError, match=r"'\.\./\.\./evil' cannot be the name of a data set"):
        run(greenhouse, [asset(DAYS, ROWS, **(out if named == "by its key" else table))], "2024-03-04")

    assert list(greenhouse.root.rglob("*")) == []
