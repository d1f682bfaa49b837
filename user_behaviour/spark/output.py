"""What a Spark program writes on its way into the lake: a staging prefix of its own, looked at, then taken over.

A failed program can leave parts of its output behind; nothing outside the staging prefix sees them.

A job lies at `_staging/<data set>/<batch>/<token>/`: the object that names its inputs and its output, and the output.
Where the orchestrator died while a job ran, that object is still there. The same run, or one that goes on from it (an
automatic retry, a re-execution from failure), takes the job over if its inputs are still the ones in force: the same
object makes the runner wait for the job that runs already. The rows bear the batch of the run that began the job, and
are published under it; a day that was published before the death is done. Where the death came while a day was being
taken over, so that some of its files were moved, the job is of no use any more and another is begun. So is one after
a failure, which clears the staging prefix.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from user_behaviour.lake.dataset import MANIFEST, BatchInForceError, Dataset
from user_behaviour.lake.held_back import HeldBackError
from user_behaviour.lake.manifests import Fact, Manifest, Source, timestamp
from user_behaviour.lake.objects import Objects
from user_behaviour.recipes import SparkFiles

STAGING = "_staging"
JOB = "job.json"


class SparkOutputError(HeldBackError):
    """A program that says it succeeded left something else than it should have."""


@dataclass(frozen=True)
class _Job:
    """A job object in the lake, below the prefix `root`."""

    root: str
    batch_id: str
    work: Mapping[str, Any]

    @property
    def path(self) -> str:
        return f"{self.root}/{JOB}"

    @property
    def output(self) -> str:
        return f"{self.root}/output"

    def write(self, lake: Objects) -> None:
        content = {**self.work, "output": lake.uri(self.output), "batch_id": self.batch_id}
        lake.write(self.path, json.dumps(content).encode())


class SparkOutput:
    """The output of one program for many days of a data set.

    `runs` are the run that writes and those that it goes on from; batches are named after runs. `batch_id` is the
    batch that the output belongs to: the run's own, or that of the run whose job was taken over.
    """

    def __init__(self, dataset: Dataset, batch_id: str, *, runs: Sequence[str] = ()) -> None:
        self.batch_id = batch_id
        self._dataset = dataset
        self._staging = f"{STAGING}/{dataset.table.name}"
        self._runs = (batch_id, *runs)
        self._left: Sequence[str] = ()
        self._job: _Job | None = None

    @contextmanager
    def written_by(self, recipe: SparkFiles) -> Iterator[None]:
        """Runs the program over the days that have rows, and clears the staging prefix afterwards."""
        lake = self._dataset.lake
        inputs = [
            {"insert_date": day.isoformat(), "location": location.uri}
            for day, location in recipe.inputs.by_day.items()
            if location.manifest.rows
        ]
        self._left = self._left_behind()
        try:
            if inputs:
                job = self._job_for({"inputs": inputs, "base": recipe.inputs.base})
                recipe.run(lake.uri(job.path))
                if "_SUCCESS" not in lake.list(job.output):
                    raise SparkOutputError(
                        f"The Spark program left no _SUCCESS at {lake.uri(job.output)}; look at its log."
                    )
            yield
        finally:
            if self._job:
                # First: a death in what follows must not leave a job to take over whose output is gone.
                lake.delete(self._job.path)
            for batch in {*self._left, self.batch_id}:
                lake.abandon(f"{self._staging}/{batch}")

    def adopt(self, day: date, source: Manifest, facts: Mapping[str, Fact]) -> Manifest:
        """Takes the day's files into its batch and says what is in them; a row in must be a row out."""
        dataset, sources = self._dataset, (Source(source.dataset, source.rows, source.batch_id),)
        # Whole, and perhaps in force already, when an earlier process died.
        done = dataset.batch(day, self.batch_id) if self._left else None
        if done and done.sources == sources:
            return done
        try:
            files = dataset.adopt(day, self.batch_id, self._written(day))
        except BatchInForceError:  # the run was resumed after it had published all and cleared the staging prefix
            if (current := dataset.current(day)).sources != sources:
                raise
            return current
        manifest = Manifest(
            dataset=dataset.table.name,
            day=day,
            batch_id=self.batch_id,
            as_of=source.as_of,
            written_at=timestamp(datetime.now(UTC)),
            files=files,
            sources=sources,
            facts=facts,
        )
        if manifest.rows != source.rows:
            raise SparkOutputError(
                f"The Spark program was given {source.rows} rows of {source.dataset} and wrote {manifest.rows}."
            )
        return manifest

    def _written(self, day: date) -> list[str]:
        if not self._job:
            return []
        directory = f"{self._job.output}/{self._dataset.table.partition_column}={day.isoformat()}"
        return [f"{directory}/{name}" for name in self._dataset.lake.list(directory) if name.endswith(".parquet")]

    def _job_for(self, work: Mapping[str, Any]) -> _Job:
        """The job that does this work: one that was left behind, else a new one."""
        for job in self._jobs_left_behind():
            if job.work == work and not self._is_half_taken(job):
                self._job, self.batch_id = job, job.batch_id
                return job
        # With a token: whoever runs jobs knows them by their objects, and must not take this one for a failed one.
        self._job = _Job(f"{self._staging}/{self.batch_id}/{secrets.token_hex(4)}", self.batch_id, work)
        self._job.write(self._dataset.lake)
        return self._job

    def _left_behind(self) -> list[str]:
        """The batches below the staging prefix of the runs, of any of their attempts."""
        names = self._dataset.lake.list(self._staging)
        return [name for name in names if any(name == run or name.startswith(f"{run}-") for run in self._runs)]

    def _jobs_left_behind(self) -> Iterator[_Job]:
        lake = self._dataset.lake
        for batch in self._left:
            for token in lake.list(f"{self._staging}/{batch}"):
                root = f"{self._staging}/{batch}/{token}"
                if found := lake.read(f"{root}/{JOB}"):
                    content = json.loads(found[0])
                    yield _Job(root, batch, {name: content[name] for name in ("inputs", "base")})

    def _is_half_taken(self, job: _Job) -> bool:
        days = [date.fromisoformat(entry["insert_date"]) for entry in job.work["inputs"]]
        lake, directory = self._dataset.lake, self._dataset.batch_directory
        taken = lake.at_once(lake.list, [directory(day, job.batch_id) for day in days])
        return any(names and MANIFEST not in names for names in taken)
