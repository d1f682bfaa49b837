"""Which part of the vendor's drop a tick looks at, so that a tick costs the same whatever lies there.

One page of it, the next one at the next tick; the days just past; and the days that events named. A drop that is no
larger than a page is seen whole by each tick.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from user_behaviour.tables.days import DayRange
from user_behaviour.triggers.tick_memory import TickMemory
from user_behaviour.vendor.drop import DropPage, DroppedFile, VendorDrop, prefix_of

PAGE = 1000  # files: one request for a listing on S3, and a read for each of their days where something has changed
RECENT_DAYS = 7  # that each tick looks at
ANNOUNCED_DAYS = 10  # by events, that a tick looks at


@dataclass(frozen=True)
class DropListing:
    """What a tick sees of the drop: the page in turn, and others beside it. A small drop is one page."""

    turn: DropPage
    beside: Sequence[DropPage] = ()

    @property
    def files(self) -> list[DroppedFile]:
        """Each once, by name."""
        found = {file.name: file for page in (self.turn, *self.beside) for file in page.files}
        return [found[name] for name in sorted(found)]

    @property
    def unusable(self) -> dict[str, str]:
        """What is there beside the files."""
        return {name: kind for page in (self.turn, *self.beside) for name, kind in page.unusable.items()}

    def covers(self, name: str) -> bool:
        """Whether the file would be among `files` if it were there."""
        return any(page.covers(name) for page in (self.turn, *self.beside))


def list_drop(drop: VendorDrop, memory: TickMemory, *, partitions: DayRange | None) -> DropListing:
    """What this tick looks at; ANNOUNCED_DAYS + 2 requests for a listing on S3 at most."""
    turn = drop.page(PAGE, after=memory.position).of_whole_days()
    if partitions is None or (turn.after, turn.last) == ("", None):
        return DropListing(turn)
    recent = drop.page(PAGE, after=prefix_of(partitions.last - timedelta(days=RECENT_DAYS))).of_whole_days()
    announced = map(date.fromisoformat, memory.announced[:ANNOUNCED_DAYS])
    return DropListing(turn, [recent, *(drop.page(PAGE, prefix=prefix_of(day)) for day in announced)])
