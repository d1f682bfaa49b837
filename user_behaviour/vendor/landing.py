"""How the vendor's files of a day become its reviews: originals kept, rows parsed, bad rows weighed against the limit.

Which files a day is made of: what the vendor's drop has now, by name, over what the day's batch in force was made of.
So a file that the vendor has since cleared away still counts, and one that was never landed and is gone does not.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, date, datetime

import dagster as dg
import pyarrow as pa

from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.held_back import HeldBackError
from user_behaviour.lake.manifests import Source, timestamp
from user_behaviour.recipes import Closing, DayBatch, HeldBack, Quarantined
from user_behaviour.tables.schemas import QUARANTINED_REVIEWS, RAW_REVIEWS
from user_behaviour.vendor.drop import DroppedFile, VendorDrop
from user_behaviour.vendor.lines import UnreadableFile
from user_behaviour.vendor.originals import is_of_one_file, keep
from user_behaviour.vendor.reviews import BadRow, ReviewRow, day_of, read_rows

ORIGINALS = "movie_review_file"
BATCH_ROWS = 2_000
BATCH_CHARACTERS = 4_000_000
UNREADABLE_NAMED = 20  # files, of one day
BAD_ROWS_KEPT = 100_000  # of a day that is held back, at the least: to see what is wrong
_SHORTEST_ROW = 4  # bytes of a row that can be used: `1,a` and a line end


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
        files: dict[date | None, list[DroppedFile]] = defaultdict(list)
        wanted = set(days)
        for file in self.drop.files(lambda name: day_of(name) in wanted):
            files[day_of(file.name)].append(file)
        for name, kind in self.drop.unusable().items():
            if day_of(name) in wanted:
                dg.get_dagster_logger().warning("%a in %s is %s; it is left alone.", name, self.drop.uri(), kind)
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
        directory = f"{ORIGINALS}/{self.dataset.table.partition_column}={day.isoformat()}"
        kept_at = keep(file, self.drop, self.dataset.lake, directory)
        return Source(file.name, file.size, file.version, kept_at)


@dataclass
class _Reading:
    """One day's files on their way; knows at the end whether the day may be published. Keeps counts, and no rows."""

    landing: ReviewLanding
    sources: tuple[Source, ...]
    rows_read: int = 0
    rows_bad: int = 0
    review_keys: int = 0  # as the Spark programs sum them up: by them two batches have the same reviews
    first_bad: str = ""
    unreadable: list[str] = field(default_factory=list)

    def rows(self) -> Iterator[pa.RecordBatch | Quarantined | Closing]:
        """The reviews that can be used, and the rows that cannot.

        Raises `HeldBackError` after the last where the day may not be published.
        """
        yield from batches(self._rows())
        yield self._closing()

    def _rows(self) -> Iterator[tuple[str, ReviewRow | BadRow]]:
        """The rows of all files that can be read, so that one look names all that is wrong."""
        for source in self.sources:
            try:
                with self.landing.dataset.lake.open(source.kept_at) as stream:
                    for row in read_rows(stream, source.name, max_bytes=self.landing.file_bytes):
                        self._count(source.name, row)
                        yield source.name, row
                        if isinstance(row, BadRow) and self._is_hopeless():
                            return
            except UnreadableFile as error:
                self.unreadable.append(str(error))
            except OSError as error:
                if not is_of_one_file(error):
                    raise
                original = self.landing.dataset.lake.uri(source.kept_at)
                reason = f"its original in the lake, {original}, cannot be read ({error.strerror or error})"
                self.unreadable.append(str(UnreadableFile(source.name, reason)))

    def _count(self, name: str, row: ReviewRow | BadRow) -> None:
        self.rows_read += 1
        if isinstance(row, ReviewRow):
            self.review_keys += zlib.crc32(f"{name}:{row.line}".encode())
        else:
            self.rows_bad += 1
            self.first_bad = self.first_bad or f"{name}, line {row.line}: {row.reason}"

    def _is_hopeless(self) -> bool:
        """Whether the limit is passed even if all that can follow, by the limit of a file's size, is good."""
        most_to_come = len(self.sources) * self.landing.file_bytes // _SHORTEST_ROW
        limit = self.landing.bad_row_share * (self.rows_read + most_to_come)
        return self.rows_bad > max(limit, BAD_ROWS_KEPT)

    def _closing(self) -> Closing:
        reasons = self.unreadable[:UNREADABLE_NAMED]
        if more := len(self.unreadable) - len(reasons):
            reasons.append(f"{more} more of the day's {len(self.sources)} files cannot be read")
        if self.rows_bad > self.landing.bad_row_share * self.rows_read:
            of = f"the first {self.rows_read} rows" if self._is_hopeless() else f"the day's {self.rows_read} rows"
            reasons.append(
                f"{self.first_bad}; {self.rows_bad} of {of} cannot be used, more than the limit of "
                f"{self.landing.bad_row_share:.2%}"
            )
        if reasons:
            raise HeldBackError(*reasons, sources=self.sources)
        facts = {"files": len(self.sources), "rows_in_files": self.rows_read, "rows_quarantined": self.rows_bad}
        facts["review_keys"] = self.review_keys
        return Closing(self.sources, facts)


def batches(rows: Iterable[tuple[str, ReviewRow | BadRow]]) -> Iterator[pa.RecordBatch | Quarantined]:
    """Rows, each with the name of its file: reviews as RAW_REVIEWS without the batch, bad rows as QUARANTINED_REVIEWS.

    Each kind in its order. A batch has at most BATCH_ROWS rows, and ends with the row that reaches BATCH_CHARACTERS.
    """
    good: list[tuple[str, str, str, int]] = []  # as the columns of each kind stand in its table
    bad: list[tuple[str, int, str, bytes]] = []
    size = 0
    for name, row in rows:
        if isinstance(row, BadRow):
            bad.append((name, row.line, row.reason, row.raw))
            size += len(row.raw)
        else:
            good.append((row.cid, row.review, name, row.line))
            size += len(row.review)
        if len(good) + len(bad) == BATCH_ROWS or size >= BATCH_CHARACTERS:
            yield from _batched(good, bad)
            good, bad, size = [], [], 0
    yield from _batched(good, bad)


def _batched(
    good: Sequence[tuple[object, ...]], bad: Sequence[tuple[object, ...]]
) -> Iterator[pa.RecordBatch | Quarantined]:
    if good:
        yield _batch(good, RAW_REVIEWS.without("batch_id").arrow_schema())
    if bad:
        yield Quarantined(_batch(bad, QUARANTINED_REVIEWS.arrow_schema()))


def _batch(rows: Sequence[tuple[object, ...]], schema: pa.Schema) -> pa.RecordBatch:
    columns = dict(zip(schema.names, zip(*rows, strict=True), strict=True))
    return pa.RecordBatch.from_pydict(columns, schema=schema)
