"""What a Spark program writes on its way into the lake: one job for many days, looked at, then taken over day by day.

At the end whatever is left of the job is removed, also where the program failed: a failed job is never taken over.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime

from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.held_back import HeldBackError
from user_behaviour.lake.manifests import Manifest, Source, timestamp
from user_behaviour.recipes import SparkFiles
from user_behaviour.spark.job import JOBS_DIRECTORY, SparkJob
from user_behaviour.spark.takeover import batches_left, job_to_wait_for


class SparkOutputError(HeldBackError):
    """A program that says it succeeded left something else than it should have."""


@dataclass(frozen=True)
class SparkOutput:
    """What a job wrote, for many days of a data set; `job.batch_id` is the batch that the days belong to."""

    dataset: Dataset
    job: SparkJob

    def take(self, day: date, source: Manifest) -> Manifest:
        """Moves the day's files into the batch and says what is in them, unless that was done before.

        Raises `SparkOutputError` where a row in is not a row out, `SchemaError`, and `BatchInForceError` where the
        batch is in force and was made from another batch than `source`.
        """
        dataset, batch_id = self.dataset, self.job.batch_id
        sources = (Source(source.dataset, source.rows, source.batch_id),)
        if (done := dataset.batch(day, batch_id)) and done.sources == sources:
            return done
        manifest = Manifest(
            dataset=dataset.table.name,
            day=day,
            batch_id=batch_id,
            as_of=source.as_of,
            written_at=timestamp(datetime.now(UTC)),
            files=dataset.adopt(day, batch_id, self._written(day)),
            sources=sources,
        )
        if manifest.rows != source.rows:
            raise SparkOutputError(
                f"The Spark program was given {source.rows} rows of {source.dataset} and wrote {manifest.rows}."
            )
        return manifest

    def _written(self, day: date) -> list[str]:
        directory = f"{self.job.output}/{self.dataset.table.partition_column}={day.isoformat()}"
        return [f"{directory}/{name}" for name in self.dataset.lake.list(directory) if name.endswith(".parquet")]


@contextmanager
def spark_output(
    dataset: Dataset, recipe: SparkFiles, *, batch_id: str, runs: Sequence[str] = ()
) -> Iterator[SparkOutput]:
    """Runs the program over the days that have rows, or waits for a job that does the same; clears up afterwards.

    `runs` are the run that writes and those that it goes on from; batches are named after runs. Raises
    `SparkOutputError` where the program left no `_SUCCESS`.
    """
    lake, jobs = dataset.lake, f"{JOBS_DIRECTORY}/{dataset.table.name}"
    inputs = {day: location.uri for day, location in recipe.inputs.by_day.items() if location.manifest.rows}
    # With a token: a runner identifies jobs by their objects, and must not take this one for a failed one.
    job = SparkJob(f"{jobs}/{batch_id}/{secrets.token_hex(4)}", batch_id, recipe.inputs.base, inputs)
    batches = batches_left(dataset, (batch_id, *runs))
    try:
        if inputs:
            if left := job_to_wait_for(dataset, batches, job):
                job = left
            else:
                job.write(lake)
            recipe.run(lake.uri(job.path))
            if "_SUCCESS" not in lake.list(job.output):
                raise SparkOutputError(
                    f"The Spark program left no _SUCCESS at {lake.uri(job.output)}; look at its log."
                )
        yield SparkOutput(dataset, job)
    finally:
        # The object first: a death in what follows must not leave a job to take over whose output is gone.
        lake.delete(job.path)
        for batch in {*batches, batch_id}:
            lake.abandon(f"{jobs}/{batch}")
