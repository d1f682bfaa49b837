"""The lake IO manager: takes and gives one day or many of a lake data set, and publishes each day whole or not at all.

It knows no asset: columns are read from the asset's own `dagster/column_schema`.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from itertools import zip_longest
from typing import Any, ClassVar, TypeVar

import dagster as dg
import pyarrow as pa

from user_behaviour.io_managers.frames import FRAMES, Frame, as_frame, by_day
from user_behaviour.io_managers.partition_keys import NotWholeDaysError, WrongDaysError
from user_behaviour.io_managers.partitioned import Input, Output, PartitionedIOManager, named
from user_behaviour.io_managers.publishing import PREVIEW, PREVIEW_ROWS, ROWS, Outcome, business_first, preview
from user_behaviour.lake.approvals import Approvals
from user_behaviour.lake.conformity import schema_with_day, with_day
from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.held_back import HeldBackError, MissingPartitionError, UnreadableRecordError
from user_behaviour.lake.lake import Lake
from user_behaviour.lake.locations import Locations, PartitionStreams
from user_behaviour.lake.manifests import Judge, Manifest, Rejection, timestamp
from user_behaviour.recipes import Closing, DayBatch, HeldBack, PerDay, Quarantined, SparkDay, SparkFiles
from user_behaviour.spark.output import spark_output

T = TypeVar("T")


class LakeIOManager(PartitionedIOManager):
    """Stores an asset's partitions as immutable batches of Parquet files in the lake."""

    takes: ClassVar = (named(PerDay), named(SparkFiles), *FRAMES)
    gives: ClassVar = (named(Locations), named(PartitionStreams), *FRAMES)

    lake: Lake

    def write(self, output: Output, value: PerDay | SparkFiles | Frame) -> Outcome:
        """Writes and publishes every day; a day that cannot be published is held back.

        Raises `WrongDaysError` and `PartitionColumnError` where rows cannot be told apart by day: nothing is published.
        """
        dataset = self.lake.dataset(output.table)
        publication = _Publication(dataset, output, output.batch_id)
        if isinstance(value, PerDay | SparkFiles):
            judge = None if value.may_shrink else Approvals(dataset).judge
            if isinstance(value, SparkFiles):
                publication.take_files(value, judge=judge)
            else:
                publication.write_rows(value.days, judge=judge)
        else:
            as_of = timestamp(datetime.now(UTC))
            days = by_day(value, output.table, output.days)
            publication.write_rows(DayBatch(day, as_of, rows) for day, rows in days)
        return publication.outcome

    def read(self, wanted: Input) -> Any:
        """Gives the days; rows come with the partition column, as the last, a `date`.

        `Locations` says which days are missing; the other types raise `MissingPartitionError`.
        """
        dataset = self.lake.dataset(wanted.table)
        if wanted.kind is Locations:
            return dataset.locations(wanted.days)
        if wanted.kind is PartitionStreams:
            return PartitionStreams(wanted.days, dataset.current, dataset.read)
        rows = _rows(dataset, dataset.in_force(wanted.days))
        return as_frame(pa.RecordBatchReader.from_batches(schema_with_day(wanted.table), rows), wanted.kind)


