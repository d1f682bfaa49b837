"""A Spark job in the lake: an object that says what is to be read and where to write, and beside it what was written.

A job lies at `_staging/<data set>/<batch>/<token>/`. Nothing outside that directory sees what a failed program leaves.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from user_behaviour.lake.objects import Objects

# Below it lie the jobs of all data sets, and nothing else.
JOBS_DIRECTORY = "_staging"


@dataclass(frozen=True)
class SparkJob:
    """One job, in a directory of the lake: the locations of the days that have rows, all below the URI `base`.

    `batch_id` is the batch that the rows bear which the program writes.
    """

    directory: str
    batch_id: str
    base: str
    inputs: Mapping[date, str]

    @property
    def path(self) -> str:
        """The job object, whose URI a runner is given."""
        return f"{self.directory}/job.json"

    @property
    def output(self) -> str:
        """Where the program writes."""
        return f"{self.directory}/output"

    def write(self, lake: Objects) -> None:
        """Writes the job object."""
        content = {
            "inputs": [{"insert_date": day.isoformat(), "location": uri} for day, uri in self.inputs.items()],
            "base": self.base,
            "output": lake.uri(self.output),
            "batch_id": self.batch_id,
        }
        lake.write(self.path, json.dumps(content).encode())


def read_job(lake: Objects, directory: str) -> SparkJob | None:
    """The job whose object is in the directory; None where there is none."""
    if not (found := lake.read(f"{directory}/job.json")):
        return None
    content = json.loads(found[0])
    inputs = {date.fromisoformat(entry["insert_date"]): entry["location"] for entry in content["inputs"]}
    return SparkJob(directory, content["batch_id"], content["base"], inputs)
