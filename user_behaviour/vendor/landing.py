"""How the vendor's files of a day become its reviews: originals kept, rows parsed, bad rows weighed against the limit.

Which files a day is made of: what the vendor's drop has now, by name, over what the day's batch in force was made of.
So a file that the vendor has since cleared away still counts, and one that was never landed and is gone does not.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, date, datetime

import pyarrow as pa

from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.held_back import HeldBackError
from user_behaviour.lake.manifests import Source, timestamp
from user_behaviour.recipes import Closing, DayBatch, HeldBack
from user_behaviour.tables.schemas import QUARANTINED_REVIEWS, RAW_REVIEWS
from user_behaviour.vendor.drop import DroppedFile, VendorDrop
from user_behaviour.vendor.lines import UnreadableFile
from user_behaviour.vendor.reviews import BadRow, ReviewRow, day_of, read_rows

ORIGINALS = "movie_review_file"
BATCH_ROWS = 2_000
BATCH_CHARACTERS = 4_000_000


class FileInFlightError(HeldBackError):
    """A file changed or went away while it was copied."""


@dataclass(frozen=True)
class ReviewLanding:
    """Lands the vendor's files of one day after another.

    `bad_row_share` of a day's rows, 0 to 1, may be bad; a file may have `file_bytes` bytes, unpacked.
    """

    drop: VendorDrop
    dataset: Dataset
    _: KW_ONLY
    bad_row_share: float
    file_bytes: int

    def days(self, days: Sequence[date]) -> Iterator[DayBatch | HeldBack]:
        """The days, in their order, by one look at the drop for all of them."""
        as_of = timestamp(datetime.now(UTC))
        files: dict[date, list[DroppedFile]] = defaultdict(list)
        for file in self.drop.files():
            if (day_of_file := day_of(file.name)) is not None:
                files[day_of_file].append(file)
        for day in days:
            try:
                sources = self._sources(day, files[day])
            except HeldBackError as error:
                yield HeldBack(day, error)
            else:
                yield DayBatch(day, as_of, _Reading(self, sources).rows())

    def _sources(self, day: date, files: Sequence[DroppedFile]) -> tuple[Source, ...]:
        """What the day is made of, by name; what is new of it is kept first."""
        in_force = self.dataset.published(day)
        sources = {source.name: source for source in in_force.sources} if in_force else {}
        sources.update({file.name: self._keep(day, file) for file in files})
        return tuple(sources[name] for name in sorted(sources))

    def _keep(self, day: date, file: DroppedFile) -> Source:
        """Copies a file into the lake, unchanged, once for each version."""
        lake = self.dataset.lake
        directory = f"{ORIGINALS}/{self.dataset.table.partition_column}={day.isoformat()}/{file.version}"
        if file.name not in lake.list(directory):
            try:
                content = self.drop.open(file.name)
            except OSError as error:
                # A store that is out of reach is no fault of the file, and has no number of the operating system's.
                if error.errno is None and not isinstance(error, FileNotFoundError | PermissionError):
                    raise
                raise FileInFlightError(_unopened(file, error)) from error
            with content:
                lake.write(f"{directory}/{file.name}", content)
            if self.drop.find(file.name) != file:
                lake.delete(directory)
                raise FileInFlightError(f"{file.name} changed while it was read; rerun when it is whole.")
        return Source(file.name, file.size, file.version, f"{directory}/{file.name}")


def _unopened(file: DroppedFile, error: OSError) -> str:
    if error.strerror:  # of the operating system, which gives a bare reason
        return f"{file.name} cannot be opened ({error.strerror}); correct its access rights, or deliver it again."
    return f"{file.name} cannot be opened. {error}"


@dataclass
class _Reading:
    """One day's files on their way; knows at the end whether the day may be published."""

    landing: ReviewLanding
    sources: tuple[Source, ...]
    rows_read: int = 0
    bad: list[tuple[str, BadRow]] = field(default_factory=list)
    unreadable: list[UnreadableFile] = field(default_factory=list)

    def rows(self) -> Iterator[pa.RecordBatch | Closing]:
        """The reviews that can be used; raises `HeldBackError` after the last where the day may not be published."""
        for source in self.sources:
            try:
                yield from review_batches(self._reviews(source), source.name)
            except UnreadableFile as error:
                # The other files are read all the same, so that one look names all that is wrong.
                self.unreadable.append(error)
        yield self._closing()

    def _reviews(self, source: Source) -> Iterator[ReviewRow]:
        with self.landing.dataset.lake.open(source.kept_at) as stream:
            for row in read_rows(stream, source.name, max_bytes=self.landing.file_bytes):
                self.rows_read += 1
                if isinstance(row, BadRow):
                    self.bad.append((source.name, row))
                else:
                    yield row

    def _closing(self) -> Closing:
        quarantine = quarantine_table(self.bad) if self.bad else None
        reasons = [str(error) for error in self.unreadable]
        if len(self.bad) > self.landing.bad_row_share * self.rows_read:
            name, first = self.bad[0]
            reasons.append(
                f"{name}, line {first.line}: {first.reason}; {len(self.bad)} of the day's {self.rows_read} rows cannot "
                f"be used, more than the limit of {self.landing.bad_row_share:.2%}"
            )
        if reasons:
            raise HeldBackError(*reasons, quarantine=quarantine, sources=self.sources)
        facts = {"files": len(self.sources), "rows_in_files": self.rows_read, "rows_quarantined": len(self.bad)}
        return Closing(self.sources, facts, quarantine)


def review_batches(rows: Iterable[ReviewRow], name: str) -> Iterator[pa.RecordBatch]:
    """Reviews of the file `name` as RAW_REVIEWS, without the batch.

    A record batch has at most BATCH_ROWS rows, and ends with the review that reaches BATCH_CHARACTERS.
    """
    batch: list[ReviewRow] = []
    characters = 0
    for row in rows:
        batch.append(row)
        characters += len(row.review)
        if len(batch) == BATCH_ROWS or characters >= BATCH_CHARACTERS:
            yield _record_batch(batch, name)
            batch, characters = [], 0
    if batch:
        yield _record_batch(batch, name)


def quarantine_table(rows: Sequence[tuple[str, BadRow]]) -> pa.Table:
    """Bad rows, each with the name of its file, as QUARANTINED_REVIEWS."""
    columns = {
        "source_file": [file for file, _ in rows],
        "line_number": [bad.line for _, bad in rows],
        "reason": [bad.reason for _, bad in rows],
        "raw": [bad.raw for _, bad in rows],
    }
    return pa.Table.from_pydict(columns, schema=QUARANTINED_REVIEWS.arrow_schema())


def _record_batch(rows: Sequence[ReviewRow], name: str) -> pa.RecordBatch:
    columns = {
        "cid": [row.cid for row in rows],
        "review_str": [row.review for row in rows],
        "source_file": pa.repeat(name, len(rows)),
        "line_number": [row.line for row in rows],
    }
    return pa.RecordBatch.from_pydict(columns, schema=RAW_REVIEWS.without("batch_id").arrow_schema())
