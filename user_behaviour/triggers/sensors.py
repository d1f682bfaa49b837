"""The sensors: the vendor's files start the reviews' side, and the metric follows where both sides are there.

Thin: what is seen and what is to be done about it is decided in `vendor_watch` and `follow_up`.
"""

from collections.abc import Iterable
from dataclasses import replace

import dagster as dg

from user_behaviour.assets.sources import files_can_be_taken
from user_behaviour.catalog.external_tables import ExternalTables
from user_behaviour.lake.lake import Lake
from user_behaviour.partitions import existing_days
from user_behaviour.tables.schemas import EXTERNAL_TABLES, RAW_REVIEWS, USER_BEHAVIOR_METRIC
from user_behaviour.triggers.day_requests import DayRequest
from user_behaviour.triggers.drop_listing import ANNOUNCED_DAYS, list_drop
from user_behaviour.triggers.follow_up import complete_days, follow_up, state_of
from user_behaviour.triggers.jobs import metric_job, reviews_job
from user_behaviour.triggers.tick_memory import TickMemory
from user_behaviour.triggers.vendor_watch import open_days, taken_days, watch
from user_behaviour.vendor.drop import DropEvents, VendorDrop
from user_behaviour.warehouse.published_days import published_sources
from user_behaviour.warehouse.warehouse import Warehouse

INTERVAL_SECONDS = 30


@dg.sensor(
    job=reviews_job,
    description="Lands and classifies the days of the vendor's files: new, late or delivered again, each once whole.",
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.STOPPED,
)
def vendor_files(context: dg.SensorEvaluationContext, vendor_drop: VendorDrop, lake: Lake) -> dg.SensorResult:
    """Requests the days of files that the lake was not made from; says on the vendor's asset what cannot be taken."""
    memory, partitions = TickMemory.from_cursor(context.cursor), existing_days()
    listing = list_drop(vendor_drop, memory, partitions=partitions)
    in_force = lake.dataset(RAW_REVIEWS).manifests(open_days(listing, memory, partitions=partitions))
    seen = watch(listing, memory, partitions=partitions, in_force=in_force)
    events = _events(context, vendor_drop, memory)
    announced = {*seen.memory.announced, *(day.isoformat() for day in taken_days(events.names, partitions))}
    after = replace(seen.memory, announced=tuple(sorted(announced)), receipts=tuple(events.receipts))
    usable = files_can_be_taken(seen.odd)
    waiting = len(seen.memory.requested)
    skip = (
        f"{vendor_drop.uri()}: {len(listing.files)} files looked at; {waiting} were requested and have not landed, "
        f"{seen.resting} are not yet seen at rest. {usable.description or ''}"
    )
    return dg.SensorResult(
        run_requests=_run_requests(seen.requests),
        skip_reason=None if seen.requests else skip.strip(),
        asset_events=[usable] if seen.memory.reported != memory.reported else [],
        cursor=after.to_cursor(),
    )


@dg.sensor(
    job=metric_job,
    description="Computes the metric of days, old or new, that both sides have and that it was not yet made from.",
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.STOPPED,
)
def metric_follows(
    context: dg.SensorEvaluationContext, external_tables: ExternalTables, warehouse: Warehouse
) -> dg.SensorResult:
    """Compares the batches that are registered with those that the metric's days were made from.

    The warehouse is asked when a registration has changed, while a day waits to be requested, and every six hours.
    """
    if (days := existing_days()) is None:
        return dg.SensorResult(skip_reason="No day has a partition yet.", cursor=context.cursor)
    ready = complete_days({table.name: external_tables.registered(table, days) for table in EXTERNAL_TABLES})
    memory = TickMemory.from_cursor(context.cursor)
    if (still := memory.unmoved(state_of(ready))) is not None:
        skip = f"{len(ready)} days have both sides, the same as when the metric of each was there or requested."
        return dg.SensorResult(skip_reason=skip, cursor=still.to_cursor())
    found = follow_up(ready, published_sources(warehouse, USER_BEHAVIOR_METRIC.name), memory)
    if not found.requests:
        known = len(found.memory.requested)
        skip = (
            f"{len(ready)} days have both sides, the metric of {len(found.behind)} is behind: {known} were requested "
            f"before, {len(found.behind) - known} are looked at again at the next tick."
        )
        return dg.SensorResult(skip_reason=skip, cursor=found.memory.to_cursor())
    return dg.SensorResult(run_requests=_run_requests(found.requests), cursor=found.memory.to_cursor())


def _events(context: dg.SensorEvaluationContext, drop: VendorDrop, memory: TickMemory) -> DropEvents:
    """What the drop says of its own accord. It forgets what the cursor held, which was saved, and not what it says now.

    The days that it names are looked at by the next tick: by its cursor, so that it asks the same if evaluated twice.
    """
    try:
        drop.forget(memory.receipts)
        return drop.events() if len(memory.announced) <= ANNOUNCED_DAYS else DropEvents()
    except OSError as error:
        context.log.warning("%s Until then late files are found by the listing alone.", error)
        return DropEvents()


def _run_requests(requests: Iterable[DayRequest]) -> list[dg.RunRequest]:
    return [dg.RunRequest(run_key=request.run_key, tags=request.span.tags()) for request in requests]


SENSORS = [vendor_files, metric_follows]
