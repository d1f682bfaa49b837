"""Weeks in the warehouse IO manager, and the facts of days: whole, or refused and rolled back."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from user_behaviour.io_managers.partition_keys import WrongDaysError
from user_behaviour.io_managers.replacement import FactsError
from user_behaviour.lake.conformity import SchemaError
from user_behaviour.tables.days import DayRange
from user_behaviour.warehouse.published_days import published_days
from user_behaviour_tests.io_managers import windows
from user_behaviour_tests.io_managers.conftest import Twin
from user_behaviour_tests.io_managers.daily_table import NAME, asset, by_sql, daily_table, execute, stored
from user_behaviour_tests.io_managers.greenhouse import MON, READINGS, Greenhouse, declared, metadata_by_day
from user_behaviour_tests.io_managers.windows import NEXT_WEEK, SUN, WEEK, WEEKS, one_each

DAY = timedelta(days=1)


@pytest.fixture
def greenhouse(tmp_path: Path, twin: Twin) -> Iterator[Greenhouse]:
    with daily_table(twin.warehouse), dg.DagsterInstance.ephemeral() as instance:
        yield Greenhouse(tmp_path, instance, twin.warehouse)


def weekly(value: Any) -> dg.AssetsDefinition:
    """The asset that fills the table, a week at a time."""
    return windows.asset(
        WEEKS, value, name="daily", io_manager_key="tables", metadata=declared(READINGS, name=NAME)["metadata"]
    )


def sensors(greenhouse: Greenhouse) -> list[tuple[str, date]]:
    return [(row[0], row[3]) for row in stored(greenhouse)]


def test_a_week_replaces_all_of_its_days(greenhouse: Greenhouse) -> None:
    greenhouse.run([asset(lambda _: one_each([SUN, MON], "old"))], SUN, MON)
    greenhouse.run([asset(lambda _: one_each([SUN - DAY], "old"))], SUN - DAY)

    greenhouse.run([weekly(one_each(WEEK[-1:], "new"))], SUN)

    assert sensors(greenhouse) == [("old", SUN - DAY), ("new", WEEK[-1])]
    assert greenhouse.warehouse
    assert {*published_days(greenhouse.warehouse, NAME, DayRange(SUN - DAY, NEXT_WEEK[-1]))} == {SUN - DAY, *WEEK}


def test_sql_fills_all_days_of_a_week_and_says_its_facts_of_each(greenhouse: Greenhouse) -> None:
    """A week was taken for its first day: the six others were left out, and the run was green."""
    assert greenhouse.warehouse
    days = (WEEK[0], WEEK[-1], NEXT_WEEK[0])
    execute(greenhouse.warehouse, f"insert into source_day values {', '.join(f'({str(day)!r})' for day in days)}")

    result = greenhouse.run([weekly(lambda: by_sql()(WEEK))], SUN)

    assert sensors(greenhouse) == [("x", WEEK[0]), ("x", WEEK[-1])]
    (shown,) = metadata_by_day(result, "daily").values()
    assert shown["dagster/partition_row_count"] == 2
    assert [day for day, facts in shown["days"].items() if facts.get("readings") == 1] == [str(WEEK[0]), str(WEEK[-1])]


@pytest.mark.parametrize("missing", [WEEK[2], NEXT_WEEK[0]], ids=["a day of the week", "a day that is read besides"])
def test_a_week_of_which_a_day_is_missing_is_held_back_whole(greenhouse: Greenhouse, missing: date) -> None:
    greenhouse.run([weekly(one_each(WEEK, "old"))], SUN)

    recipe = by_sql(missing=(missing,))([*WEEK, NEXT_WEEK[0]])
    with pytest.raises(dg.Failure, match=f"Partition {missing} of plants is not registered"):
        greenhouse.run([weekly(lambda: recipe)], SUN)

    assert sensors(greenhouse) == [("old", day) for day in WEEK]


def test_a_week_of_which_a_day_does_not_fit_stays_as_it_was(greenhouse: Greenhouse) -> None:
    greenhouse.run([weekly(one_each(WEEK, "old"))], SUN)

    bad = pa.concat_tables([one_each(WEEK[:2], "new"), one_each(WEEK[2:3], "too long")])
    with pytest.raises((SchemaError, dg.Failure), match="sensor"):
        greenhouse.run([weekly(bad)], SUN)

    assert sensors(greenhouse) == [("old", day) for day in WEEK]


def test_an_input_that_was_not_asked_for_a_day_of_the_run_is_refused(greenhouse: Greenhouse) -> None:
    recipe = by_sql()(WEEK[:-1])

    with pytest.raises(WrongDaysError, match=f"is to have {WEEK[-1]}, which was not asked of plants"):
        greenhouse.run([weekly(lambda: recipe)], SUN)


QUERIES = {
    "another name": ("select measured_on as insert_date, 7 as n from {name}", 7),
    "no date": ("select cast(measured_on as timestamp) as measured_on, 7 as n from {name}", "begin with measured_on ="),
    "two rows a day": ("select measured_on, 7 as n from {name} union all select measured_on, 8 from {name}", "begin"),
}


@pytest.mark.parametrize("query", QUERIES)
def test_facts_are_one_row_a_day_with_the_day_first_under_any_name(greenhouse: Greenhouse, query: str) -> None:
    """The day was looked for under the name of the partition column, and not found as `insert_date`."""
    sql, expected = QUERIES[query]
    recipe = replace(by_sql()([MON]), facts=sql.format(name=NAME))
    assert greenhouse.warehouse
    execute(greenhouse.warehouse, f"insert into source_day values ('{MON}')")

    if isinstance(expected, str):
        with pytest.raises(FactsError, match=expected):
            greenhouse.run([asset(lambda _: recipe)], MON)
        assert stored(greenhouse) == []
    else:
        result = greenhouse.run([asset(lambda _: recipe)], MON)
        assert [shown["n"] for shown in metadata_by_day(result, "daily").values()] == [expected]
