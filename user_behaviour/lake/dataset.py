"""A data set of the lake: how a day's partition is written, published, rejected, read and superseded.

A batch's files are immutable and lie under a prefix of their own; `_current.json` of a day says which batch is in
force and is replaced in one step, last. Nothing is appended, nothing is updated in place.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime

import pyarrow as pa
import pyarrow.parquet as pq

from user_behaviour.lake.batch_writer import QUARANTINE, BatchWriter
from user_behaviour.lake.conformity import conform, require_file
from user_behaviour.lake.footers import Footer, footer_of
from user_behaviour.lake.held_back import MissingPartitionError, UnreadableRecordError
from user_behaviour.lake.locations import Location, Locations
from user_behaviour.lake.manifests import DataFile, Judge, Manifest, RecordError, Rejection, lies_ahead, timestamp
from user_behaviour.lake.objects import Objects
from user_behaviour.lake.parquet_part import batches_of, opened
from user_behaviour.tables.table import Table

CURRENT = "_current.json"
REJECTED = "_rejected.json"
MANIFEST = "_manifest.json"
# Not out of the lake, nor into a partition, nor to what begins with `_` and is no data.
_NAME = re.compile(r"[^\W_][\w.-]*(/\w[\w.-]*)*")


class DatasetNameError(ValueError):
    """The name of a table is none that a data set can have."""


class BatchInForceError(Exception):
    """A batch was to be written again that readers already use."""


class Dataset:
    """The partitions of one table in the lake."""

    def __init__(self, lake: Objects, table: Table, footers: dict[str, Footer] | None = None) -> None:
        """`footers` are those that were read before, by the path of the file."""
        if not _NAME.fullmatch(table.name):
            raise DatasetNameError(
                f"{table.name!r} cannot be the name of a data set: it is a path in the lake. Use letters, digits, '_', "
                "'-' and '.', with '/' between names; none begins with '.' or '-', and the first not with '_'."
            )
        self.lake = lake
        self.table = table
        self._footers = {} if footers is None else footers

    def directory(self, day: date) -> str:
        return f"{self.table.name}/{self.table.partition_column}={day.isoformat()}"

    def batch_directory(self, day: date, batch_id: str) -> str:
        return f"{self.directory(day)}/{batch_id}"

    def current(self, day: date) -> Manifest:
        """The manifest of the batch in force; `MissingPartitionError` names a day that has none."""
        return self.in_force([day])[0]

    def published(self, day: date) -> Manifest | None:
        """The manifest of the batch in force, None where there is none; raises `UnreadableRecordError`."""
        (found,) = self._pointers([day])
        if isinstance(found, UnreadableRecordError):
            raise found
        return found if isinstance(found, Manifest) else None

    def in_force(self, days: Sequence[date]) -> list[Manifest]:
        """The manifests in force of all the days; `MissingPartitionError` names the first day that has none."""
        manifests = []
        for found in self._pointers(days):
            if not isinstance(found, Manifest):
                raise found
            manifests.append(found)
        return manifests

    def manifests(self, days: Sequence[date]) -> dict[date, Manifest]:
        """The manifests in force of those of the days that are published, and whose records can be read."""
        return {manifest.day: manifest for manifest in self._pointers(days) if isinstance(manifest, Manifest)}

    def batch(self, day: date, batch_id: str) -> Manifest | None:
        """The manifest of a batch, in force or superseded; None where it was never published, is purged or cut off."""
        found = self.lake.read(f"{self.batch_directory(day, batch_id)}/{MANIFEST}")
        with suppress(RecordError):
            return Manifest.from_json(found[0]) if found else None
        return None

    def rejection(self, day: date) -> Rejection | None:
        """The newest rejected attempt at a day, unless a batch at least as new is in force."""
        found = self.lake.read(f"{self.directory(day)}/{REJECTED}")
        if found is None:
            return None
        try:
            rejection = Rejection.from_json(found[0])
        except RecordError as error:
            raise self._unreadable(day, REJECTED, error) from error
        current = self.published(day)
        return None if current and rejection.is_overtaken_by(current) else rejection

    def locations(self, days: Sequence[date]) -> Locations:
        """Where the batches in force lie."""
        here, missing = {}, {}
        for day, found in zip(days, self._pointers(days), strict=True):
            if isinstance(found, Manifest):
                here[day] = Location(self.lake.uri(self.batch_directory(day, found.batch_id)), found)
            else:
                missing[day] = found
        return Locations(self.table.name, self.lake.uri(self.table.name), here, missing)

    def read(self, manifest: Manifest) -> Iterator[pa.RecordBatch]:
        """The rows of a batch as a stream, in the declared schema; nullable columns that it lacks are null."""
        directory = self.batch_directory(manifest.day, manifest.batch_id)
        for file, part in zip(manifest.files, self.files(manifest), strict=True):
            with self.lake.store_errors("Reading", f"{directory}/{file.name}"):
                for batch in batches_of(part):
                    yield conform(batch, self.table, manifest.day)

    def files(self, manifest: Manifest) -> Iterator[pq.ParquetFile]:
        """The files of a batch as they are, each open until the next is asked for."""
        directory = self.batch_directory(manifest.day, manifest.batch_id)
        for file in manifest.files:
            path = f"{directory}/{file.name}"
            with self.lake.store_errors("Reading", path), opened(self.lake, path, file.size) as stream:
                yield pq.ParquetFile(stream)

    def footers(self, manifest: Manifest) -> list[Footer]:
        """What the footers of a batch's files say; each is read once."""
        directory = self.batch_directory(manifest.day, manifest.batch_id)
        for file in manifest.files:
            if (path := f"{directory}/{file.name}") not in self._footers:
                with self.lake.store_errors("Reading", path), opened(self.lake, path, file.size) as stream:
                    self._footers[path] = footer_of(pq.ParquetFile(stream), stream.size())
        return [self._footers[f"{directory}/{file.name}"] for file in manifest.files]

    def quarantine(self, manifest: Manifest | Rejection, *columns: str) -> Iterator[pa.RecordBatch]:
        """The rows that were kept out of a batch, as a stream; of all columns, or some."""
        directory = self.batch_directory(manifest.day, manifest.batch_id)
        if QUARANTINE in self.lake.list(directory):
            path = f"{directory}/{QUARANTINE}"
            with self.lake.store_errors("Reading", path), self.lake.filesystem().open_input_file(path) as file:
                yield from batches_of(pq.ParquetFile(file), columns or None)

    def quarantined_rows(self, manifest: Manifest) -> int:
        """How many rows were kept out of a batch, by the footer of their file."""
        directory = self.batch_directory(manifest.day, manifest.batch_id)
        if QUARANTINE not in self.lake.list(directory):
            return 0
        path = f"{directory}/{QUARANTINE}"
        with self.lake.store_errors("Reading", path), self.lake.filesystem().open_input_file(path) as file:
            return int(pq.read_metadata(file).num_rows)

    def write(self, day: date, batch_id: str) -> BatchWriter:
        """Starts a batch; nothing of it can be seen before `publish`."""
        return BatchWriter(self.lake, self.table, day, batch_id=batch_id, directory=self.begin(day, batch_id))

    def begin(self, day: date, batch_id: str) -> str:
        """Makes an empty place for a batch: an earlier attempt of the same run may have died there."""
        if self._in_force(day) == batch_id:
            name = f"Batch {batch_id} of {self.table.name}, {day},"
            raise BatchInForceError(f"{name} is in force and readers may be in it: start a new run.")
        directory = self.batch_directory(day, batch_id)
        self.lake.delete(directory)
        self.lake.make_directory(directory)
        return directory

    def adopt(
        self, day: date, batch_id: str, written: Sequence[str], *, quarantine: Sequence[str] = ()
    ) -> tuple[DataFile, ...]:
        """Takes Parquet files that another program wrote into the batch, after a look at the footers of `written`."""
        files = []
        filesystem, directory = self.lake.filesystem(), self.begin(day, batch_id)
        for source in quarantine:
            self.lake.move(source, f"{directory}/{QUARANTINE}")
        for number, source in enumerate(written):
            with self.lake.store_errors("Reading", source), filesystem.open_input_file(source) as file:
                footer = footer_of(pq.ParquetFile(file), file.size())
            require_file(footer, self.table, source)
            name = f"part-{number:05}.parquet"
            self.lake.move(source, f"{directory}/{name}")
            files.append(DataFile(name, footer.rows, footer.size))
        return tuple(files)

    def publish(self, manifest: Manifest, *, judge: Judge | None = None) -> Manifest | None:
        """Puts the batch in force, in one step; returns what is then. None: one with a newer view of the outside stays.

        A view of the future is no newer one: its clock was ahead. `judge` is given the manifest in force and this one,
        and returns what to publish, or raises `HeldBackError`.
        """
        directory = self.batch_directory(manifest.day, manifest.batch_id)
        pointer = f"{self.directory(manifest.day)}/{CURRENT}"
        while True:
            found, judged = self.lake.read(pointer), manifest
            before = self._pointer(manifest.day, found[0]) if found else None
            is_newer = before is None or before.as_of <= manifest.as_of or lies_ahead(before.as_of)
            if judge and before and is_newer:
                judged = judge(before, manifest)
            content = judged.to_json()
            self.lake.write(f"{directory}/{MANIFEST}", content)
            if not is_newer:
                return None
            if self.lake.swap(pointer, content, expected=found[1] if found else None):
                return judged

    def reject(self, rejection: Rejection) -> None:
        """Records why a batch was not published; the batch in force stays."""
        self.lake.write(f"{self.directory(rejection.day)}/{REJECTED}", rejection.to_json())

    def days(self) -> list[date]:
        """Every day that the lake holds anything of, published or not."""
        prefix = f"{self.table.partition_column}="
        names = [name for name in self.lake.list(self.table.name) if name.startswith(prefix)]
        return [date.fromisoformat(name.removeprefix(prefix)) for name in names]

    def batches(self, day: date) -> list[str]:
        """Every batch of a day, published or not."""
        return [name for name in self.lake.list(self.directory(day)) if not name.startswith("_")]

    def superseded(self, day: date, *, before: datetime) -> list[str]:
        """The batches of a day that are not in force, and that the next one had replaced before a moment."""
        manifests = (self.batch(day, name) for name in self.batches(day))
        written = {manifest.batch_id: manifest.written_at for manifest in manifests if manifest}
        replaced = {
            name: min((later for later in written.values() if later > moment), default=moment)
            for name, moment in written.items()
        }
        in_force = self._in_force(day)
        return [name for name, moment in replaced.items() if name != in_force and moment < timestamp(before)]

    def unpublished(self, day: date) -> list[str]:
        """The batches of a day that have no manifest: crashed, in work, or rejected and since overtaken."""
        rejection = self.rejection(day)
        kept = {self._in_force(day), rejection.batch_id if rejection else None}
        batches = [name for name in self.batches(day) if name not in kept]
        return [name for name in batches if self.batch(day, name) is None]

    def _in_force(self, day: date) -> str | None:
        current = self.published(day)
        return current.batch_id if current else None

    def _pointers(self, days: Sequence[date]) -> Sequence[Manifest | MissingPartitionError]:
        """Of each day the manifest in force, or why there is none."""

        def look(day: date) -> Manifest | MissingPartitionError:
            found = self.lake.read(f"{self.directory(day)}/{CURRENT}")
            try:
                return self._pointer(day, found[0]) if found else self._missing(day)
            except UnreadableRecordError as error:
                return error

        return self.lake.at_once(look, days)

    def _pointer(self, day: date, content: bytes) -> Manifest:
        try:
            return Manifest.from_json(content)
        except RecordError as error:
            raise self._unreadable(day, CURRENT, error) from error

    def _unreadable(self, day: date, name: str, error: RecordError) -> UnreadableRecordError:
        place = self.lake.uri(f"{self.directory(day)}/{name}")
        return UnreadableRecordError(f"Partition {day} of {self.table.name}", f"{place} cannot be read: {error}")

    def _missing(self, day: date) -> MissingPartitionError:
        return MissingPartitionError(
            f"Partition {day} of {self.table.name} is not in the lake at {self.lake.uri(self.table.name)}; "
            "materialise it first."
        )
