"""Dagster's own run launcher, which can tell whether a run's process lives: the daemon's run monitoring asks it."""

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus

from user_behaviour.instance.dead_runs import dead, report


class WatchedRunLauncher(dg.DefaultRunLauncher):
    """The class that `run_launcher:` of dagster.yaml names.

    Without it a run whose process is gone together with its code server counts as running for ever, and keeps its
    place in the queue of runs as well.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        return health(self._instance, run)


def health(instance: dg.DagsterInstance, run: dg.DagsterRun) -> CheckRunHealthResult:
    """Whether the run's process lives. One that does not is reported here, in our words, with its slots."""
    if not dead(instance, [run]):
        return CheckRunHealthResult(WorkerStatus.RUNNING)
    report(instance, run)
    return CheckRunHealthResult(WorkerStatus.FAILED, "the process of the run is gone")
