"""What becomes of a Spark job whose orchestrator died: whether a later run waits for it, or begins another.

The same run, or one that goes on from it (an automatic retry, a re-execution from failure), looks for the job objects
that are still there. The rows of a job that is waited for bear the batch of the run that began it, and are published
under it.
"""

from collections.abc import Sequence

from user_behaviour.lake.dataset import MANIFEST, Dataset
from user_behaviour.spark.job import JOBS_DIRECTORY, SparkJob, read_job


def batches_left(dataset: Dataset, runs: Sequence[str]) -> list[str]:
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
            if left and (left.base, left.inputs) == (job.base, job.inputs) and not _is_half_taken(left, dataset):
                return left
    return None


def _is_half_taken(left: SparkJob, dataset: Dataset) -> bool:
    directories = [dataset.batch_directory(day, left.batch_id) for day in left.inputs]
    return any(names and MANIFEST not in names for names in dataset.lake.at_once(dataset.lake.list, directories))
