"""The daily partition and the backfill policy that all assets share.

One object each: Dagster runs a chain of assets in one run only where both are the same. A partition is a half-open
UTC day.
"""

from datetime import timedelta

import dagster as dg

from user_behaviour.deployments import settings

_SETTINGS = settings()

DAILY = dg.DailyPartitionsDefinition(
    start_date=_SETTINGS.first_day.isoformat(),
    end_date=(_SETTINGS.last_day + timedelta(days=1)).isoformat() if _SETTINGS.last_day else None,
)
BACKFILL = dg.BackfillPolicy.single_run()
