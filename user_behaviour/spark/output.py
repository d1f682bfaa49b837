"""What a Spark program writes on its way into the lake: one job for many days, looked at, then taken over day by day.

At the end whatever is left of the job is removed, also where the program failed: a failed job is never taken over. If
the orchestrator dies, the same run or one that goes on from it (an automatic retry, a re-execution from failure) waits
for the job that it left, whose rows bear the batch of the run that began it, and are published under it.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from user_behaviour.lake.dataset import MANIFEST, Dataset
from user_behaviour.lake.held_back import HeldBackError
from user_behaviour.lake.manifests import Manifest, timestamp
from user_behaviour.recipes import SparkDay, SparkFiles
from user_behaviour.spark.job import JOBS_DIRECTORY, SparkJob, read_job, read_result


class SparkOutputError(HeldBackError):
    """A program that says it succeeded left something else than it should have."""


@dataclass(frozen=True)
class SparkOutput:
    """What a job wrote, for many days of a data set; `job.batch_id` is the batch that the days belong to.

    `result` is what the program says of each day: lines for `SparkDay.closing`, with `longest_texts` (see `Manifest`).
    """

    dataset: Dataset
    job: SparkJob
    result: Mapping[date, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    def take(self, day: SparkDay) -> Manifest:
        """Moves the day's files into the batch and says what is in them, unless that was done before.

        Raises `SparkOutputError` where the program wrote another number of rows than it should, `SchemaError`,
        `BatchInForceError` where the batch is in force and was made from something else, and what the day is held back
        for: with its quarantine, then, in the batch.
        """
        dataset, batch_id, said = self.dataset, self.job.batch_id, self.result.get(day.day, ())
        quarantine = self.written(self.job.quarantine, day.day)
        try:
            closing = day.closing(said)
        except HeldBackError:
            dataset.adopt(day.day, batch_id, [], quarantine=quarantine)
            raise
        if (done := dataset.batch(day.day, batch_id)) and done.sources == closing.sources:
            return done
        longest: dict[str, int] = {}
        for name, size in (item for line in said for item in line.get("longest_texts", {}).items()):
            longest[name] = max(size, longest.get(name, 0))
        manifest = Manifest(
            dataset=dataset.table.name,
            day=day.day,
            batch_id=batch_id,
            as_of=day.as_of,
            written_at=timestamp(datetime.now(UTC)),
            files=dataset.adopt(day.day, batch_id, self.written(self.job.output, day.day), quarantine=quarantine),
            sources=closing.sources,
            facts=closing.facts,
            longest_texts=longest,
        )
        if closing.rows not in (None, manifest.rows):
            raise SparkOutputError(f"The Spark program was to write {closing.rows} rows and wrote {manifest.rows}.")
        return manifest

    def written(self, place: str, day: date) -> list[str]:
        """The Parquet files that the program wrote of a day, in one of the places of the job."""
        directory = f"{place}/{self.dataset.table.partition_column}={day.isoformat()}"
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
    inputs = {found.day: found.given for found in recipe.days if isinstance(found, SparkDay) and found.given}
    # With a token: a runner identifies jobs by their objects, and must not take this one for a failed one.
    job = SparkJob(f"{jobs}/{batch_id}/{secrets.token_hex(4)}", batch_id, recipe.base, inputs, recipe.settings)
    batches = _batches_left(dataset, (batch_id, *runs))
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
        yield SparkOutput(dataset, job, read_result(lake, job) if inputs else {})
    finally:
        # The object first: a death in what follows must not leave a job to take over whose output is gone.
        lake.delete(job.path)
        for batch in {*batches, batch_id}:
            lake.abandon(f"{jobs}/{batch}")


def _batches_left(dataset: Dataset, runs: Sequence[str]) -> list[str]:
    """The batches of the runs, of any of their attempts, that have something below the jobs of the data set."""
    names = dataset.lake.list(f"{JOBS_DIRECTORY}/{dataset.table.name}")
    return [name for name in names if any(name == run or name.startswith(f"{run}-") for run in runs)]


def job_to_wait_for(dataset: Dataset, batches: Sequence[str], job: SparkJob) -> SparkJob | None:
    """A job that was left in the batches and does the same as `job`: the runner starts nothing and waits for its end.

    None where there is none: nothing was begun, the job failed or has published all, was made for other days or for
    batches that are not in force any more, or of a day files were moved into the batch and its manifest is not there.
    """
    for batch in batches:
        directory = f"{JOBS_DIRECTORY}/{dataset.table.name}/{batch}"
        for token in dataset.lake.list(directory):
            left = read_job(dataset.lake, f"{directory}/{token}")
            if (
                left
                and (left.base, left.inputs, left.settings) == (job.base, job.inputs, job.settings)
                and not _is_half_taken(left, dataset)
            ):
                return left
    return None


def _is_half_taken(left: SparkJob, dataset: Dataset) -> bool:
    directories = [dataset.batch_directory(day, left.batch_id) for day in left.inputs]
    return any(names and MANIFEST not in names for names in dataset.lake.at_once(dataset.lake.list, directories))
