"""Runs over days: few, of bounded length and number, with keys that say what they are for."""

from datetime import date, timedelta

from user_behaviour.tables.days import DayRange
from user_behaviour.triggers.day_requests import DAYS_PER_RUN, RUNS_PER_TICK, day_requests

FIRST = date(2010, 12, 1)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def test_neighbours_share_a_run_and_a_gap_splits_them() -> None:
    requests = day_requests({day(0): "a", day(1): "b", day(3): "c"}, 0)

    assert [(r.span, r.days) for r in requests] == [
        (DayRange(day(0), day(1)), (day(0), day(1))),
        (DayRange(day(3), day(3)), (day(3),)),
    ]


def test_a_bridged_day_is_gone_over_but_not_asked_for() -> None:
    (request,) = day_requests({day(0): "a", day(2): "b"}, 0, bridges={day(1)})

    assert (request.span, request.days) == (DayRange(day(0), day(2)), (day(0), day(2)))


def test_a_long_range_is_cut_and_what_exceeds_a_tick_is_left() -> None:
    versions = {day(n): "a" for n in range(DAYS_PER_RUN * (RUNS_PER_TICK + 1))}

    requests = day_requests(versions, 0)

    assert [len(r.days) for r in requests] == [DAYS_PER_RUN] * RUNS_PER_TICK
    assert [d for r in requests for d in r.days] == [day(n) for n in range(DAYS_PER_RUN * RUNS_PER_TICK)]


def test_a_run_key_changes_with_the_days_their_versions_and_the_serial_only() -> None:
    def key(versions: dict[date, str], serial: int) -> str:
        return day_requests(versions, serial)[0].run_key

    assert key({day(0): "a"}, 0) == key({day(0): "a"}, 0)
    assert len({key({day(0): "a"}, 0), key({day(1): "a"}, 0), key({day(0): "b"}, 0), key({day(0): "a"}, 1)}) == 4


def test_no_days_are_no_runs() -> None:
    assert day_requests({}, 0) == []
