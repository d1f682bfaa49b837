"""What assets return and take: recipes that an IO manager carries out, and handles on partitions that it gives.

Values only, free of products: no connection, no file system, no rows held in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from user_behaviour.lake.held_back import MissingPartitionError
from user_behaviour.lake.locations import Locations
from user_behaviour.lake.manifests import Fact, Source

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Closing:
    """What is known of a day only when its last row was seen."""

    sources: tuple[Source, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)
    quarantine: pa.Table | None = None


@dataclass(frozen=True)
class DayBatch:
    """One day's rows as a stream. `close` is called after the last row; it may still raise `HeldBackError`."""

    as_of: str
    batches: Iterable[pa.RecordBatch]
    close: Callable[[], Closing] = Closing


@dataclass(frozen=True)
class PerDay:
    """Recipe for a lake data set: `open` gives, for as long as it is entered, a function from a day to its batch."""

    open: Callable[[], AbstractContextManager[Callable[[date], DayBatch]]]


@dataclass(frozen=True)
class SparkFiles:
    """Recipe for a lake data set that a Spark program writes.

    `run(job)` starts the program and returns when it has succeeded; `job` is the URI of a JSON object with `inputs`
    (day and location of every day that has rows), `base`, `output` (where to write `insert_date=…/part-….parquet`)
    and `batch_id`. The program writes one row for each row that it reads. Days without rows are published as empty
    and never reach Spark.
    """

    inputs: Locations
    run: Callable[[str], None]
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True)
class ExternalPartitions:
    """Recipe for an external table: its partitions point at the current batches of a lake data set."""

    of: Locations


@dataclass(frozen=True)
class RegisteredPartitions:
    """Registered days of an external table and the batch that each points at; `missing` as in `Locations`."""

    table: str
    batches: Mapping[date, str]
    missing: Mapping[date, MissingPartitionError]


@dataclass(frozen=True)
class ReplaceDays:
    """Recipe for a warehouse table: SQL texts that replace ranges of days, all in one transaction.

    Each is executed with `%(first_day)s`, `%(end_day)s` (exclusive) and `%(batch_id)s`. `insert` fills the emptied
    range. Every query of `audit` selects what breaks a law (law, insert_date, found, expected): any row rolls back.
    `facts` selects one row a day, `insert_date` first, for the day's metadata.
    """

    insert: str
    audit: Sequence[str]
    facts: str
    reads: Sequence[RegisteredPartitions]