@dataclass
class _Publication:
    """The days of one output on their way into a data set; `outcome` says what became of each."""

    dataset: Dataset
    output: Output
    batch_id: str
    outcome: Outcome = field(default_factory=Outcome)

    def write_rows(self, days: Iterable[DayBatch | HeldBack], *, judge: Judge | None = None) -> None:
        """Writes all days, then publishes those that the judge lets pass."""
        if judge:
            self._require_days("the days are judged")
        written: list[Manifest] = []
        with _closed_at_the_end(days):
            for found in _in_order(days, self.output.days):
                if isinstance(found, HeldBack):
                    self._hold_back(found.day, timestamp(datetime.now(UTC)), found.error)
                else:
                    try:
                        written += self._written(found)
                    except UnreadableRecordError as error:
                        self._hold_back(found.day, found.as_of, error)
        # Only now: a stream that breaks half-way, or turns out not to be in the order of days, has published nothing.
        whole = set(self.output.whole(self.outcome.held_back))
        written = [manifest for manifest in written if manifest.day in whole]
        published = self.dataset.lake.at_once(partial(self._published, judge=judge), written)
        for manifest, became in zip(written, published, strict=True):
            self._record(manifest, became)

    def take_files(self, recipe: SparkFiles, *, judge: Judge | None = None) -> None:
        """Runs the program, and publishes each day as soon as its files are taken over, if the judge lets it pass."""
        wanted = set(self.output.days)
        self.output.require_days(recipe.inputs, [found.day for found in recipe.days])
        self._require_days("the files of a Spark program are published")
        for found in recipe.days:
            if isinstance(found, HeldBack) and found.day in wanted:
                self._hold_back(found.day, timestamp(datetime.now(UTC)), found.error)
        days = [found for found in recipe.days if isinstance(found, SparkDay) and found.day in wanted]
        with spark_output(self.dataset, recipe, batch_id=self.batch_id, runs=self.output.runs) as output:
            self.batch_id = output.job.batch_id  # of the run that began the job

            def published(day: SparkDay) -> Manifest | HeldBackError | None:
                try:
                    return self._published(output.take(day), judge=judge)
                except HeldBackError as error:
                    return error

            for day, result in zip(days, self.dataset.lake.at_once(published, days), strict=True):
                self._record(day, result)

    def _require_days(self, what: str) -> None:
        """Raises `NotWholeDaysError` where a partition is of several days, of which one could be held back too late."""
        if long := [key for key, covered in self.output.partitions.items() if len(covered) > 1]:
            raise NotWholeDaysError(
                f"{self.dataset.table.name}: the partition {long[0]} covers more than a day, and {what} day by day; "
                "partition the asset by day. Nothing was written."
            )

    def _published(self, manifest: Manifest, *, judge: Judge | None = None) -> Manifest | HeldBackError | None:
        """The manifest that is in force now, None where a newer one stays, or why it is held back."""
        try:
            return self.dataset.publish(manifest, judge=judge)
        except HeldBackError as error:
            return error

    def _written(self, batch: DayBatch) -> list[Manifest]:
        """The manifest of the day's batch, which is not published yet; none where the day is held back."""
        closing = Closing()
        with self.dataset.write(batch.day, self.batch_id) as writer, _closed_at_the_end(batch.rows):
            try:
                for item in batch.rows:
                    if isinstance(item, Closing):
                        closing = item
                    elif isinstance(item, Quarantined):
                        writer.quarantine(item.rows)
                    else:
                        writer.write(item)
            except HeldBackError as error:
                writer.close()  # the quarantine is whole before the record of the rejection leads to it
                self._hold_back(batch.day, batch.as_of, error)
                return []
            return [writer.manifest(as_of=batch.as_of, sources=closing.sources, facts=closing.facts)]

    def _record(self, written: Manifest | SparkDay, found: Manifest | HeldBackError | None) -> None:
        """Takes down what became of the day and view of a manifest."""
        if isinstance(found, HeldBackError):
            self._hold_back(written.day, written.as_of, found)
            return
        if found is None:
            dg.get_dagster_logger().warning(
                "%s of %s: a batch with a newer view of its source is in force and stays; batch %s is kept beside it.",
                written.day,
                self.dataset.table.name,
                self.batch_id,
            )
        # Dagster shows what it recorded last, so that must be what readers find.
        manifest = found or self.dataset.current(written.day)
        self.outcome.published[manifest.day] = {
            ROWS: manifest.rows,
            "dagster/uri": self.dataset.lake.uri(self.dataset.batch_directory(manifest.day, manifest.batch_id)),
            "batch_id": manifest.batch_id,
            "as_of": manifest.as_of,
            **manifest.facts,
        }
        if manifest.day == self.output.days[-1] and (first := next(self.dataset.read(manifest), None)):
            ordered = first.sort_by([(name, "ascending") for name in business_first(first.schema.names)])
            self.outcome.published[manifest.day][PREVIEW] = preview(ordered.slice(0, PREVIEW_ROWS).to_pylist())

    def _hold_back(self, day: date, as_of: str, error: HeldBackError) -> None:
        self.outcome.held_back[day] = error.reasons
        if isinstance(error, MissingPartitionError):
            return  # why the day is missing is recorded with the data set upstream, if anywhere
        in_force = self.dataset.manifests([day]).get(day)
        rejection = Rejection(
            self.dataset.table.name,
            day,
            self.batch_id,
            as_of,
            error.reasons,
            error.sources,
            in_force=in_force.batch_id if in_force else "",
            awaits=error.awaits,
        )
        self.dataset.reject(rejection)


def _in_order(found: Iterable[DayBatch | HeldBack], days: Sequence[date]) -> Iterator[DayBatch | HeldBack]:
    for day, item in zip_longest(days, found):
        if item is None or item.day != day:
            raise WrongDaysError(
                f"The recipe gave {item.day if item else 'no day'} where the run has {day or 'no more days'}. Nothing "
                "was published; give each day of the run once, in order."
            )
        yield item


@contextmanager
def _closed_at_the_end(items: Iterable[T]) -> Iterator[None]:
    """A generator that is not used up when this is left is closed: it may hold a snapshot open."""
    try:
        yield
    finally:
        if isinstance(items, Generator):
            items.close()


def _rows(dataset: Dataset, manifests: Sequence[Manifest]) -> Iterator[pa.RecordBatch]:
    for manifest in manifests:
        yield from with_day(dataset.read(manifest), dataset.table, manifest.day)
