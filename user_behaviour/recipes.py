"""What assets return and take: recipes that an IO manager carries out, and handles on partitions that it gives.

Values only, free of products: no connection, no file system, no rows held in memory.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa

from user_behaviour.catalog.external_tables import Registration
from user_behaviour.lake.held_back import HeldBackError, MissingPartitionError
from user_behaviour.lake.locations import Locations
from user_behaviour.lake.manifests import Fact, Source
from user_behaviour.tables.table import Table


@dataclass(frozen=True)
class Closing:
    """What is known of a day when its last row has been read."""

    sources: tuple[Source, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)


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


@dataclass(frozen=True)
class PerDay:
    """Recipe for a lake data set: the days of the run, each once and in order.

    `days` is iterated once, and the rows of a day are read before the next day is asked for. A generator may hold open
    what it reads from: the IO manager runs it to its end, or closes it where something fails. Where a day `may_shrink`
    not, a batch that would empty it, or leave under a tenth of its rows, waits for an approval.
    """

    days: Iterable[DayBatch | HeldBack]
    may_shrink: bool = True


@dataclass(frozen=True)
class SparkFiles:
    """Recipe for a lake data set that a Spark program writes.

    `run(job)` starts the program and returns when it has succeeded; `job` is the URI of a JSON object with `inputs`
    (day and location of every day that has rows), `base`, `output` (where to write `insert_date=…/part-….parquet`),
    `result` and `batch_id`. The program writes one row for each row that it reads. Days without rows are published as
    empty and never reach Spark. Below `result` a program may write JSON lines, one a day, with `insert_date`, and the
    day's `facts` and `longest_texts` (see `Manifest`).
    """

    inputs: Locations
    run: Callable[[str], None]


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
class Extract:
    """What a recipe needs of an external table: `select` fills the temporary table `name` before the writers' lock.

    A row has the partition column, `batch_id`, `row_count` (the rows of the external table that it stands for), and
    whatever else the recipe asks of it.
    """

    name: str
    of: RegisteredPartitions
    select: str


@dataclass(frozen=True)
class ReplaceDays:
    """Recipe for a warehouse table: SQL texts that replace ranges of days, all in one transaction.

    Each is executed with `%(first_day)s`, `%(end_day)s` (exclusive) and `%(batch_id)s`. `insert` fills the emptied
    range. Every query of `audit` selects broken invariants (law, insert_date, found, expected): one row rolls all back.
    `facts` selects one row a day for the day's metadata: the day first, whatever its column is called. `misfits`
    selects what the columns of the table do not hold (column_name, row_name, value); it is asked where the warehouse
    refuses a day for its values. What of `reads` is an `Extract` is read once, and while no other run has to wait.
    """

    insert: str
    audit: Sequence[str]
    facts: str
    reads: Sequence[RegisteredPartitions | Extract]
    misfits: str = ""

    @property
    def extracts(self) -> list[Extract]:
        """What is read before the lock."""
        return [read for read in self.reads if isinstance(read, Extract)]

    @property
    def inputs(self) -> list[RegisteredPartitions]:
        """The days of the external tables that are read."""
        return [read.of if isinstance(read, Extract) else read for read in self.reads]
