"""Which days a partition key covers: those of its time window, whatever the key is written like, or none.

Days are the only coordinates of what is stored. A week is seven of them, an hour is none.
"""

from collections.abc import Callable
from datetime import date, time, timedelta
from functools import lru_cache
from typing import Any, TypeVar

import dagster as dg

from user_behaviour.tables.days import DayRange

T = TypeVar("T")

WHOLE_DAYS = (
    "This IO manager stores whole days: partition the asset by day, week, month or any cron whose windows begin at "
    "midnight, and keep other dimensions as columns."
)


class NotWholeDaysError(Exception):
    """Partitions that are not whole days, or of which nothing says what they cover; nothing was written."""


class WrongDaysError(Exception):
    """What a recipe gives, or what is read for it, are not the days that the run writes; nothing was published."""


def days_by_key(context: dg.OutputContext | dg.InputContext) -> dict[str, list[date]]:
    """The partition keys of an output or input and the days that each covers, in order.

    Days are those of the definition's time zone. Raises `NotWholeDaysError`.
    """
    asset = context.asset_key.to_user_string()
    definition = given(lambda: context.asset_partitions_def)
    if isinstance(definition, dg.TimeWindowPartitionsDefinition) and context.has_asset_partitions:
        found = {key: _days(asset, key, definition) for key in context.asset_partition_keys}
        return dict(sorted(found.items(), key=lambda item: item[1]))
    if definition is None and context.has_asset_partitions:
        reason = "is given a key, but not what its keys cover: give the context asset_partitions_def"
    elif definition is None:
        reason = "is not partitioned"
    elif isinstance(definition, dg.TimeWindowPartitionsDefinition):
        reason = "is partitioned, but the run has no partition: give it one, or a range of them"
    else:
        reason = f"has keys that are no time ({type(definition).__name__})"
    raise NotWholeDaysError(f"{asset} {reason}. {WHOLE_DAYS}")


def require_not_its_own(context: dg.InputContext, days: list[date]) -> None:
    """Raises `WrongDaysError` where a step reads days of its own asset that it is about to replace.

    They would be what an earlier run left, or not there.
    """
    step, definition = step_of(context), given(lambda: context.asset_partitions_def)
    asset = context.asset_key.to_user_string()
    if step is None or context.asset_key not in step.get_output_asset_keys():
        return
    if not isinstance(definition, dg.TimeWindowPartitionsDefinition):
        return  # `days_by_key` has refused it
    own = definition.get_partition_keys_in_range(step.partition_key_range)
    written = {day for key in own for day in _days(asset, key, definition)}
    if both := sorted(written & set(days)):
        raise WrongDaysError(
            f"{asset} reads {both[0]} of itself, which this run replaces. Nothing was published; run its partitions "
            "one after the other (backfill_policy=dg.BackfillPolicy.multi_run(1)), each with a mapping to earlier ones."
        )


def step_of(context: dg.OutputContext | dg.InputContext) -> Any:
    """The step that a context belongs to; None for a context that was built by hand."""
    return given(lambda: context.step_context)


def given(of_context: Callable[[], T]) -> T | None:
    """Something of a context; None where a context that was built by hand has none."""
    try:
        return of_context()
    except dg.DagsterInvariantViolationError:
        return None


def _days(asset: str, key: str, definition: dg.TimeWindowPartitionsDefinition) -> list[date]:
    window = _window(key, definition)
    if not window.start.time() == window.end.time() == time.min:
        said = f"{window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M}"
        raise NotWholeDaysError(f"{asset}: the partition {key} covers {said}. {WHOLE_DAYS}")
    return DayRange(window.start.date(), window.end.date() - timedelta(days=1)).days()


@lru_cache(maxsize=10_000)
def _window(key: str, definition: dg.TimeWindowPartitionsDefinition) -> dg.TimeWindow:
    """Each asset of a run asks for the windows of the same keys, and a year of them takes some 0.1 s."""
    return definition.time_window_for_partition_key(key)
