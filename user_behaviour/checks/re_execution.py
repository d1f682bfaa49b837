"""Re-execution from failure: days that were held back are made again before they are judged (docs/adr/0020).

A run that held days back fails at its checks, so Dagster's retry of it has their steps alone, which make nothing.
"""

from collections.abc import Callable, Iterable
from datetime import date

import dagster as dg

from user_behaviour.instance.dead_runs import process_tag
from user_behaviour.tables.days import DayRange, ranges

MAKES_AGAIN_FOR = "user_behaviour/makes_again_for"  # the tag that links a run to the re-execution that it is part of


def make_again(
    context: dg.AssetCheckExecutionContext, asset: dg.AssetsDefinition, held_back: Callable[[], Iterable[date]]
) -> dict[str, dg.MetadataValue]:
    """In a check that is re-executed without its asset: materializes the job's assets for the days held back.

    One run for each range of days, in this process, with the configuration of the failed run; once for all checks of
    the re-execution. Returns metadata that link to these runs, nothing where nothing was made again.
    """
    run, instance = context.run, context.instance
    steps = run.step_keys_to_execute
    if run.parent_run_id is None or steps is None or asset.op.name in steps:
        return {}
    linked = dg.RunsFilter(tags={MAKES_AGAIN_FOR: run.run_id})
    if not instance.get_runs(linked, limit=1):
        for span in ranges(held_back()):
            context.log.info("Making %s to %s again, which an earlier run held back.", span.first, span.last)
            context.job_def.execute_in_process(
                instance=instance,
                run_config=run.run_config,
                tags={**span.tags(), **process_tag(), MAKES_AGAIN_FOR: run.run_id},
                raise_on_error=False,
            )
    return {
        f"made again from {made.first} to {made.last}": dg.MetadataValue.dagster_run(again.run_id)
        for again in instance.get_runs(linked)
        if (made := DayRange.of_tags(again.tags))
    }
