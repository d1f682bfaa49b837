"""Materialising days in this process, without a daemon: which assets, which days, one run, and its report.

How a run is shown is `progress`'s business; where Dagster keeps it is the caller's.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import click
import dagster as dg

from user_behaviour.assets import ASSETS, CLASSIFIER_ASSETS, REPORTS
from user_behaviour.assets.staging import classified_reviews
from user_behaviour.commands.progress import RunProgress
from user_behaviour.commands.run_report import RunReport
from user_behaviour.definitions import defs
from user_behaviour.instance.dead_runs import CODE_LOCATION_TAG, process_tag
from user_behaviour.partitions import DAILY
from user_behaviour.spark.spark import SparkRunner
from user_behaviour.tables.days import DayRange


def select(queries: Sequence[str]) -> list[dg.AssetKey]:
    """The assets of selections in Dagster's syntax, all if there are none; `UsageError` for what matches nothing.

    A query may be several, with commas between. https://docs.dagster.io/guides/build/assets/asset-selection-syntax
    """
    ours = [asset.key for asset in (*ASSETS, *REPORTS)]
    found = set() if queries else set(ours)
    for query in [part.strip() for text in queries for part in text.split(",")]:
        try:
            matching = dg.AssetSelection.from_string(query).resolve(defs.resolve_asset_graph())
        except dg.DagsterError:
            matching = set()
        if matching.isdisjoint(ours):
            if not matching.isdisjoint(asset.key for asset in CLASSIFIER_ASSETS):
                raise click.UsageError(f"--select {query!r} matches no asset of days; `user-behaviour train` makes it.")
            names = sorted(key.to_user_string() for key in ours)
            meant = [name for name in names if name.rpartition("/")[2] == query]
            advice = f"did you mean {meant[0]}?" if meant else f"the assets are: {', '.join(names)}; or group:marts."
            raise click.UsageError(f"--select {query!r} matches no asset; {advice}")
        found |= matching
    return [key for key in ours if key in found]


def require_partitions(days: DayRange) -> None:
    """Raises `UsageError` if a day is no partition: before the first, after the last, or not over yet."""
    for day in (days.first, days.last):
        if not DAILY.has_partition_key(day.isoformat()):
            raise click.UsageError(
                f"{day} is not a partition; the partitions are {DAILY.get_first_partition_key()} to "
                f"{DAILY.get_last_partition_key()} (USER_BEHAVIOUR_FIRST_DAY, USER_BEHAVIOUR_LAST_DAY; "
                "a day becomes one when it is over, in UTC)."
            )


def materialise(
    instance: dg.DagsterInstance,
    assets: Sequence[dg.AssetKey],
    days: DayRange,
    *,
    spark: SparkRunner,
    code_location: str,
    progress: RunProgress,
    debug: bool,
) -> RunReport:
    """One run over the days; `spark` starts with it, and not at its step.

    Raises `KeyboardInterrupt` where the run was interrupted by a signal.
    """
    report = RunReport(str(uuid.uuid4()), assets, days, progress)
    if classified_reviews.key in assets:
        spark.prepare()
    instance.add_event_listener(report.run_id, report)
    # Of this job, and of no other, Dagster's page of runs shows the assets.
    defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance,
        asset_selection=assets,
        run_id=report.run_id,
        run_config=_logged(debug=debug),
        tags={**days.tags(), **_tags(code_location)},
        raise_on_error=False,
    )
    if report.interrupted or _was_canceled(instance, report.run_id):
        raise KeyboardInterrupt
    report.close()
    return report


def materialise_on_demand(
    instance: dg.DagsterInstance,
    assets: Sequence[dg.AssetsDefinition],
    *,
    code_location: str,
    config: Mapping[str, Any],
    debug: bool,
) -> None:
    """One run of assets that have no days, by the `config` of their steps; what a step raises, it raises."""
    try:
        defs.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance,
            asset_selection=[asset.key for asset in assets],
            run_config={**_logged(debug=debug), "ops": {name: {"config": one} for name, one in config.items()}},
            # The command says what failed, and people call it again: no daemon does.
            tags={**_tags(code_location), "dagster/max_retries": "0"},
        )
    except dg.DagsterExecutionInterruptedError as error:
        raise KeyboardInterrupt from error


def _tags(code_location: str) -> dict[str, str]:
    return {**process_tag(), CODE_LOCATION_TAG: code_location}


def _logged(*, debug: bool) -> dict[str, Any]:
    """What Dagster has to say goes to its storage; the terminal is for what the command has."""
    return {"loggers": {"console": {"config": {"log_level": "DEBUG" if debug else "CRITICAL"}}}}


def _was_canceled(instance: dg.DagsterInstance, run_id: str) -> bool:
    run = instance.get_run_by_id(run_id)
    return run is not None and run.status in (dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.CANCELING)
