"""The lake IO manager: takes and gives one day or many of a lake data set, and publishes each day whole or not at all.

Takes the recipes `PerDay` and `SparkFiles`, Arrow tables, streams of record batches and pandas data frames; gives
`PartitionStreams`, `Locations`, Arrow tables, streams and data frames. It knows no asset: columns are read from the
asset's own `dagster/column_schema`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa

from user_behaviour.io_managers.frames import as_wanted, per_day
from user_behaviour.io_managers.publishing import (
    Outcome,
    batch_id_of,
    days_to_read,
    days_to_write,
    earlier_runs,
    finish,
    preview,
    table_of,
)
from user_behaviour.lake.conformity import schema_with_day, with_day
from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.held_back import HeldBackError, MissingPartitionError
from user_behaviour.lake.lake import Lake
from user_behaviour.lake.locations import Locations, PartitionStreams
from user_behaviour.lake.manifests import Manifest, Rejection, timestamp
from user_behaviour.recipes import DayBatch, PerDay, SparkFiles
from user_behaviour.spark.output import SparkOutput


class LakeIOManager(dg.ConfigurableIOManager):
    """Stores an asset's partitions as immutable batches of Parquet files in the lake."""

    lake: Lake

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Writes and publishes every day of the output; a day that cannot be published is held back."""
        dataset = self.lake.dataset(table_of(context.asset_key, context.definition_metadata))
        days = days_to_write(context)
        write = _Writing(dataset, batch_id_of(context), context.log)
        if isinstance(obj, SparkFiles):
            write.files(obj, days, earlier_runs(context))
        elif isinstance(obj, PerDay):
            write.streams(obj, days)
        elif isinstance(obj, (pa.Table, pa.RecordBatchReader, pd.DataFrame)):
            write.streams(per_day(obj, dataset.table, days), days)
        else:
            raise TypeError(
                f"{context.asset_key.to_user_string()} returned {type(obj).__name__}; the lake takes one of: "
                "PerDay, SparkFiles, pyarrow.Table, pyarrow.RecordBatchReader, pandas.DataFrame."
            )
        finish(context, write.outcome)

    def load_input(self, context: dg.InputContext) -> Any:
        """Gives the days of the input as the type that the asset's parameter is annotated with."""
        upstream = context.upstream_output
        metadata = upstream.definition_metadata if upstream else context.definition_metadata
        dataset = self.lake.dataset(table_of(context.asset_key, metadata))
        days = days_to_read(context)
        wanted = context.dagster_type.typing_type
        if wanted is Locations:
            return dataset.locations(days)
        if wanted is PartitionStreams:
            return PartitionStreams(days, dataset.current, dataset.read)
        manifests = dataset.in_force(days)
        stream = pa.RecordBatchReader.from_batches(schema_with_day(dataset.table), _rows(dataset, manifests))
        if (given := as_wanted(stream, wanted)) is not None:
            return given
        raise TypeError(
            f"The lake cannot give {context.asset_key.to_user_string()} as {wanted}; annotate the parameter with one "
            "of: Locations, PartitionStreams, pyarrow.Table, pyarrow.RecordBatchReader, pandas.DataFrame."
        )


def _rows(dataset: Dataset, manifests: Sequence[Manifest]) -> Iterator[pa.RecordBatch]:
    for manifest in manifests:
        yield from with_day(dataset.read(manifest), dataset.table, manifest.day)


class _Writing:
    """One output on its way into a data set."""

    def __init__(self, dataset: Dataset, batch_id: str, log: Any) -> None:
        self.outcome = Outcome()
        self._dataset = dataset
        self._batch_id = batch_id
        self._log = log

    def streams(self, recipe: PerDay, days: Sequence[date]) -> None:
        written: list[tuple[Manifest, Sequence[dict[str, Any]]]] = []
        with recipe.open() as batch_of:
            for day in days:
                try:
                    batch = batch_of(day)
                except MissingPartitionError as error:
                    self.outcome.held_back[day] = error.reasons  # it says all there is to say beside its own data set
                except HeldBackError as error:
                    self._reject(day, timestamp(datetime.now(UTC)), error)
                else:
                    written += self._stream(day, batch, newest=day == days[-1])
        # Only now: a stream that breaks half-way, or turns out not to be in the order of days, has published nothing.
        published = self._dataset.lake.at_once(self._dataset.publish, [manifest for manifest, _ in written])
        for (manifest, rows), was_published in zip(written, published, strict=True):
            self._record(manifest, rows, was_published=was_published)

    def _stream(
        self, day: date, batch: DayBatch, *, newest: bool
    ) -> Iterator[tuple[Manifest, Sequence[dict[str, Any]]]]:
        """Writes a day's batch; gives its manifest and its first rows unless the day is held back."""
        with self._dataset.write(day, self._batch_id) as writer:
            try:
                for rows in batch.batches:
                    writer.write(rows)
                closing = batch.close()
            except HeldBackError as error:
                if error.quarantine is not None:
                    writer.quarantine(error.quarantine)
                self._reject(day, batch.as_of, error)
                return
            if closing.quarantine is not None:
                writer.quarantine(closing.quarantine)
            manifest = writer.manifest(as_of=batch.as_of, sources=closing.sources, facts=closing.facts)
            yield manifest, writer.first_rows.to_pylist() if newest and writer.first_rows else []

    def files(self, recipe: SparkFiles, days: Sequence[date], runs: Sequence[str]) -> None:
        for day, error in recipe.inputs.missing.items():
            self.outcome.held_back[day] = error.reasons
        output = SparkOutput(self._dataset, self._batch_id, runs=runs)
        with output.written_by(recipe):
            self._batch_id = output.batch_id  # of the run that began the job
            given = {day: recipe.inputs.by_day[day].manifest for day in days if day in recipe.inputs.by_day}

            def take(day: date) -> tuple[Manifest, bool] | HeldBackError:
                try:
                    manifest = output.adopt(day, given[day], recipe.facts)
                except HeldBackError as error:
                    return error
                return manifest, self._dataset.publish(manifest)

            for day, taken in zip(given, self._dataset.lake.at_once(take, given), strict=True):
                if isinstance(taken, HeldBackError):
                    self._reject(day, given[day].as_of, taken)
                    continue
                manifest, was_published = taken
                first = next(self._dataset.read(manifest), None) if day == days[-1] else None
                self._record(manifest, first.slice(0, 5).to_pylist() if first else [], was_published=was_published)

    def _record(self, manifest: Manifest, rows: Sequence[dict[str, Any]], *, was_published: bool) -> None:
        if not was_published:
            self._log.warning(
                "%s of %s: a batch with a newer view of its source is in force and stays; batch %s is kept beside it.",
                manifest.day,
                manifest.dataset,
                manifest.batch_id,
            )
            # What Dagster records last is what it shows: it had better be what readers find.
            manifest, rows = self._dataset.current(manifest.day), ()
        self.outcome.published[manifest.day] = {
            "dagster/partition_row_count": manifest.rows,
            "dagster/uri": self._dataset.lake.uri(self._dataset.batch_directory(manifest.day, manifest.batch_id)),
            "batch_id": manifest.batch_id,
            "as_of": manifest.as_of,
            **manifest.facts,
            **({"preview": preview(rows)} if rows else {}),
        }

    def _reject(self, day: date, as_of: str, error: HeldBackError) -> None:
        self.outcome.held_back[day] = error.reasons
        self._dataset.reject(
            Rejection(self._dataset.table.name, day, self._batch_id, as_of, error.reasons, error.sources)
        )
