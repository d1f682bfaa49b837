"""What becomes of a Spark job whose orchestrator died: the states in which a later run finds it, and what follows.

The same run, or one that goes on from it (an automatic retry, a re-execution from failure), looks for the job objects
that are still there. The rows of a job that is waited for bear the batch of the run that began it, and are published
under it.
"""

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Literal

from user_behaviour.lake.dataset import MANIFEST, Dataset
from user_behaviour.spark.job import JOBS_DIRECTORY, SparkJob, read_job


class LeftJob(Enum):
    """What the runs before left of their jobs, seen from a run that has a job to do."""

    NONE = auto()  # no job object: nothing was begun, or the job failed, or all was published
    OTHER_INPUTS = auto()  # made for other days, or for batches that are not the ones in force any more
    DAY_HALF_TAKEN = auto()  # same inputs, and of a day files were moved into the batch, but its manifest is not there
    NO_DAY_TAKEN = auto()  # same inputs; the program runs or has ended
    DAYS_PUBLISHED = auto()  # same inputs; days have their manifest and may be in force, the others are not touched


# "begin": write the object of another job and run the program on it.
# "wait": run the program on the object that was left. The runner recognises this one by its object, starts nothing
# and waits for its end; days that have a manifest stay as they are.
NEXT_STEP: Mapping[LeftJob, Literal["begin", "wait"]] = {
    LeftJob.NONE: "begin",
    LeftJob.OTHER_INPUTS: "begin",
    LeftJob.DAY_HALF_TAKEN: "begin",
    LeftJob.NO_DAY_TAKEN: "wait",
    LeftJob.DAYS_PUBLISHED: "wait",
}


def batches_left(dataset: Dataset, runs: Sequence[str]) -> list[str]:
    """The batches of the runs, of any of their attempts, that have something below the jobs of the data set."""
    names = dataset.lake.list(f"{JOBS_DIRECTORY}/{dataset.table.name}")
    return [name for name in names if any(name == run or name.startswith(f"{run}-") for run in runs)]


def left_job(dataset: Dataset, batches: Sequence[str], job: SparkJob) -> tuple[LeftJob, SparkJob | None]:
    """What was left in the batches of jobs that do the same as `job`; of several, one that can be waited for."""
    state, found = LeftJob.NONE, None
    for batch in batches:
        directory = f"{JOBS_DIRECTORY}/{dataset.table.name}/{batch}"
        for token in dataset.lake.list(directory):
            if left := read_job(dataset.lake, f"{directory}/{token}"):
                state, found = _state_of(left, dataset, job), left
            if NEXT_STEP[state] == "wait":
                return state, found
    return state, found


def _state_of(left: SparkJob, dataset: Dataset, job: SparkJob) -> LeftJob:
    if (left.base, left.inputs) != (job.base, job.inputs):
        return LeftJob.OTHER_INPUTS
    directories = [dataset.batch_directory(day, left.batch_id) for day in left.inputs]
    taken = [names for names in dataset.lake.at_once(dataset.lake.list, directories) if names]
    if not taken:
        return LeftJob.NO_DAY_TAKEN
    return LeftJob.DAYS_PUBLISHED if all(MANIFEST in names for names in taken) else LeftJob.DAY_HALF_TAKEN
