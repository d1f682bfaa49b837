"""Runs over days: few, of bounded length and number, with keys that say what they are for."""

from datetime import date, timedelta

from user_behaviour.tables.days import DAYS_PER_RUN, DayRange
from user_behaviour.triggers.day_requests import PARTS, RUNS_PER_TICK, day_requests, spans_apart

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


def spans(*numbers: tuple[int, int]) -> list[DayRange]:
    return [DayRange(day(first), day(last)) for first, last in numbers]


def days(*numbers: tuple[int, int]) -> list[date]:
    return [found for span in spans(*numbers) for found in span.days()]


def test_days_that_never_failed_are_covered_by_few_ranges_of_bounded_length() -> None:
    asked = spans_apart(days((0, 2), (5, 5), (10, 10 + 2 * DAYS_PER_RUN)), failed=[])

    assert asked == spans(
        (0, 2),
        (5, 5),
        (10, 9 + DAYS_PER_RUN),
        (10 + DAYS_PER_RUN, 9 + 2 * DAYS_PER_RUN),
        (10 + 2 * DAYS_PER_RUN, 10 + 2 * DAYS_PER_RUN),
    )


def test_a_range_that_failed_is_cut_and_the_days_beside_it_stay_apart() -> None:
    asked = spans_apart(days((0, 40)), failed=spans((8, 8 + 2 * PARTS - 1)))

    assert asked == spans((0, 7), *((n, n + 1) for n in range(8, 8 + 2 * PARTS, 2)), (24, 40))


def test_the_narrowest_range_that_failed_counts() -> None:
    failed = spans((0, 8 * PARTS - 1), (0, 7), (3, 3), (0, 8 * PARTS - 1))

    assert spans_apart(days((0, 9)), failed=failed) == spans(
        (0, 0), (1, 1), (2, 2), (3, 3), *((n, n) for n in (4, 5, 6, 7)), (8, 9)
    )


def test_a_day_that_fails_each_morning_is_soon_alone_and_all_other_days_are_there() -> None:
    """After an outage all days were one range, and one bad day kept it and each new day out, for thirty days."""
    bad, failed = day(123), []
    missing = set(days((0, 399)))
    for morning in range(400, 404):
        asked = spans_apart(missing, failed=failed)
        failed += [span for span in asked if bad in span.days()]
        missing -= {found for span in asked if bad not in span.days() for found in span.days()}
        missing.add(day(morning))
        assert len(asked) <= 2 * PARTS

    assert missing == {bad, day(403)}
