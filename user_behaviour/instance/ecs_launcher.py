"""The run launcher on ECS: each run is a task of its own, and run monitoring asks whether it lives (docs/adr/0026)."""

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster_aws.ecs import EcsRunLauncher

from user_behaviour.instance.launcher import health


class WatchedEcsRunLauncher(EcsRunLauncher):  # type: ignore[misc]  # dagster_aws is untyped for mypy
    """The class that `run_launcher:` of deploy/dagster-ecs.yaml names.

    ECS says why a task failed, with its exit code and last lines. Everything else the run's session says: the stock
    launcher takes a run without a task (`user-behaviour run`) for dead, and one whose task ECS has forgotten.
    """

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        found: CheckRunHealthResult = super().check_run_worker_health(run)
        return found if found.status == WorkerStatus.FAILED else health(self._instance, run)
