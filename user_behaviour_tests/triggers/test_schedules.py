"""The schedules at moments of their own choosing: nothing here looks at the clock."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.definitions.schedule_definition import ScheduleExecutionData

from user_behaviour.definitions import defs
from user_behaviour.tables.days import DayRange
from user_behaviour.triggers.schedules import purchases_daily
from user_behaviour_tests.triggers.ticks import PURCHASES, REVIEWS, Catalog, span_of

MORNING = datetime(2011, 3, 31, 6, tzinfo=UTC)
Tick = Callable[..., ScheduleExecutionData]
WINDOW = DayRange(date(2010, 12, 1), date(2011, 3, 30))


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp() as opened:
        yield opened


@pytest.fixture
def tick(catalog: Catalog, instance: dg.DagsterInstance) -> Tick:
    """The schedule at a moment."""

    def evaluated(moment: datetime = MORNING) -> ScheduleExecutionData:
        roles = {"external_tables": catalog.external_tables}
        with dg.build_schedule_context(instance, scheduled_execution_time=moment, resources=roles) as context:
            return purchases_daily.evaluate_tick(context)

    return evaluated


def spans(result: ScheduleExecutionData) -> list[DayRange]:
    return [span_of(request.tags) for request in result.run_requests or ()]


def all_but(*missing: str) -> list[str]:
    return [str(day) for day in WINDOW.days() if str(day) not in missing]


def test_days_that_a_sleeping_daemon_missed_are_requested_in_as_few_ranges_as_they_form(
    catalog: Catalog, tick: Tick
) -> None:
    catalog.register(PURCHASES, all_but("2011-03-02", "2011-03-28", "2011-03-29", "2011-03-30"), "b")

    assert spans(tick()) == [
        DayRange(date(2011, 3, 2), date(2011, 3, 2)),
        DayRange(date(2011, 3, 28), date(2011, 3, 30)),
    ]


def test_an_empty_warehouse_is_filled_from_the_first_day_on(catalog: Catalog, tick: Tick) -> None:
    """After an outage of more than thirty days the days before were never asked for again."""
    assert spans(tick()) == [WINDOW]


def test_days_that_failed_before_are_asked_for_apart_from_the_new_one(
    catalog: Catalog, instance: dg.DagsterInstance, tick: Tick
) -> None:
    catalog.register(PURCHASES, all_but("2011-03-28", "2011-03-29", "2011-03-30"), "b")
    two = DayRange(date(2011, 3, 28), date(2011, 3, 29))
    failed = [
        instance.add_run(dg.DagsterRun(job, status=dg.DagsterRunStatus.FAILURE, tags=span.tags()))
        for job, span in (("purchases_job", two), ("reviews_job", WINDOW))
    ]

    asked = spans(tick())
    for run in failed:
        instance.delete_run(run.run_id)
    assert asked == [DayRange(day, day) for day in [*two.days(), date(2011, 3, 30)]]


def test_the_other_table_does_not_count(catalog: Catalog, tick: Tick) -> None:
    catalog.register(REVIEWS, all_but(), "b")

    assert spans(tick()) == [WINDOW]


def test_nothing_is_requested_where_nothing_is_missing(catalog: Catalog, tick: Tick) -> None:
    catalog.register(PURCHASES, all_but(), "b")

    result = tick()

    assert not result.run_requests
    assert "has every day from 2010-12-01 to 2011-03-30" in (result.skip_message or "")


def test_the_schedule_does_not_look_before_the_first_partition(catalog: Catalog, tick: Tick) -> None:
    third_day = datetime(2010, 12, 3, 6, tzinfo=UTC)

    assert spans(tick(third_day)) == [DayRange(date(2010, 12, 1), date(2010, 12, 2))]


def test_before_the_first_day_is_over_nothing_is_requested(catalog: Catalog, tick: Tick) -> None:
    result = tick(datetime(2010, 12, 1, 6, tzinfo=UTC))

    assert not result.run_requests
    assert "No day has a partition" in (result.skip_message or "")


def test_a_tick_that_is_evaluated_twice_has_the_same_run_keys_and_the_next_tick_others(
    catalog: Catalog, tick: Tick
) -> None:
    def keys(moment: datetime) -> set[str | None]:
        return {request.run_key for request in tick(moment).run_requests or ()}

    assert keys(MORNING) == keys(MORNING)
    assert not keys(MORNING) & keys(MORNING + timedelta(days=1))


@pytest.mark.parametrize(
    ("name", "cron"),
    [("purchases_daily", "0 6 * * *"), ("purge_weekly", "0 5 * * 0"), ("training_monthly", "0 4 1 * *")],
)
def test_a_schedule_is_there_to_switch_on(name: str, cron: str) -> None:
    schedule = defs.resolve_schedule_def(name)

    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    assert (schedule.cron_schedule, schedule.execution_timezone) == (cron, "UTC")
