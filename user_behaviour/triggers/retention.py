"""What may go: batches and rows that were replaced long ago, and what crashed and rejected attempts left behind.

Never goes: the batch in force, a batch that an external table is registered at, the quarantine of a rejection that
still stands, an original of the vendor's, the record of a restatement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pyarrow.fs

from user_behaviour.catalog.external_tables import ExternalTables
from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.lake import Lake
from user_behaviour.spark.job import JOBS_DIRECTORY
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.table import Table


@dataclass(frozen=True)
class Purged:
    """What was removed of one data set: published batches, unpublished ones, directories of Spark jobs."""

    superseded: int
    unpublished: int
    spark_jobs: int


@dataclass(frozen=True)
class Retention:
    """Everything that left force, or was last written to, before the moment `before` may go."""

    lake: Lake
    external_tables: ExternalTables
    before: datetime

    def purge(self, table: Table, *, read_by: Sequence[Table]) -> Purged:
        """Removes what may go of a data set; `read_by` are the external tables whose registrations hold a batch."""
        dataset = self.lake.dataset(table)
        days = dataset.days()
        held = self._registered(read_by, DayRange(days[0], days[-1])) if days else set()
        removed = self.lake.at_once(lambda day: self._purge_day(dataset, day, held), days)
        superseded, unpublished = (sum(counts) for counts in zip(*removed, strict=True)) if removed else (0, 0)
        return Purged(superseded, unpublished, self._purge_spark_jobs(dataset))

    def _purge_day(self, dataset: Dataset, day: date, held: set[str]) -> tuple[int, int]:
        """Removes superseded and unpublished batches; says how many of each."""

        def remove(batches: Sequence[str]) -> int:
            return sum(self._remove(dataset.batch_directory(day, batch), held=held) for batch in batches)

        unpublished = remove(dataset.unpublished(day))
        return remove(dataset.superseded(day, before=self.before)), unpublished

    def _purge_spark_jobs(self, dataset: Dataset) -> int:
        root = f"{JOBS_DIRECTORY}/{dataset.table.name}"
        return sum(self._remove(f"{root}/{batch}", held=set()) for batch in self.lake.list(root))

    def _remove(self, directory: str, *, held: set[str]) -> bool:
        with self.lake.store_errors("Listing", directory):
            touched = _last_touched(self.lake.filesystem(), directory)
        if f"{self.lake.uri(directory)}/" in held or touched is None or touched >= self.before:
            return False
        self.lake.delete(directory)
        return True

    def _registered(self, tables: Sequence[Table], span: DayRange) -> set[str]:
        found = (self.external_tables.registered(table, span) for table in tables)
        return {registration.location for by_day in found for registration in by_day.values()}


def _last_touched(filesystem: pyarrow.fs.FileSystem, directory: str) -> datetime | None:
    """When anything below the directory was last written; None where the store does not know, as of empty prefixes."""
    below = filesystem.get_file_info(pyarrow.fs.FileSelector(directory, allow_not_found=True, recursive=True))
    moments = [info.mtime for info in (filesystem.get_file_info(directory), *below) if info.mtime is not None]
    return max(moments, default=None)
