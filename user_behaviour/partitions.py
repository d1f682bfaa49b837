"""The daily partition and the backfill policy that all assets share.

One object each: Dagster runs a chain of assets in one run only where both are the same. A partition is a half-open
UTC day.
"""

from datetime import date, datetime, timedelta

import dagster as dg

from user_behaviour.deployments import settings
from user_behaviour.tables.days import DAYS_PER_RUN, DayRange

_SETTINGS = settings()

DAILY = dg.DailyPartitionsDefinition(
    start_date=_SETTINGS.first_day.isoformat(),
    end_date=(_SETTINGS.last_day + timedelta(days=1)).isoformat() if _SETTINGS.last_day else None,
)
BACKFILL = dg.BackfillPolicy.multi_run(max_partitions_per_run=DAYS_PER_RUN)


def existing_days(at: datetime | None = None) -> DayRange | None:
    """The days that have a partition at a moment (None: now); a job can be asked for no others. None: no day has one.

    A partition exists when its day is over.
    """
    with dg.partition_loading_context(effective_dt=at):
        first, last = DAILY.get_first_partition_key(), DAILY.get_last_partition_key()
    return DayRange(date.fromisoformat(first), date.fromisoformat(last)) if first and last else None
