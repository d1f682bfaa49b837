"""Which days of which assets are published: in the lake, in the catalog of external tables, in the warehouse.

Asked of the stores and not of Dagster, so that it is quick, and right for a Dagster instance that knows nothing yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from user_behaviour.deployments import Deployment
from user_behaviour.tables.days import DayRange, ranges
from user_behaviour.tables.marts import WAREHOUSE_TABLES
from user_behaviour.tables.schemas import EXTERNAL_TABLES, LAKE_TABLES
from user_behaviour.tables.statements import statement
from user_behaviour.tables.table import Table

if TYPE_CHECKING:
    from user_behaviour.lake.dataset import Dataset

ASSET_TABLES = {table.name.replace(".", "/"): table for table in (*LAKE_TABLES, *EXTERNAL_TABLES, *WAREHOUSE_TABLES)}


def missing_days(deployed: Deployment, assets: Iterable[str], span: DayRange) -> list[DayRange]:
    """The days of the span, as few ranges, for which one of the assets is not published."""
    published = [days_published(deployed, ASSET_TABLES[asset], span) for asset in assets]
    return ranges(day for day in span.days() if not all(day in days for days in published))


def days_published(deployed: Deployment, table: Table, span: DayRange) -> set[date]:
    """The published days of a table, those without rows included, and without those of which something newer waits."""
    if table in LAKE_TABLES:
        dataset = deployed.lake.dataset(table)
        days = list(dataset.manifests(span.days()))
        waiting = dataset.lake.at_once(partial(_waits, dataset), days)
        return {day for day, waits in zip(days, waiting, strict=True) if not waits}
    if table in EXTERNAL_TABLES:
        return set(deployed.external_tables.registered(table, span))
    from user_behaviour.warehouse.published_days import published_days

    found = published_days(deployed.warehouse, table.name, span)
    # A run that ended between the metric and a mart leaves that of another batch of the metric.
    read = {name for day in found.values() for name in day.sources} & {table.name for table in WAREHOUSE_TABLES}
    now = {name: published_days(deployed.warehouse, name, span) for name in read}
    return {
        day
        for day, known in found.items()
        if all(day in now[name] and now[name][day].batch_id == known.sources.get(name) for name in read)
    }


def _waits(dataset: Dataset, day: date) -> bool:
    from user_behaviour.lake.held_back import UnreadableRecordError

    try:
        return dataset.rejection(day) is not None
    except UnreadableRecordError:
        return True


def newest_days_with_data(deployed: Deployment) -> list[date]:
    """The newest days, two at most, for which the source has purchases or the vendor a file; the newest first."""
    from user_behaviour.vendor.file_name import day_of

    with deployed.source.snapshot() as shop:
        (of_the_shop,) = shop.rows(statement("run/newest_purchase_days.sql"), {})
    days: list[date | None] = [*of_the_shop, *map(day_of, deployed.vendor_drop.names())]
    return sorted({day for day in days if day is not None}, reverse=True)[:2]
