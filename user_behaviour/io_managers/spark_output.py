"""What a Spark program writes on its way into the lake: a staging prefix of its own, looked at, then taken over.

A failed program can leave parts of its output behind; nothing outside the staging prefix sees them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime

from user_behaviour.manifests import Fact, Manifest, Source, timestamp
from user_behaviour.recipes import HeldBackError, SparkFiles
from user_behaviour.resources.dataset import Dataset

STAGING = "_staging"


class SparkOutputError(HeldBackError):
    """A program that says it succeeded left something else than it should have."""


class SparkOutput:
    """The output of one program for many days of a data set."""

    def __init__(self, dataset: Dataset, batch_id: str) -> None:
        self._dataset = dataset
        self._batch_id = batch_id
        self._root = f"{STAGING}/{dataset.table.name}/{batch_id}"

    @contextmanager
    def written_by(self, recipe: SparkFiles) -> Iterator[None]:
        """Runs the program over the days that have rows, and clears the staging prefix afterwards."""
        lake = self._dataset.lake
        inputs = [
            {"insert_date": day.isoformat(), "location": location.uri}
            for day, location in recipe.inputs.by_day.items()
            if location.manifest.rows
        ]
        output = f"{self._root}/output"
        lake.delete(self._root)
        try:
            if inputs:
                job = {
                    "inputs": inputs,
                    "base": recipe.inputs.base,
                    "output": lake.uri(output),
                    "batch_id": self._batch_id,
                }
                lake.write(f"{self._root}/job.json", json.dumps(job).encode())
                recipe.run(lake.uri(f"{self._root}/job.json"))
                if "_SUCCESS" not in lake.list(output):
                    raise SparkOutputError(
                        f"The Spark program left no _SUCCESS at {lake.uri(output)}; look at its log."
                    )
            yield
        finally:
            lake.delete(self._root)

    def adopt(self, day: date, source: Manifest, facts: Mapping[str, Fact]) -> Manifest:
        """Takes the day's files into its batch and says what is in them; a row in must be a row out."""
        directory = f"{self._root}/output/{self._dataset.table.partition_column}={day.isoformat()}"
        written = [f"{directory}/{name}" for name in self._dataset.lake.list(directory) if name.endswith(".parquet")]
        files = self._dataset.adopt(day, self._batch_id, written)
        manifest = Manifest(
            dataset=self._dataset.table.name,
            day=day,
            batch_id=self._batch_id,
            as_of=source.as_of,
            written_at=timestamp(datetime.now(UTC)),
            files=files,
            sources=(Source(source.dataset, source.rows, source.batch_id),),
            facts=facts,
        )
        if manifest.rows != source.rows:
            raise SparkOutputError(
                f"The Spark program was given {source.rows} rows of {source.dataset} and wrote {manifest.rows}."
            )
        return manifest
