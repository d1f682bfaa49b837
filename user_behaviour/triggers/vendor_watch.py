"""Which days of the vendor's drop are to be landed, from what each tick sees there.

Every delivery of a file (its name, size and version) is requested once, when it is whole: when the store says so, or
when it was the same at the previous tick. Nothing is derived from the times of files, so that none is missed for its
second or its age. Pure: no Dagster, no clock.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from types import MappingProxyType

from user_behaviour.tables.days import DayRange
from user_behaviour.triggers.day_requests import DayRequest, day_requests
from user_behaviour.triggers.tick_memory import TickMemory, fingerprint
from user_behaviour.vendor.drop import DroppedFile
from user_behaviour.vendor.reviews import day_of

LONGEST_BRIDGE = 7


@dataclass(frozen=True)
class WatchResult:
    """`delivered` are the files that the requests are made for, by day; `resting` counts files not yet seen at rest.

    `reports` are sentences about files that cannot be taken, each said once.
    """

    requests: Sequence[DayRequest]
    delivered: Mapping[date, Sequence[DroppedFile]]
    reports: Sequence[str]
    resting: int
    memory: TickMemory


def watch(
    files: Sequence[DroppedFile],
    memory: TickMemory,
    *,
    partitions: DayRange | None,
    unusable: Mapping[str, str] = MappingProxyType({}),
) -> WatchResult:
    """One look at the drop. `partitions` are the days that exist as partitions; None: none does yet.

    A day is asked for when all its files are whole, for its run lands all of them. Days without new files in between
    are gone over, as landing them again changes nothing.
    """
    odd = {name: f"it is {kind}; it is left alone" for name, kind in unusable.items()}
    odd |= {file.name: objection for file in files if (objection := _objection(file.name, partitions))}
    days = {file.name: day for file in files if file.name not in odd and (day := day_of(file.name))}
    versions = {file.name: fingerprint(str(file.size), file.version) for file in files if file.name in days}
    memory = memory.renamed({f.name: fingerprint(str(f.size), f.formerly) for f in files if f.formerly}, versions)
    unrequested = memory.unrequested(versions)
    whole = {file.name for file in files if file.is_whole}
    unsettled = {n for n, version in unrequested.items() if n not in whole and not memory.is_at_rest(n, version)}
    unsettled_days = {days[name] for name in unsettled}
    ready = defaultdict(list)
    for file in sorted(files, key=lambda file: file.name):
        if file.name in unrequested and days[file.name] not in unsettled_days:
            ready[days[file.name]].append(file)
    contents = {day: fingerprint(*(f"{f.name} {versions[f.name]}" for f in ready[day])) for day in ready}
    requests = day_requests(contents, memory.serial, bridges=_bridges(ready, unsettled_days))
    delivered = {day: ready[day] for request in requests for day in request.days}
    requested = {file.name for of_day in delivered.values() for file in of_day}
    return WatchResult(
        requests,
        delivered,
        [f"{name!a}: {objection}" for name, objection in odd.items() if name not in memory.reported],
        len(unsettled),
        memory.after(versions, requested=requested, reported=odd),
    )


def _objection(name: str, partitions: DayRange | None) -> str:
    """Why a file cannot be taken now; empty where it can."""
    day = day_of(name)
    if day is None:
        return "not a name of the vendor's, movie_review_YYYY-MM-DD*.csv[.gz]; it is left alone"
    if partitions is None or day > partitions.last:
        last = f"the last is {partitions.last}" if partitions else "there is none"
        return f"its day has no partition yet ({last}); it is taken when the day has one"
    if day < partitions.first:
        return f"its day is before the first partition, {partitions.first}; it is left alone"
    return ""


def _bridges(wanted: Collection[date], unsettled: Collection[date]) -> set[date]:
    """The days that a run may go over: short gaps between wanted days, except where a file is still being written."""
    ordered = sorted(wanted)
    bridges: set[date] = set()
    for before, after in pairwise(ordered):
        gap = DayRange(before, after).days()[1:-1]
        if len(gap) <= LONGEST_BRIDGE:
            bridges.update(day for day in gap if day not in unsettled)
    return bridges
