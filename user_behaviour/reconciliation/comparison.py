"""What each place says of the days of an external table, and where they disagree. Pure: values in, findings out.

The lake is right by definition; the catalog is to point at the lake's batches in force, the warehouse is to see what
the catalog has, the metric is to be made from it, and Dagster is to have recorded it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import date
from enum import Enum

from user_behaviour.catalog.external_tables import SEEN_CHARACTERS, Registration


class Kind(Enum):
    """How a day is out of place."""

    MISSING = "missing"
    STALE = "stale"
    EMPTY = "empty"
    ELSEWHERE = "elsewhere"
    LEFT_OVER = "left over"
    UNKNOWN = "unknown to the warehouse"
    METRIC = "metric made from another batch"
    UNRECORDED = "not recorded by Dagster"
    ONLY_RECORDED = "recorded but not in the lake"


class Remedy(Enum):
    """What puts a day right."""

    REGISTER = "register"
    DEREGISTER = "deregister"
    RECORD = "record"
    RERUN = "rerun"
    BY_HAND = "by hand"


@dataclass(frozen=True)
class Finding:
    """A day of an external table that is out of place; `says` what was found and what was expected.

    `rerun` are the assets to rerun, in Dagster's selection syntax, where only that is the remedy.
    """

    table: str
    day: date
    kind: Kind
    says: str
    remedy: Remedy
    rerun: str = ""

    @property
    def repairable(self) -> bool:
        """Whether it can be mended without a run: by pointing, forgetting or recording."""
        return self.remedy in (Remedy.REGISTER, Remedy.DEREGISTER, Remedy.RECORD)


@dataclass(frozen=True)
class Places:
    """What each place says of an external table.

    `lake_table` is the data set that it reads, `metric_asset` the asset that is made from it. `prefix` is the URI of a
    partition of the lake less its day: `s3://lake/staged_purchases/insert_date=`. `holes` says what is wrong with the
    files of a registered batch. `moving` are the days that a run registered while the places were asked. `metric` has
    the batch that a day of the metric was made from, `recorded` the one that Dagster recorded last, empty if its record
    names none; None: not asked.
    """

    table: str
    lake_table: str
    metric_asset: str
    prefix: str
    in_force: Mapping[date, str]
    catalog: Mapping[date, Registration]
    holes: Mapping[date, str]
    seen: Mapping[date, str]
    moving: Set[date] = frozenset()
    metric: Mapping[date, str] = field(default_factory=dict)
    recorded: Mapping[date, str] | None = None

    def days(self) -> list[date]:
        """Every day that any place knows of."""
        return sorted({*self.in_force, *self.catalog, *self.seen, *(self.recorded or ())})

    def location(self, day: date, batch_id: str) -> str:
        """Where a batch lies."""
        return f"{self.prefix}{day}/{batch_id}/"

    def in_place(self, day: date) -> Registration | None:
        """The registration of a day, if it points at a batch of that day in the lake."""
        found = self.catalog.get(day)
        return found if found and found.location == self.location(day, found.batch_id) else None


def compare(places: Places) -> list[Finding]:
    """Where the places disagree, by day."""
    looks: tuple[Callable[[Places, date], Iterator[Finding]], ...] = (_pointer, _files, _sight, _metric, _record)
    return [finding for day in places.days() for look in looks for finding in look(places, day)]


def _pointer(places: Places, day: date) -> Iterator[Finding]:
    in_force, found = places.in_force.get(day), places.catalog.get(day)
    put_right = Remedy.REGISTER if in_force else Remedy.DEREGISTER

    def finding(kind: Kind, says: str) -> Finding:
        return Finding(places.table, day, kind, says, put_right)

    if found is None:
        if in_force:
            yield finding(Kind.MISSING, f"the lake has batch {in_force}, the catalog has no partition")
    elif not places.in_place(day):
        expected = places.location(day, in_force or "<batch>")
        yield finding(Kind.ELSEWHERE, f"points at {found.location}, expected is {expected}")
    elif in_force is None:
        yield finding(Kind.LEFT_OVER, f"points at batch {found.batch_id}, the lake has none in force")
    elif in_force != found.batch_id:
        yield finding(Kind.STALE, f"points at batch {found.batch_id}, in force is {in_force}")


def _files(places: Places, day: date) -> Iterator[Finding]:
    if (hole := places.holes.get(day)) and (found := places.in_place(day)):
        says = f"batch {found.batch_id}: {hole}"
        in_force = places.in_force.get(day)
        if in_force == found.batch_id:
            yield Finding(places.table, day, Kind.EMPTY, says, Remedy.RERUN, f"key:{places.lake_table}+")
        else:
            put_right = Remedy.REGISTER if in_force else Remedy.DEREGISTER
            yield Finding(places.table, day, Kind.EMPTY, says, put_right)


def _sight(places: Places, day: date) -> Iterator[Finding]:
    found, seen = places.catalog.get(day), places.seen.get(day)
    expected = found.location[:SEEN_CHARACTERS] if found else None
    if seen != expected and day not in places.moving:
        says = f"the catalog points at {expected or 'nothing'}, the warehouse sees {seen or 'nothing'}"
        yield Finding(places.table, day, Kind.UNKNOWN, says, Remedy.BY_HAND)


def _metric(places: Places, day: date) -> Iterator[Finding]:
    made_from, in_force = places.metric.get(day), places.in_force.get(day)
    if made_from and in_force and made_from != in_force:
        says = f"made from batch {made_from}, in force is {in_force}"
        yield Finding(places.table, day, Kind.METRIC, says, Remedy.RERUN, places.metric_asset)


def _record(places: Places, day: date) -> Iterator[Finding]:
    if places.recorded is None or day in places.moving:
        return
    recorded, found = places.recorded.get(day), places.in_place(day)
    if found and recorded != found.batch_id:
        last = "nothing" if recorded is None else f"batch {recorded}" if recorded else "no batch"
        says = f"registered is batch {found.batch_id}, recorded was {last}"
        yield Finding(places.table, day, Kind.UNRECORDED, says, Remedy.RECORD)
    elif recorded is not None and day not in places.catalog and day not in places.in_force:
        says = f"recorded was batch {recorded or '(none)'}, neither lake nor catalog have the day"
        yield Finding(
            places.table, day, Kind.ONLY_RECORDED, says, Remedy.RERUN, f"+key:{places.table.replace('.', '/')}"
        )
