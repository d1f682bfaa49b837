"""Which days of a table are behind what they are made from. Pure: no Dagster, no clock.

The state of the tables decides, and not a history of events: old days and new ones are alike, and it does not matter
which run, sensor or hand brought a side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from user_behaviour.catalog.external_tables import Registration
from user_behaviour.triggers.day_requests import DayRequest, day_requests
from user_behaviour.triggers.tick_memory import TickMemory, fingerprint

Batches = Mapping[str, str]


@dataclass(frozen=True)
class FollowUp:
    """`behind` are all days that are to be computed, asked for now or before or soon."""

    requests: Sequence[DayRequest]
    behind: Sequence[date]
    memory: TickMemory


def complete_days(registered: Mapping[str, Mapping[date, Registration]]) -> dict[date, Batches]:
    """The days that are registered in every one of the tables, each with its batch by table."""
    common = set.intersection(*(set(by_day) for by_day in registered.values())) if registered else set()
    return {day: {table: by_day[day].batch_id for table, by_day in registered.items()} for day in sorted(common)}


def follow_up(ready: Mapping[date, Batches], published: Mapping[date, Batches], memory: TickMemory) -> FollowUp:
    """Compares the batches that are ready with those that the published days were made from.

    A day is asked for once in each combination of batches, whatever becomes of the run, and only when the batches
    were the same at the previous look: a run over the whole graph computes its days itself, moments later.
    """
    behind = [day for day, batches in ready.items() if published.get(day) != batches]
    now = {day.isoformat(): fingerprint(*(f"{t} {b}" for t, b in sorted(ready[day].items()))) for day in behind}
    versions = {
        date.fromisoformat(day): version
        for day, version in memory.unrequested(now).items()
        if memory.is_at_rest(day, version)
    }
    requests = day_requests(versions, memory.serial)
    requested = {day.isoformat() for request in requests for day in request.days}
    return FollowUp(requests, behind, memory.after(now, requested=requested, state=state_of(ready)))


def state_of(ready: Mapping[date, Batches]) -> str:
    """Stands for what is ready: while it is the same, a warehouse that is paid for by the second need not be asked."""
    return fingerprint(*(f"{day} {table} {batch}" for day in ready for table, batch in sorted(ready[day].items())))
