"""What assets return and take: recipes that an IO manager carries out, and handles on partitions that it gives.

Values only, free of products: no connection, no file system, no rows held in memory.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Self

import pyarrow as pa

from user_behaviour.catalog.external_tables import Registration
from user_behaviour.lake.held_back import HeldBackError, MissingPartitionError
from user_behaviour.lake.locations import Location, Locations
from user_behaviour.lake.manifests import Fact, Source
from user_behaviour.tables.table import Table
from user_behaviour.warehouse.published_days import PublishedDay


@dataclass(frozen=True)
class Closing:
    """What is known of a day when its last row has been read; `rows` is how many were to be written, if it is known."""

    sources: tuple[Source, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)
    rows: int | None = None


@dataclass(frozen=True)
class Quarantined:
    """Rows that cannot be used; they are kept beside the batch, whether the day is published or held back."""

    rows: pa.RecordBatch


@dataclass(frozen=True)
class DayBatch:
    """One day's rows, as the outside world had them at the moment `as_of` (see `Manifest`).

    `rows` are record batches in the declared schema, `Quarantined` ones among them, and may end with a `Closing`. A
    `HeldBackError` that is raised while they are read, after the last row too, holds the day back and no other.
    """

    day: date
    as_of: str
    rows: Iterable[pa.RecordBatch | Quarantined | Closing]


@dataclass(frozen=True)
class HeldBack:
    """A day that cannot be published, and why."""

    day: date
    error: HeldBackError


class LakeRecipe:
    """Recipe for a lake data set: `PerDay`, or `SparkFiles` where the rows are better made elsewhere."""


@dataclass(frozen=True)
class PerDay(LakeRecipe):
    """Recipe for a lake data set: the days of the run, each once and in order.

    `days` is iterated once, and the rows of a day are read before the next day is asked for. A generator may hold open
    what it reads from: the IO manager runs it to its end, or closes it where something fails. Where a day `may_shrink`
    not, a batch that would empty it, or leave under a tenth of its rows, waits for an approval.
    """

    days: Iterable[DayBatch | HeldBack]
    may_shrink: bool = True


@dataclass(frozen=True)
class SparkDay:
    """One day that a Spark program writes, as the outside world had it at the moment `as_of` (see `Manifest`).

    `given` is what the program needs of it, in values of JSON; where there is nothing the day never reaches Spark.
    `closing` is asked when the program has ended, with the lines that it says of the day; it may raise `HeldBackError`.
    """

    day: date
    as_of: str
    given: Mapping[str, Any]
    closing: Callable[[Sequence[Mapping[str, Any]]], Closing]


@dataclass(frozen=True)
class SparkFiles(LakeRecipe):
    """Recipe for a lake data set that a Spark program writes: each day of the run once, in any order.

    `run(job)` starts the program and returns when it has succeeded; `job` is the URI of a JSON object with `inputs` (of
    every day that has any, what it is given), `base` (below which they lie), `output` (where to write
    `insert_date=…/part-….parquet`), `quarantine` (the same, one file a day, of rows that cannot be used), `result`,
    `batch_id` and `settings`. A day without anything given is published as empty and never reaches Spark. Below
    `result` a program may write JSON lines with `insert_date`, and the day's `facts` and `longest_texts` (see
    `Manifest`). `inputs` is their name; `may_shrink` is as in `PerDay`; the `settings`, in values of JSON, are for all.
    """

    inputs: str
    base: str
    days: Sequence[SparkDay | HeldBack]
    run: Callable[[str], None]
    may_shrink: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, inputs: Locations, run: Callable[[str], None], settings: Mapping[str, Any] | None = None) -> Self:
        """Of each row of the partitions the program makes one."""
        there = [_made_of(location) for location in inputs.by_day.values()]
        missing = [HeldBack(day, error) for day, error in inputs.missing.items()]
        return cls(inputs.dataset, inputs.base, [*there, *missing], run, settings=settings or {})


def _made_of(location: Location) -> SparkDay:
    source = location.manifest

    def closing(said: Sequence[Mapping[str, Any]]) -> Closing:
        facts = said[0].get("facts", {}) if said else {}
        return Closing((Source(source.dataset, source.rows, source.batch_id),), facts, rows=source.rows)

    return SparkDay(source.day, source.as_of, {"location": location.uri} if source.rows else {}, closing)


@dataclass(frozen=True)
class ExternalPartitions:
    """Recipe for an external table: its partitions point at the current batches of a lake data set."""

    of: Locations


@dataclass(frozen=True)
class RegisteredPartitions:
    """Days of an external table as they were registered when they were looked up; `missing` as in `Locations`."""

    table: Table
    by_day: Mapping[date, Registration]
    missing: Mapping[date, MissingPartitionError]


@dataclass(frozen=True)
class PublishedPartitions:
    """Days of a warehouse table as they were published when they were looked up; `missing` as in `Locations`."""

    table: Table
    by_day: Mapping[date, PublishedDay]
    missing: Mapping[date, MissingPartitionError]


@dataclass(frozen=True)
class Extract:
    """What a recipe needs of an external table: `select` fills the temporary table `name` before the writers' lock.

    A row has the partition column, `batch_id`, `row_count` (the rows of the external table that it stands for), and
    whatever else the recipe asks of it.
    """

    name: str
    of: RegisteredPartitions
    select: str


@dataclass(frozen=True)
class RestatementRecord:
    """How it is kept that the published rows of a day are replaced by others, and what they were before.

    `changes` selects one row a day whose rows differ from those of the temporary table `rows_before`: the day first,
    then figures, named `…_before` and `…_after`. Such a row goes into the table `record`, with moment, batch_id and
    cause, and the day's rows before into the table `archive`, with the moment as superseded_at. `causes` is given of
    each of these days the batches that it was made from, by their tables, before and now.
    """

    changes: str
    record: str
    archive: str
    causes: Callable[[Mapping[date, tuple[Mapping[str, str], Mapping[str, str]]]], Mapping[date, str]]


@dataclass(frozen=True)
class ReplaceDays:
    """Recipe for a warehouse table: SQL texts that replace ranges of days, all in one transaction.

    Each is executed with `%(first_day)s`, `%(end_day)s` (exclusive) and `%(batch_id)s`. `insert` fills the emptied
    range; one that `keeps_rows` is not emptied. Every query of `audit` selects broken invariants (law, insert_date,
    found, expected): one row rolls all back. `facts` selects one row a day for the day's metadata: the day first,
    whatever its column is called. `misfits` selects what the columns of the table do not hold (column_name, row_name,
    value); it is asked where the warehouse refuses a day for its values. What of `reads` is an `Extract` is read once,
    and while no other run has to wait. Days are held back of which what is read is not made from the same batches.
    Where there is a `restatement`, it is recorded which days that were published before have other rows now.
    """

    insert: str
    audit: Sequence[str] = ()
    facts: str = ""
    reads: Sequence[RegisteredPartitions | PublishedPartitions | Extract] = ()
    misfits: str = ""
    restatement: RestatementRecord | None = None
    keeps_rows: bool = False

    @property
    def extracts(self) -> list[Extract]:
        """What is read before the lock."""
        return [read for read in self.reads if isinstance(read, Extract)]

    @property
    def inputs(self) -> list[RegisteredPartitions | PublishedPartitions]:
        """The days of the tables that are read."""
        return [read.of if isinstance(read, Extract) else read for read in self.reads]
