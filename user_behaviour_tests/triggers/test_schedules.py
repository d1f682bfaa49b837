"""The schedules at moments of their own choosing: nothing here looks at the clock."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.definitions.schedule_definition import ScheduleExecutionData

from user_behaviour.definitions import defs
from user_behaviour.local.stack import Stack
from user_behaviour.tables.days import DayRange
from user_behaviour.triggers.schedules import LOOK_BACK_DAYS, purchases_daily
from user_behaviour_tests.triggers.ticks import PURCHASES, REVIEWS, Catalog, new_catalog, span_of

MORNING = datetime(2011, 3, 31, 6, tzinfo=UTC)
WINDOW = DayRange(date(2011, 3, 1), date(2011, 3, 30))


@pytest.fixture(scope="module")
def database(stack: Stack) -> Iterator[Catalog]:
    with new_catalog(stack) as catalog:
        yield catalog


@pytest.fixture
def catalog(database: Catalog) -> Catalog:
    database.clear()
    return database


def tick(catalog: Catalog, moment: datetime = MORNING) -> ScheduleExecutionData:
    with dg.build_schedule_context(
        scheduled_execution_time=moment, resources={"external_tables": catalog.external_tables}
    ) as context:
        return purchases_daily.evaluate_tick(context)


def spans(result: ScheduleExecutionData) -> list[DayRange]:
    return [span_of(request.tags) for request in result.run_requests or ()]


def all_but(*missing: str) -> list[str]:
    return [str(day) for day in WINDOW.days() if str(day) not in missing]


def test_the_newest_day_is_requested(catalog: Catalog) -> None:
    catalog.register(PURCHASES, all_but("2011-03-30"), "b")

    assert spans(tick(catalog)) == [DayRange(date(2011, 3, 30), date(2011, 3, 30))]


def test_days_that_a_sleeping_daemon_missed_are_requested_in_as_few_ranges_as_they_form(catalog: Catalog) -> None:
    catalog.register(PURCHASES, all_but("2011-03-02", "2011-03-28", "2011-03-29", "2011-03-30"), "b")

    assert spans(tick(catalog)) == [
        DayRange(date(2011, 3, 2), date(2011, 3, 2)),
        DayRange(date(2011, 3, 28), date(2011, 3, 30)),
    ]


def test_an_empty_warehouse_is_filled_as_far_as_the_schedule_looks_back(catalog: Catalog) -> None:
    assert spans(tick(catalog)) == [WINDOW]
    assert len(WINDOW.days()) == LOOK_BACK_DAYS


def test_the_other_table_does_not_count(catalog: Catalog) -> None:
    catalog.register(REVIEWS, all_but(), "b")

    assert spans(tick(catalog)) == [WINDOW]


def test_nothing_is_requested_where_nothing_is_missing(catalog: Catalog) -> None:
    catalog.register(PURCHASES, all_but(), "b")

    result = tick(catalog)

    assert not result.run_requests
    assert "has every day from 2011-03-01 to 2011-03-30" in (result.skip_message or "")


def test_the_schedule_does_not_look_before_the_first_partition(catalog: Catalog) -> None:
    third_day = datetime(2010, 12, 3, 6, tzinfo=UTC)

    assert spans(tick(catalog, third_day)) == [DayRange(date(2010, 12, 1), date(2010, 12, 2))]


def test_before_the_first_day_is_over_nothing_is_requested(catalog: Catalog) -> None:
    result = tick(catalog, datetime(2010, 12, 1, 6, tzinfo=UTC))

    assert not result.run_requests
    assert "No day has a partition" in (result.skip_message or "")


def test_a_tick_that_is_evaluated_twice_has_the_same_run_keys_and_the_next_tick_others(catalog: Catalog) -> None:
    def keys(moment: datetime) -> set[str | None]:
        return {request.run_key for request in tick(catalog, moment).run_requests or ()}

    assert keys(MORNING) == keys(MORNING)
    assert not keys(MORNING) & keys(MORNING + timedelta(days=1))


@pytest.mark.parametrize(("name", "cron"), [("purchases_daily", "0 6 * * *"), ("purge_weekly", "0 5 * * 0")])
def test_a_schedule_is_there_to_switch_on(name: str, cron: str) -> None:
    schedule = defs.resolve_schedule_def(name)

    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    assert (schedule.cron_schedule, schedule.execution_timezone) == (cron, "UTC")
