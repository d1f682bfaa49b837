"""Which days of the vendor's drop are to be landed, from what each tick sees there.

Every delivery of a file (its name, size and version) that the lake was not made from is requested once, when it is
whole: when the store says so, or when it was the same at the previous tick. Nothing is derived from the times of files,
so that none is missed for its second or its age. Pure: no Dagster, no clock.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

from user_behaviour.lake.manifests import Manifest
from user_behaviour.tables.days import DayRange
from user_behaviour.triggers.day_requests import DayRequest, day_requests
from user_behaviour.triggers.drop_listing import ANNOUNCED_DAYS, DropListing
from user_behaviour.triggers.tick_memory import QUIET_TICKS, TickMemory, fingerprint
from user_behaviour.vendor.deliveries import new_files, objections
from user_behaviour.vendor.drop import DropPage, DroppedFile
from user_behaviour.vendor.file_name import day_of

LONGEST_BRIDGE = 7
ODD_KEPT = 100
PAGES_ANSWERED = 100


@dataclass(frozen=True)
class WatchResult:
    """`resting` counts files not yet seen at rest; `odd` says of files that cannot be taken why, by name."""

    requests: Sequence[DayRequest]
    resting: int
    odd: Mapping[str, str]
    memory: TickMemory


def open_days(listing: DropListing, memory: TickMemory, *, partitions: DayRange | None) -> list[date]:
    """The days that the lake has to be asked about.

    All that have files; of a page that is the same as when nothing was left to request, those that were requested.
    """
    return taken_days([file.name for file in _open_files(listing, memory, partitions)], partitions)


def taken_days(names: Iterable[str], partitions: DayRange | None) -> list[date]:
    """The days of the names that exist as partitions."""
    days = {day for name in names if (day := day_of(name))}
    return sorted(day for day in days if partitions and partitions.first <= day <= partitions.last)


def watch(
    listing: DropListing, memory: TickMemory, *, partitions: DayRange | None, in_force: Mapping[date, Manifest]
) -> WatchResult:
    """One look at the drop. `partitions` are the days that exist as partitions; None: none does yet.

    `in_force` are the manifests of the `open_days`. A day is asked for when all its new files are whole, for its run
    lands all of them. Days without new files in between are gone over, as landing them again changes nothing.
    """
    odd = objections([file.name for file in listing.files], listing.unusable, partitions)
    looked_at = [file for file in _open_files(listing, memory, partitions) if file.name not in odd]
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
    odd |= {name: objection for name, objection in memory.odd.items() if not listing.covers(name)}
    odd = dict(sorted(odd.items())[:ODD_KEPT])
    after = memory.after(versions, requested=requested, covers=listing.covers)
    after = replace(after, odd=odd, reported=fingerprint(*odd) if odd else "")
    askable = {name for names in ready.values() for name in names}
    waiting = {name for name in after.seen if name in askable or name not in memory.seen}
    return WatchResult(requests, len(unsettled), odd, _moved_on(after, memory, listing, partitions, waiting))


def state_of(page: DropPage, partitions: DayRange | None) -> str:
    """Stands for what is there, and for the days that exist."""
    return fingerprint(str(partitions), *(f"{file.name} {file.size} {file.version}" for file in page.files))


def _open_files(listing: DropListing, memory: TickMemory, partitions: DayRange | None) -> list[DroppedFile]:
    turn = listing.turn
    if memory.unmoved(state_of(turn, partitions), at=turn.after) is None:
        return listing.files
    return [file for file in listing.files if file.name in memory.requested or not turn.covers(file.name)]


def _moved_on(
    after: TickMemory, before: TickMemory, listing: DropListing, partitions: DayRange | None, waiting: Collection[str]
) -> TickMemory:
    """The memory with the place for the next tick: the same page as long as files of it are `waiting` for that tick."""
    turn, is_stale = listing.turn, before.quiet >= QUIET_TICKS
    answered = {
        at: state
        for at, state in ({} if is_stale else before.answered).items()
        if at != turn.after and (at == turn.last or not turn.covers(at))  # those within are of pages of before
    }
    if not any(map(turn.covers, after.seen)):
        answered[turn.after] = state_of(turn, partitions)
    left = {str(day_of(name)) for name in after.seen}
    looked_at, later = before.announced[:ANNOUNCED_DAYS], before.announced[ANNOUNCED_DAYS:]
    return replace(
        after,
        answered=dict(sorted(answered.items())[-PAGES_ANSWERED:]),
        quiet=0 if is_stale else before.quiet + 1,
        position=turn.after if any(map(turn.covers, waiting)) else turn.last or "",
        announced=(*later, *(day for day in looked_at if day in left)),
    )


def _bridges(wanted: Collection[date], unsettled: Collection[date]) -> set[date]:
    """The days that a run may go over: short gaps between wanted days, except where a file is still being written."""
    ordered = sorted(wanted)
    bridges: set[date] = set()
    for before, after in pairwise(ordered):
        gap = DayRange(before, after).days()[1:-1]
        if len(gap) <= LONGEST_BRIDGE:
            bridges.update(day for day in gap if day not in unsettled)
    return bridges
