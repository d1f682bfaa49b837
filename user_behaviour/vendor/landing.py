"""How the vendor's files of a day become its reviews: originals kept, rows parsed, bad rows weighed against the limit.

Which files a day is made of: what the vendor's drop has now, by name, over what the day's batch in force was made of.
So a file that the vendor has since cleared away still counts, and one that was never landed and is gone does not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.held_back import HeldBackError
from user_behaviour.lake.manifests import Source, timestamp
from user_behaviour.recipes import Closing, DayBatch
from user_behaviour.vendor.drop import DroppedFile, VendorDrop
from user_behaviour.vendor.reviews import BadRow, FileTally, UnreadableFile, day_of, quarantine_table, review_batches

if TYPE_CHECKING:
    import pyarrow as pa

ORIGINALS = "movie_review_file"


@dataclass(frozen=True)
class LandingLimits:
    """`bad_row_share`: the share of a day's rows, 0 to 1, that may be bad. `file_bytes`: a file's size, unpacked."""

    bad_row_share: float = 0.01
    file_bytes: int = 1 << 30


class FileInFlightError(HeldBackError):
    """A file changed or went away while it was copied."""


@dataclass(frozen=True)
class ReviewLanding:
    """Lands the vendor's files of one day after another."""

    drop: VendorDrop
    dataset: Dataset
    limits: LandingLimits

    @contextmanager
    def open(self) -> Iterator[Callable[[date], DayBatch]]:
        """One look at the drop for all days of a run."""
        as_of = timestamp(datetime.now(UTC))
        by_day: dict[date, list[DroppedFile]] = defaultdict(list)
        for file in self.drop.files():
            if (day := day_of(file.name)) is not None:
                by_day[day].append(file)
        yield lambda day: self._batch(day, as_of, by_day[day])

    def _batch(self, day: date, as_of: str, files: Sequence[DroppedFile]) -> DayBatch:
        in_force = self.dataset.manifests([day]).get(day)
        kept: Mapping[str, Source] = {source.name: source for source in in_force.sources} if in_force else {}
        sources = {**kept, **{file.name: self._keep(day, file) for file in files}}
        reading = _DayReading(self.dataset, self.limits, tuple(sources[name] for name in sorted(sources)))
        return DayBatch(as_of, reading.batches(), reading.close)

    def _keep(self, day: date, file: DroppedFile) -> Source:
        """Copies a file into the lake, unchanged, once for each version."""
        lake = self.dataset.lake
        directory = f"{ORIGINALS}/{self.dataset.table.partition_column}={day.isoformat()}/{file.version}"
        if file.name not in lake.list(directory):
            try:
                content = self.drop.open(file.name)
            except (FileNotFoundError, PermissionError) as error:  # what else fails is no fault of the file
                raise FileInFlightError(_unopened(file, error)) from error
            with content:
                lake.write(f"{directory}/{file.name}", content)
            if self.drop.find(file.name) != file:
                lake.delete(directory)
                raise FileInFlightError(f"{file.name} changed while it was read; rerun when it is whole.")
        return Source(file.name, file.size, file.version, f"{directory}/{file.name}")


def _unopened(file: DroppedFile, error: OSError) -> str:
    if error.strerror:  # of the operating system, which gives a bare reason
        return f"{file.name} cannot be opened ({error.strerror}); see to its access rights, or deliver it again."
    return f"{file.name} cannot be opened. {error}"


@dataclass
class _DayReading:
    """One day's files on their way; knows at the end whether the day may be published."""

    dataset: Dataset
    limits: LandingLimits
    sources: tuple[Source, ...]
    tallies: dict[str, FileTally] = field(default_factory=dict)
    bad: list[tuple[str, BadRow]] = field(default_factory=list)
    unreadable: list[UnreadableFile] = field(default_factory=list)

    def batches(self) -> Iterator[pa.RecordBatch]:
        for source in self.sources:
            tally = self.tallies[source.name] = FileTally()
            with self.dataset.lake.open(source.kept_at) as stream:
                try:
                    yield from review_batches(
                        stream,
                        source.name,
                        batch_id="",  # the lake writes its own
                        max_bytes=self.limits.file_bytes,
                        on_bad=lambda row, name=source.name: self.bad.append((name, row)),  # type: ignore[misc]
                        tally=tally,
                    )
                except UnreadableFile as error:
                    # The other files are read all the same, so that one look names all that is wrong.
                    self.unreadable.append(error)

    def close(self) -> Closing:
        rows = sum(tally.rows for tally in self.tallies.values())
        quarantine = quarantine_table(self.bad) if self.bad else None
        reasons = [str(error) for error in self.unreadable]
        if len(self.bad) > self.limits.bad_row_share * rows:
            name, first = self.bad[0]
            reasons.append(
                f"{name}, line {first.line}: {first.reason}; {len(self.bad)} of the day's {rows} rows cannot be used, "
                f"more than the limit of {self.limits.bad_row_share:.2%}"
            )
        if reasons:
            raise HeldBackError(*reasons, quarantine=quarantine, sources=self.sources)
        facts = {"files": len(self.sources), "rows_in_files": rows, "rows_quarantined": len(self.bad)}
        return Closing(self.sources, facts, quarantine)
