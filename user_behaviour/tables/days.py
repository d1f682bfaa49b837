"""Days and ranges of days, the only coordinates of the pipeline. Pure: no settings, no Dagster definitions."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self

PARTITION = "dagster/partition"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
# As many days as one run is of: a year on one machine is one run, and no run is longer than what one transaction holds.
DAYS_PER_RUN = 400
DAYS = "days"  # for people: Dagster's page of runs shows no tag of its own but `dagster/partition`


@dataclass(frozen=True)
class DayRange:
    """Consecutive days, both ends included."""

    first: date
    last: date

    @classmethod
    def of_tags(cls, tags: Mapping[str, str]) -> Self | None:
        """The days that a run is about, by its tags; None for a run of no days."""
        first = tags.get(RANGE_START) or tags.get(PARTITION)
        return cls(*days_of([first, tags.get(RANGE_END) or first])) if first else None

    @property
    def end(self) -> date:
        """The day after the last."""
        return self.last + timedelta(days=1)

    def days(self) -> list[date]:
        """Every day of the range, in order."""
        return [self.first + timedelta(days=n) for n in range((self.end - self.first).days)]

    def cut(self, length: int = DAYS_PER_RUN) -> "list[DayRange]":
        """The same days as ranges of at most `length` days, in order."""
        starts = self.days()[::length]
        ends = [*(start - timedelta(days=1) for start in starts[1:]), self.last]
        return [DayRange(*both) for both in zip(starts, ends, strict=True)]

    def parameters(self) -> dict[str, date]:
        """The half-open range, as the parameters of the statements about it."""
        return {"first_day": self.first, "end_day": self.end}

    def tags(self) -> dict[str, str]:
        """The run tags by which Dagster runs the whole range in one run, and by which its page of runs shows it.

        A run of one day carries its partition, so that Dagster records the day of its checks too.
        """
        first, last = self.first.isoformat(), self.last.isoformat()
        return (
            {PARTITION: first} if first == last else {RANGE_START: first, RANGE_END: last, DAYS: f"{first} to {last}"}
        )


def parse_day(text: str) -> date:
    """A day written as 2010-12-01, of the years 1900 to 2199; ValueError for anything else."""
    if not re.fullmatch(r"(19|20|21)\d\d-\d\d-\d\d", text, re.ASCII):
        raise ValueError(text)
    return date.fromisoformat(text)


def days_of(keys: Iterable[str]) -> list[date]:
    """The days of partition keys, in their order."""
    return [date.fromisoformat(key) for key in keys]


def ranges(days: Iterable[date], *, bridges: Collection[date] = ()) -> list[DayRange]:
    """The fewest ranges that cover the days; a range goes over another day only if that is among `bridges`."""
    found: list[DayRange] = []
    for day in sorted(set(days)):
        if found and all(gap in bridges for gap in DayRange(found[-1].last, day).days()[1:-1]):
            found[-1] = DayRange(found[-1].first, day)
        else:
            found.append(DayRange(day, day))
    return found
