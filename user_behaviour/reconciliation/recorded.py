"""What Dagster has recorded of the days of an external table, and how a record is added without a run."""

from datetime import date

import dagster as dg

from user_behaviour.catalog.external_tables import Registration
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.table import Table

_PAGE = 1000
_BATCH_ID = "batch_id"


def recorded_batches(instance: dg.DagsterInstance, table: Table, span: DayRange) -> dict[date, str]:
    """The batch of the newest materialization of each day that is materialized; empty where it names none."""
    key = _key(table)
    days = {text: date.fromisoformat(text) for text in instance.get_materialized_partitions(key)}
    wanted = {text for text, day in days.items() if span.first <= day < span.end}
    found: dict[date, str] = {}
    cursor: str | None = None
    while len(found) < len(wanted):
        of_days = dg.AssetRecordsFilter(asset_key=key, asset_partitions=sorted(wanted))
        page = instance.fetch_materializations(of_days, limit=_PAGE, cursor=cursor)
        for entry in page.records:  # the newest first
            event = entry.asset_materialization
            if event and event.partition:
                batch = event.metadata.get(_BATCH_ID)
                found.setdefault(days[event.partition], str(batch.value) if batch else "")
        if not page.has_more:
            break
        cursor = page.cursor
    return found


def record(instance: dg.DagsterInstance, table: Table, registration: Registration) -> None:
    """Records that the partition is registered, as the run would have that registered it."""
    instance.report_runless_asset_event(
        dg.AssetMaterialization(
            _key(table),
            partition=registration.day.isoformat(),
            description="Recorded by `user-behaviour reconcile --repair`, not by a run.",
            metadata={
                "dagster/partition_row_count": registration.rows,
                "dagster/uri": registration.location,
                _BATCH_ID: registration.batch_id,
            },
        )
    )


def _key(table: Table) -> dg.AssetKey:
    return dg.AssetKey(table.name.split("."))
