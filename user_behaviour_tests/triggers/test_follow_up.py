"""Which days the metric is behind, from registrations and what it was made from, without Dagster and databases."""

from datetime import date

from user_behaviour.catalog.external_tables import Registration
from user_behaviour.triggers.follow_up import FollowUp, complete_days, follow_up, state_of
from user_behaviour.triggers.tick_memory import QUIET_TICKS, TickMemory

DAY = date(2010, 12, 1)
SIDES = {"purchases": "p1", "reviews": "r1"}


def registration(day: date, batch: str) -> Registration:
    return Registration(day, f"file:///lake/{batch}/", batch, 1)


def asked(found: FollowUp) -> list[date]:
    return [day for request in found.requests for day in request.days]


def settled(ready: dict[date, dict[str, str]], published: dict[date, dict[str, str]]) -> FollowUp:
    return follow_up(ready, published, follow_up(ready, published, TickMemory()).memory)


def test_a_day_is_complete_when_every_table_has_it() -> None:
    other = date(2010, 12, 2)

    assert complete_days(
        {
            "purchases": {DAY: registration(DAY, "p1"), other: registration(other, "p2")},
            "reviews": {DAY: registration(DAY, "r1")},
        }
    ) == {DAY: SIDES}


def test_a_day_is_asked_for_when_its_sides_were_the_same_twice() -> None:
    first = follow_up({DAY: SIDES}, {}, TickMemory())
    moved = follow_up({DAY: {**SIDES, "reviews": "r2"}}, {}, first.memory)
    still = follow_up({DAY: {**SIDES, "reviews": "r2"}}, {}, moved.memory)

    assert (asked(first), asked(moved), asked(still)) == ([], [], [DAY])


def test_a_day_made_from_its_sides_is_not_asked_for() -> None:
    assert asked(settled({DAY: SIDES}, {DAY: SIDES})) == []


def test_a_day_made_from_an_older_batch_is_asked_for() -> None:
    assert asked(settled({DAY: SIDES}, {DAY: {**SIDES, "purchases": "p0"}})) == [DAY]


def test_a_day_whose_run_failed_is_not_asked_for_again_until_a_side_changes() -> None:
    found = settled({DAY: SIDES}, {})
    again = follow_up({DAY: SIDES}, {}, found.memory)
    changed = {DAY: {**SIDES, "purchases": "p2"}}
    moved = follow_up(changed, {}, again.memory)

    assert (asked(again), asked(moved), asked(follow_up(changed, {}, moved.memory))) == ([], [], [DAY])


def test_nothing_needs_a_look_until_a_side_moves_or_hours_have_passed() -> None:
    waiting = follow_up({DAY: SIDES}, {}, TickMemory()).memory
    requested = follow_up({DAY: SIDES}, {}, waiting).memory

    assert waiting.unmoved(state_of({DAY: SIDES})) is None
    assert requested.unmoved(state_of({DAY: {**SIDES, "reviews": "r2"}})) is None
    assert requested.unmoved(state_of({})) is None
    for _ in range(QUIET_TICKS):
        assert (requested := requested.unmoved(state_of({DAY: SIDES}))) is not None
    assert requested.unmoved(state_of({DAY: SIDES})) is None


def test_a_day_that_has_caught_up_is_forgotten_and_may_be_asked_for_again() -> None:
    """Somebody removed its rows: the same batches make another request, with a run key of its own."""
    found = settled({DAY: SIDES}, {})
    caught_up = follow_up({DAY: SIDES}, {DAY: SIDES}, found.memory)
    removed = follow_up({DAY: SIDES}, {}, caught_up.memory)
    again = follow_up({DAY: SIDES}, {}, removed.memory)

    assert (caught_up.memory.serial, caught_up.memory.requested, caught_up.memory.seen) == (1, {}, {})
    assert asked(again) == [DAY]
    assert again.requests[0].run_key != found.requests[0].run_key


def test_a_day_that_is_not_ready_is_never_gone_over() -> None:
    days = [date(2010, 12, 1), date(2010, 12, 3)]

    found = settled(dict.fromkeys(days, SIDES), {})

    assert [request.span.days() for request in found.requests] == [[day] for day in days]
