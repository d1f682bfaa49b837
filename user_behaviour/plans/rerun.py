"""What making days again will take: here, by what an earlier run took; on AWS, by the rates of `deploy/costs.py`."""

import runpy
from collections.abc import Mapping, Sequence

import dagster as dg

from user_behaviour.plans.plan import Rerun
from user_behaviour.project_files import PROJECT_FILES
from user_behaviour.tables.days import DayRange

_RUNS = 20  # of the newest are looked at


def rerun(instance: dg.DagsterInstance, assets: Sequence[dg.AssetKey], days: int, *, scored: bool) -> Rerun:
    """What the days will take; `scored`: with the Spark job that scores their reviews."""
    costs = runpy.run_path(str(PROJECT_FILES / "deploy" / "costs.py"))
    return Rerun(*_here(instance, assets, days), *costs["rerun"](days, scored=scored))


def _here(instance: dg.DagsterInstance, assets: Sequence[dg.AssetKey], days: int) -> tuple[float | None, str]:
    """Seconds, and how they are known: as long as the largest of the newest runs of all the assets, by the day."""
    succeeded = dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS])
    records = [
        record
        for record in instance.get_run_records(succeeded, limit=_RUNS)
        if record.start_time and record.end_time and {*assets} <= (record.dagster_run.asset_selection or {*assets})
    ]
    spans = {record.dagster_run.run_id: _days_of(record.dagster_run.tags) for record in records}
    record = max(records, key=lambda one: spans[one.dagster_run.run_id], default=None)
    if record is None or not (of := spans[run_id := record.dagster_run.run_id]):
        return None, "no run of all these assets has succeeded lately"
    took = {
        step.step_key: (step.end_time or 0) - (step.start_time or 0) for step in instance.get_run_step_stats(run_id)
    }
    names = tuple(key.to_python_identifier() for key in assets)  # a check is called after its asset
    dagster = (record.end_time or 0) - (record.start_time or 0) - sum(took.values())
    seconds = dagster + sum(found for step, found in took.items() if step.startswith(names))
    return seconds * days / of, f"in proportion to the {of} days of run {run_id[:8]}, without start-up"


def _days_of(tags: Mapping[str, str]) -> int:
    """How many days a run was of; 0 of a run of none."""
    span = DayRange.of_tags(tags)
    return len(span.days()) if span else 0
