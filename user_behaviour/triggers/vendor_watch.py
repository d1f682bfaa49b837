"""Which days of the vendor's drop are to be landed, from what each tick sees there.

Every delivery of a file (its name, size and version) that the lake was not made from is requested once, when it is
whole: when the store says so, or when it was the same at the previous tick. Nothing is derived from the times of files,
so that none is missed for its second or its age. Pure: no Dagster, no clock.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

from user_behaviour.lake.manifests import Manifest
from user_behaviour.tables.days import DayRange
from user_behaviour.triggers.day_requests import DayRequest, day_requests
from user_behaviour.triggers.tick_memory import TickMemory, fingerprint
from user_behaviour.vendor.deliveries import new_files, objections
from user_behaviour.vendor.drop import DroppedFile
from user_behaviour.vendor.reviews import day_of

LONGEST_BRIDGE = 7


@dataclass(frozen=True)
class WatchResult:
    """`resting` counts files not yet seen at rest; `odd` says of files that cannot be taken why, by name."""

    requests: Sequence[DayRequest]
    resting: int
    odd: Mapping[str, str]
    memory: TickMemory


def open_days(files: Sequence[DroppedFile], memory: TickMemory, *, partitions: DayRange | None) -> list[date]:
    """The days that the lake has to be asked about.

    All that have files; where the drop is the same as when nothing was left to request, those that were requested.
    """
    still = memory.unmoved(state_of(files, partitions))
    days = map(day_of, [file.name for file in files] if still is None else still.requested)
    return sorted({day for day in days if day and partitions and partitions.first <= day <= partitions.last})


def watch(
    files: Sequence[DroppedFile],
    memory: TickMemory,
    *,
    partitions: DayRange | None,
    in_force: Mapping[date, Manifest],
    unusable: Mapping[str, str],
) -> WatchResult:
    """One look at the drop. `partitions` are the days that exist as partitions; None: none does yet.

    `in_force` are the manifests of the `open_days`. A day is asked for when all its new files are whole, for its run
    lands all of them. Days without new files in between are gone over, as landing them again changes nothing.
    """
    odd = objections([file.name for file in files], unusable, partitions)
    still = memory.unmoved(state := state_of(files, partitions))
    looked_at = [f for f in files if f.name not in odd and (still is None or f.name in still.requested)]
    new = {file.name: (day, file) for day, of_day in new_files(looked_at, in_force).items() for file in of_day}
    versions = {name: fingerprint(str(file.size), file.version) for name, (_, file) in new.items()}
    unrequested = memory.unrequested(versions)
    unsettled = {n for n, v in unrequested.items() if not new[n][1].is_whole and not memory.is_at_rest(n, v)}
    unsettled_days = {new[name][0] for name in unsettled}
    ready: dict[date, list[str]] = defaultdict(list)
    for name in sorted(unrequested):
        if new[name][0] not in unsettled_days:
            ready[new[name][0]].append(name)
    contents = {day: fingerprint(*(f"{name} {versions[name]}" for name in ready[day])) for day in ready}
    requests = day_requests(contents, memory.serial, bridges=_bridges(ready, unsettled_days))
    requested = {name for request in requests for day in request.days for name in ready[day]}
    after = memory.after(versions, requested=requested, state=state)
    reported = fingerprint(*sorted(odd)) if odd else ""
    return WatchResult(
        requests, len(unsettled), odd, replace(after, reported=reported, quiet=still.quiet if still else 0)
    )


def state_of(files: Sequence[DroppedFile], partitions: DayRange | None) -> str:
    """Stands for what is in the drop, and for the days that exist."""
    return fingerprint(str(partitions), *(f"{file.name} {file.size} {file.version}" for file in files))


def _bridges(wanted: Collection[date], unsettled: Collection[date]) -> set[date]:
    """The days that a run may go over: short gaps between wanted days, except where a file is still being written."""
    ordered = sorted(wanted)
    bridges: set[date] = set()
    for before, after in pairwise(ordered):
        gap = DayRange(before, after).days()[1:-1]
        if len(gap) <= LONGEST_BRIDGE:
            bridges.update(day for day in gap if day not in unsettled)
    return bridges
