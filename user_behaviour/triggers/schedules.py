"""The schedules: the purchases' side every morning, the purge of the lake every week, a training every month."""

import dagster as dg

from user_behaviour.catalog.external_tables import ExternalTables
from user_behaviour.partitions import existing_days
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.schemas import USER_PURCHASE_STAGING
from user_behaviour.triggers.day_requests import spans_apart
from user_behaviour.triggers.jobs import classifier_job, purchases_job, purge_superseded_batches_job

FAILED_RUNS = 1000  # the newest, by which ranges are cut


@dg.schedule(
    job=purchases_job,
    cron_schedule="0 6 * * *",
    execution_timezone="UTC",
    description="Requests every day that the warehouse does not have yet, apart from days that failed before.",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)
def purchases_daily(
    context: dg.ScheduleEvaluationContext, external_tables: ExternalTables
) -> list[dg.RunRequest] | dg.SkipReason:
    """Requests missing days in few ranges; what the external table has decides, not events.

    Dagster's own schedule of a partitioned job requests the newest day alone, so days are lost while it is down.
    Days that are missing though a run of this job covered them are requested in smaller ranges each morning.
    """
    moment = context.scheduled_execution_time
    if (days := existing_days(moment)) is None:
        return dg.SkipReason(f"No day has a partition at {moment:%Y-%m-%d %H:%M}.")
    registered = external_tables.registered(USER_PURCHASE_STAGING, days)
    missing = [day for day in days.days() if day not in registered]
    if not missing:
        return dg.SkipReason(f"{USER_PURCHASE_STAGING.name} has every day from {days.first} to {days.last}.")
    failures = dg.RunsFilter(job_name=purchases_job.name, statuses=[dg.DagsterRunStatus.FAILURE])
    runs = context.instance.get_runs(failures, limit=FAILED_RUNS)
    failed = [span for run in runs if (span := DayRange.of_tags(run.tags))]
    # The moment is in the run key: evaluated again, a tick starts nothing twice; the next tick may try again.
    return [
        dg.RunRequest(run_key=f"{moment:%Y-%m-%dT%H:%M}/{span.first}..{span.last}", tags=span.tags())
        for span in spans_apart(missing, failed=failed)
    ]


purge_weekly = dg.ScheduleDefinition(
    name="purge_weekly",
    job=purge_superseded_batches_job,
    cron_schedule="0 5 * * 0",
    execution_timezone="UTC",
    description="Purges the lake on Sunday morning.",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)

training_monthly = dg.ScheduleDefinition(
    name="training_monthly",
    job=classifier_job,
    cron_schedule="0 4 1 * *",
    execution_timezone="UTC",
    description="Trains a version of the classifier on the first of the month; people decide whether it goes live.",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)

SCHEDULES = [purchases_daily, purge_weekly, training_monthly]
