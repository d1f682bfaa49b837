"""The schedules: the purchases' side every morning, the purge of the lake every week."""

from datetime import timedelta

import dagster as dg

from user_behaviour.catalog.external_tables import ExternalTables
from user_behaviour.partitions import existing_days
from user_behaviour.tables.days import DayRange, ranges
from user_behaviour.tables.schemas import USER_PURCHASE_STAGING
from user_behaviour.triggers.jobs import purchases_job, purge_superseded_batches_job

LOOK_BACK_DAYS = 30


@dg.schedule(
    job=purchases_job,
    cron_schedule="0 6 * * *",
    execution_timezone="UTC",
    description=f"Requests every one of the last {LOOK_BACK_DAYS} days that the warehouse does not have yet.",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)
def purchases_daily(
    context: dg.ScheduleEvaluationContext, external_tables: ExternalTables
) -> list[dg.RunRequest] | dg.SkipReason:
    """Requests missing days in as few ranges as they form; what the external table has decides, not events.

    Dagster's own schedule of a partitioned job requests the newest day alone, so days are lost while it is down.
    """
    moment = context.scheduled_execution_time
    if (days := existing_days(moment)) is None:
        return dg.SkipReason(f"No day has a partition at {moment:%Y-%m-%d %H:%M}.")
    window = DayRange(max(days.first, days.last - timedelta(days=LOOK_BACK_DAYS - 1)), days.last)
    registered = external_tables.registered(USER_PURCHASE_STAGING, window)
    missing = [day for day in window.days() if day not in registered]
    if not missing:
        return dg.SkipReason(f"{USER_PURCHASE_STAGING.name} has every day from {window.first} to {window.last}.")
    # The moment is in the run key: evaluated again, a tick starts nothing twice; the next tick may try again.
    return [
        dg.RunRequest(run_key=f"{moment:%Y-%m-%dT%H:%M}/{span.first}..{span.last}", tags=span.tags())
        for span in ranges(missing)
    ]


purge_weekly = dg.ScheduleDefinition(
    name="purge_weekly",
    job=purge_superseded_batches_job,
    cron_schedule="0 5 * * 0",
    execution_timezone="UTC",
    description="Purges the lake on Sunday morning.",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)

SCHEDULES = [purchases_daily, purge_weekly]
