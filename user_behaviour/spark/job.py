"""A Spark job in the lake: an object that says what is to be read and where to write, and beside it what was written.

A job lies at `_staging/<data set>/<batch>/<token>/`. Nothing outside that directory sees what a failed program leaves.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from user_behaviour.lake.objects import Objects

# Below it lie the jobs of all data sets, and nothing else.
JOBS_DIRECTORY = "_staging"


@dataclass(frozen=True)
class SparkJob:
    """One job, in a directory of the lake: of each day that has rows what the program needs, all below the URI `base`.

    `batch_id` is the batch that the rows bear which the program writes. The `inputs` of a day, and the `settings` of
    all, are values of JSON.
    """

    directory: str
    batch_id: str
    base: str
    inputs: Mapping[date, Mapping[str, Any]]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The job object, whose URI a runner is given."""
        return f"{self.directory}/job.json"

    @property
    def output(self) -> str:
        """Where the program writes rows."""
        return f"{self.directory}/output"

    @property
    def quarantine(self) -> str:
        """Where the program writes rows that cannot be used."""
        return f"{self.directory}/quarantine"

    @property
    def result(self) -> str:
        """Where the program says what it wrote, as files of JSON lines."""
        return f"{self.directory}/result"

    def write(self, lake: Objects) -> None:
        """Writes the job object."""
        content = {
            "inputs": [{"insert_date": day.isoformat(), **of_day} for day, of_day in self.inputs.items()],
            "base": self.base,
            "output": lake.uri(self.output),
            "quarantine": lake.uri(self.quarantine),
            "result": lake.uri(self.result),
            "batch_id": self.batch_id,
            "settings": self.settings,
        }
        lake.write(self.path, json.dumps(content).encode())


def read_job(lake: Objects, directory: str) -> SparkJob | None:
    """The job whose object is in the directory; None where there is none."""
    if not (found := lake.read(f"{directory}/job.json")):
        return None
    content = json.loads(found[0])
    inputs = {date.fromisoformat(entry.pop("insert_date")): entry for entry in content["inputs"]}
    return SparkJob(directory, content["batch_id"], content["base"], inputs, content.get("settings", {}))


def read_result(lake: Objects, job: SparkJob) -> dict[date, list[dict[str, Any]]]:
    """The lines of what a program said, by their `insert_date`; none of a program that says nothing."""
    found: dict[date, list[dict[str, Any]]] = defaultdict(list)
    paths = [f"{job.result}/{name}" for name in lake.list(job.result) if not name.startswith(("_", "."))]
    for content in lake.at_once(lake.read, paths):
        for line in filter(None, content[0].splitlines() if content else ()):
            said = json.loads(line)
            found[date.fromisoformat(said.pop("insert_date"))].append(said)
    return found
