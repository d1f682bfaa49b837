"""What each place says of the days of an external table, and where they disagree. Pure: values in, differences out.

The lake is right by definition; the catalog is to point at the lake's batches in force, the warehouse is to see what
the catalog has, the metric is to be made from it, and Dagster is to have recorded it.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import date
from enum import Enum

from user_behaviour.catalog.external_tables import SEEN_CHARACTERS, Registration


class DifferenceKind(Enum):
    """How the places differ on a day."""

    MISSING = "missing"
    STALE = "stale"
    FILES_LOST = "without its files"
    ELSEWHERE = "elsewhere"
    LEFT_OVER = "left over"
    NOT_SEEN = "not seen by the warehouse"
    METRIC = "metric or mart made from another batch"
    UNRECORDED = "not recorded by Dagster"
    ONLY_RECORDED = "recorded but not in the lake"
    UNREADABLE = "unreadable in the lake"


class Remedy(Enum):
    """What puts a day right."""

    RESTORE = "restore"
    REGISTER = "register"
    DEREGISTER = "deregister"
    RECORD = "record"
    RERUN = "rerun"
    BY_HAND = "by hand"


@dataclass(frozen=True)
class Difference:
    """A day of a table on which the places differ; `says` what was found and what was expected.

    `rerun` are the assets to rerun, in Dagster's selection syntax, where only that is the remedy.
    """

    table: str
    day: date
    kind: DifferenceKind
    says: str
    remedy: Remedy
    rerun: str = ""

    @property
    def repairable(self) -> bool:
        """Whether it can be repaired without a run: by restoring, registering, deregistering or recording."""
        return self.remedy not in (Remedy.RERUN, Remedy.BY_HAND)


@dataclass(frozen=True)
class TableState:
    """What each place says of an external table.

    `lake_table` is the data set that it reads, `metric_and_later` selects what is made from it. `prefix` is the URI of
    a partition of the lake without its day: `s3://lake/staged_purchases/insert_date=`. `holes` says what is wrong with
    the files of a registered batch. `moving` are the days that a run registered in the meantime, `unreadable` those of
    which the lake cannot say what is in force: of them nothing is compared. `metric` has
    the batch that a day of the metric was made from, or of a mart where only that is of another than the one in force;
    `recorded` the one that Dagster recorded last, empty if its record names none.
    """

    table: str
    lake_table: str
    metric_and_later: str
    prefix: str
    in_force: Mapping[date, str]
    catalog: Mapping[date, Registration]
    holes: Mapping[date, str]
    seen: Mapping[date, str]
    moving: Set[date]
    unreadable: Set[date]
    metric: Mapping[date, str]
    recorded: Mapping[date, str]

    def days(self) -> list[date]:
        """Every day that any place knows of, and the lake does not keep from being compared."""
        return sorted({*self.in_force, *self.catalog, *self.seen, *self.recorded} - self.unreadable)

    def location(self, day: date, batch_id: str) -> str:
        """Where a batch lies."""
        return f"{self.prefix}{day}/{batch_id}/"

    def in_place(self, day: date) -> Registration | None:
        """The registration of a day, if it points at a batch of that day in the lake."""
        found = self.catalog.get(day)
        return found if found and found.location == self.location(day, found.batch_id) else None

    def remedy_of_catalog(self, day: date) -> Remedy:
        """What makes the catalog say of a day what the lake says."""
        return Remedy.REGISTER if day in self.in_force else Remedy.DEREGISTER


def compare(state: TableState) -> list[Difference]:
    """Where the places disagree, by day."""
    comparisons = (_catalog, _files, _warehouse, _metric, _record)
    return [difference for day in state.days() for compared in comparisons for difference in compared(state, day)]


def _catalog(state: TableState, day: date) -> Iterator[Difference]:
    in_force, found = state.in_force.get(day), state.catalog.get(day)
    if found is None:
        if in_force is None:
            return
        kind, says = DifferenceKind.MISSING, f"the lake has batch {in_force}, the catalog has no partition"
    elif not state.in_place(day):
        expected = state.location(day, in_force or "<batch>")
        kind, says = DifferenceKind.ELSEWHERE, f"points at {found.location}, expected is {expected}"
    elif in_force is None:
        kind, says = DifferenceKind.LEFT_OVER, f"points at batch {found.batch_id}, the lake has none in force"
    elif in_force != found.batch_id:
        kind, says = DifferenceKind.STALE, f"points at batch {found.batch_id}, in force is {in_force}"
    else:
        return
    yield Difference(state.table, day, kind, says, state.remedy_of_catalog(day))


def _files(state: TableState, day: date) -> Iterator[Difference]:
    if (hole := state.holes.get(day)) and (found := state.in_place(day)):
        says = f"batch {found.batch_id}: {hole}"
        rerun = f"key:{state.lake_table}+" if state.in_force.get(day) == found.batch_id else ""
        remedy = Remedy.RERUN if rerun else state.remedy_of_catalog(day)
        yield Difference(state.table, day, DifferenceKind.FILES_LOST, says, remedy, rerun)


def _warehouse(state: TableState, day: date) -> Iterator[Difference]:
    found, seen = state.catalog.get(day), state.seen.get(day)
    expected = found.location[:SEEN_CHARACTERS] if found else None
    if seen != expected and day not in state.moving:
        says = f"the catalog points at {expected or 'nothing'}, the warehouse sees {seen or 'nothing'}"
        yield Difference(state.table, day, DifferenceKind.NOT_SEEN, says, Remedy.BY_HAND)


def _metric(state: TableState, day: date) -> Iterator[Difference]:
    made_from, in_force = state.metric.get(day), state.in_force.get(day)
    if made_from and in_force and made_from != in_force:
        says = f"made from batch {made_from}, in force is {in_force}"
        yield Difference(state.table, day, DifferenceKind.METRIC, says, Remedy.RERUN, state.metric_and_later)


def _record(state: TableState, day: date) -> Iterator[Difference]:
    if day in state.moving:
        return
    recorded, found = state.recorded.get(day), state.in_place(day)
    if found and recorded != found.batch_id:
        last = "nothing" if recorded is None else f"batch {recorded}" if recorded else "no batch"
        says = f"registered is batch {found.batch_id}, recorded was {last}"
        yield Difference(state.table, day, DifferenceKind.UNRECORDED, says, Remedy.RECORD)
    elif recorded is not None and day not in state.catalog and day not in state.in_force:
        says = f"recorded was batch {recorded or '(none)'}, neither lake nor catalog have the day"
        yield Difference(
            state.table, day, DifferenceKind.ONLY_RECORDED, says, Remedy.RERUN, f"+key:{state.table.replace('.', '/')}"
        )
