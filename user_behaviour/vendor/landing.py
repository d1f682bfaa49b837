"""How the vendor's files of a day become its reviews: originals kept, rows parsed, bad rows weighed against the limit.

Which files a day is made of: what the vendor's drop has now, by name, over what the day's batch in force was made of.
So a file that the vendor has since cleared away still counts, and one that was never landed and is gone does not.
"""

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import pyarrow as pa

from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.held_back import HeldBackError
from user_behaviour.lake.manifests import Source, timestamp
from user_behaviour.recipes import Closing, DayBatch, HeldBack, Quarantined, SparkDay
from user_behaviour.tables.schemas import QUARANTINED_REVIEWS, RAW_REVIEWS
from user_behaviour.vendor.drop import DroppedFile, VendorDrop
from user_behaviour.vendor.file_name import day_of
from user_behaviour.vendor.originals import ORIGINALS, is_of_one_file, keep
from user_behaviour.vendor.review_file import BadRow, ReviewRow, Tally, UnreadableFile

BATCH_ROWS = 2_000
BATCH_CHARACTERS = 4_000_000
UNREADABLE_NAMED = 20  # files, of one day
BAD_ROWS_KEPT = 100_000  # of a file of a day that is held back, at the least: to see what is wrong
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
        """The days, in their order, to be read here; by one look at the drop for all of them."""
        for found in self._looked_up(days):
            yield found if isinstance(found, HeldBack) else DayBatch(found.day, found.as_of, found.rows())

    def spark_days(self, days: Sequence[date]) -> list[SparkDay | HeldBack]:
        """The same, to be read by a Spark program; the originals of all of them are kept by then."""
        return [found if isinstance(found, HeldBack) else found.spark_day() for found in self._looked_up(days)]

    def _looked_up(self, days: Sequence[date]) -> Iterator["_Day | HeldBack"]:
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
                yield _Day(self, day, as_of, sources, frozenset(file.name for file in files[day]))
            except HeldBackError as error:
                yield HeldBack(day, error)

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


@dataclass(frozen=True)
class _Day:
    """What a day is made of: read here or by a Spark program, and judged by what was counted of its files alone.

    `in_drop` are the files that the vendor still has.
    """

    landing: ReviewLanding
    day: date
    as_of: str
    sources: tuple[Source, ...]
    in_drop: frozenset[str]

    def rows(self) -> Iterator[pa.RecordBatch | Quarantined | Closing]:
        """The reviews that can be used, and the rows that cannot.

        Raises `HeldBackError` after the last where the day may not be published.
        """
        tallies: list[Tally] = []
        yield from batches(self._rows(tallies))
        yield self._closing(tallies)

    def spark_day(self) -> SparkDay:
        """The day for a program, which is given the files that are there, and says a tally of each."""
        lost: list[Tally] = []
        lake, files = self.landing.dataset.lake, list[Mapping[str, Any]]()
        for source in self.sources:
            tally = Tally(source.name)
            with self._an_original(source, tally):
                if source.name not in self.in_drop:  # else it was there a moment ago
                    lake.open(source.kept_at).close()
                files.append({"name": source.name, "uri": lake.uri(source.kept_at), "size": source.size})
            lost += [tally] if tally.unreadable else []

        def closing(said: Sequence[Mapping[str, Any]]) -> Closing:
            return self._closing([*lost, *(Tally(**line["tally"]) for line in said)])

        limits = {"file_bytes": self.landing.file_bytes, "most_bad": self._most_bad()}
        return SparkDay(self.day, self.as_of, {"files": files, "limits": limits} if files else {}, closing)

    def _rows(self, tallies: list[Tally]) -> Iterator[tuple[str, ReviewRow | BadRow]]:
        """The rows of all files that can be read, so that one look names all that is wrong."""
        limits = {"max_bytes": self.landing.file_bytes, "most_bad": self._most_bad()}
        for source in self.sources:
            tallies.append(tally := Tally(source.name))
            with self._an_original(source, tally), self.landing.dataset.lake.open(source.kept_at) as stream:
                for row in tally.rows(stream, **limits):
                    yield source.name, row

    @contextmanager
    def _an_original(self, source: Source, tally: Tally) -> Iterator[None]:
        """Where the lake has lost it, the tally says so."""
        try:
            yield
        except OSError as error:
            if not is_of_one_file(error):
                raise
            original = self.landing.dataset.lake.uri(source.kept_at)
            reason = f"its original in the lake, {original}, cannot be read ({error.strerror or error})"
            tally.unreadable = str(UnreadableFile(source.name, reason))

    def _most_bad(self) -> int:
        """More bad rows a file pass the limit, even if all that the day can have otherwise is good."""
        share, good = self.landing.bad_row_share, len(self.sources) * self.landing.file_bytes // _SHORTEST_ROW
        return max(BAD_ROWS_KEPT, int(share / (1 - share) * good)) if share < 1 else sys.maxsize

    def _closing(self, tallies: Sequence[Tally]) -> Closing:
        tallies = sorted(tallies, key=lambda tally: tally.name)
        unreadable = [tally.unreadable for tally in tallies if tally.unreadable]
        reasons = unreadable[:UNREADABLE_NAMED]
        if more := len(unreadable) - len(reasons):
            reasons.append(f"{more} more of the day's {len(self.sources)} files cannot be read")
        read, bad = (sum(getattr(tally, name) for tally in tallies) for name in ("rows_read", "rows_bad"))
        if bad > self.landing.bad_row_share * read:
            is_hopeless = any(tally.is_hopeless for tally in tallies)
            of = f"the first {read} rows" if is_hopeless else f"the day's {read} rows"
            first = next(tally.first_bad for tally in tallies if tally.first_bad)
            limit = f"{self.landing.bad_row_share:.2%}"
            reasons.append(f"{first}; {bad} of {of} cannot be used, more than the limit of {limit}")
        if reasons:
            raise HeldBackError(*reasons, sources=self.sources)
        facts = {
            "files": len(self.sources),
            "rows_in_files": read,
            "rows_quarantined": bad,
            "review_keys": sum(tally.review_keys for tally in tallies),
        }
        return Closing(self.sources, facts, rows=read - bad)


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
