"""Materialising days in this process, without a daemon: which assets, which days, one run, and its report.

How a run is shown is `progress`'s business; where Dagster keeps it is the caller's.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg
from dagster._core.utils import make_new_run_id

from user_behaviour.assets.staging import classified_reviews
from user_behaviour.commands.run_error import RunError
from user_behaviour.commands.run_events import RunEvents, Watcher
from user_behaviour.commands.run_report import RunReport, Stage
from user_behaviour.definitions import defs
from user_behaviour.deployments import deployment, settings
from user_behaviour.partitions import DAILY
from user_behaviour.tables.days import DayRange

# What Dagster has to say goes to its storage; the terminal is for the progress.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Selection:
    """The assets to materialise; their checks go with them."""

    keys: tuple[dg.AssetKey, ...]

    @property
    def names(self) -> list[str]:
        return [key.to_user_string() for key in self.keys]


def select(queries: Sequence[str]) -> Selection:
    """The assets of selections in Dagster's syntax, all if there are none; raises `RunError` for what matches nothing.

    A query may be several, with commas between. https://docs.dagster.io/guides/build/assets/asset-selection-syntax
    """
    graph = defs.resolve_asset_graph()
    found: set[dg.AssetKey] = set()
    for query in [part.strip() for text in queries or ["*"] for part in text.split(",")]:
        try:
            keys = dg.AssetSelection.from_string(query).resolve(graph)
        except dg.DagsterError:
            keys = set()
        if not (matching := set(keys) & set(graph.materializable_asset_keys)):
            names = ", ".join(sorted(key.to_user_string() for key in graph.materializable_asset_keys))
            raise RunError(f"--select {query!r} matches no asset; the assets are: {names}.")
        found |= matching
    ordered = [key for level in graph.toposorted_asset_keys_by_level for key in sorted(level) if key in found]
    return Selection(tuple(ordered))


def require_partitions(days: DayRange) -> None:
    """Raises `RunError` if a day is no partition: before the first, after the last, or not over yet."""
    for day in (days.first, days.last):
        if not DAILY.has_partition_key(day.isoformat()):
            raise RunError(
                f"{day} is no partition; there are {DAILY.get_first_partition_key()} to "
                f"{DAILY.get_last_partition_key()} (USER_BEHAVIOUR_FIRST_DAY, USER_BEHAVIOUR_LAST_DAY; "
                "a day is one when it is over, in UTC)."
            )


def materialise(
    instance: dg.DagsterInstance,
    selection: Selection,
    days: DayRange,
    *,
    tags: Mapping[str, str],
    watcher: Watcher,
    quiet: bool = True,
) -> RunReport:
    """One run over the days. Raises `KeyboardInterrupt` where it was interrupted by a signal."""
    started = time.monotonic()
    run_id = make_new_run_id()
    job = defs.resolve_implicit_global_asset_job_def().get_subset(asset_selection=set(selection.keys))
    if classified_reviews.key in selection.keys:
        deployment(settings()).spark.prepare()
    events = RunEvents(_stages(job, selection), watcher)
    instance.add_event_listener(run_id, events)
    job.execute_in_process(
        instance=instance,
        run_id=run_id,
        run_config=_QUIET if quiet else None,
        tags={**_partitions(days), **tags},
        raise_on_error=False,
    )
    if events.interrupted or _was_canceled(instance, run_id):
        raise KeyboardInterrupt
    events.close()
    return RunReport(
        run_id=run_id,
        days=days,
        stages=list(events.stages.values()),
        verdicts=sorted(events.verdicts, key=lambda v: (selection.names.index(v.asset), v.check)),
        seconds=time.monotonic() - started,
        failure=events.failure,
        trace=events.trace,
    )


def _stages(job: dg.JobDefinition, selection: Selection) -> dict[str, Stage]:
    """The stage of each step, in the order in which data flows; checks after the assets."""
    assets = {"__".join(key.path): Stage(key.to_user_string()) for key in selection.keys}
    checks = sorted(node.name for node in job.nodes if node.name not in assets)
    return assets | {name: Stage(name.replace("__", "/"), is_check=True) for name in checks}


def _partitions(days: DayRange) -> dict[str, str]:
    """A run of one day carries its partition, so that Dagster records the day of its checks too."""
    return {"dagster/partition": days.first.isoformat()} if days.first == days.last else days.tags()


def _was_canceled(instance: dg.DagsterInstance, run_id: str) -> bool:
    run = instance.get_run_by_id(run_id)
    return run is not None and run.status in (dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.CANCELING)
