"""Claims that are made of every asset of a kind: each day is published, and each row fits its schema."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta

import dagster as dg
import pyarrow.parquet as pq

from user_behaviour.checks.verdict import Offence, days_under_check, fail_run, verdict
from user_behaviour.days import DayRange
from user_behaviour.manifests import Manifest
from user_behaviour.recipes import HeldBackError
from user_behaviour.resources.conformity import require_schema
from user_behaviour.resources.dataset import Dataset
from user_behaviour.resources.external_tables import ExternalTables
from user_behaviour.resources.lake import Lake
from user_behaviour.resources.warehouse import Warehouse
from user_behaviour.statements import statement
from user_behaviour.tables import Table

PUBLISHED = "every_day_is_published"
_PUBLISHED_CLAIM = "Every day of the run is published, and none was rejected since. Fails the run, but blocks nothing."


def lake_days_are_published(asset: dg.AssetsDefinition, table: Table) -> dg.AssetChecksDefinition:
    """Every day has a batch in force, and no newer delivery of it was rejected."""

    @dg.asset_check(asset=asset, name=PUBLISHED, description=_PUBLISHED_CLAIM)  # type: ignore[arg-type]
    def every_day_is_published(
        context: dg.AssetCheckExecutionContext, lake: dg.ResourceParam[Lake]
    ) -> Iterator[dg.AssetCheckResult]:
        dataset, days = lake.dataset(table), days_under_check(context)
        offences = []
        for day in days:
            if rejection := dataset.rejection(day):
                offences.append(Offence(day, "; ".join(rejection.reasons)))
            else:
                offences += [Offence(day, str(error)) for error in dataset.locations([day]).missing.values()]
        yield from fail_run(verdict(offences, looked_at=len(days)))

    return every_day_is_published


def external_days_are_published(asset: dg.AssetsDefinition, table: Table) -> dg.AssetChecksDefinition:
    """Every day is registered."""

    @dg.asset_check(asset=asset, name=PUBLISHED, description=_PUBLISHED_CLAIM)  # type: ignore[arg-type]
    def every_day_is_published(
        context: dg.AssetCheckExecutionContext, external_tables: dg.ResourceParam[ExternalTables]
    ) -> Iterator[dg.AssetCheckResult]:
        days = days_under_check(context)
        found = external_tables.registered(table, DayRange(min(days), max(days)))
        offences = [Offence(day, f"not registered in {table.name}") for day in days if day not in found]
        yield from fail_run(verdict(offences, looked_at=len(days)))

    return every_day_is_published


def warehouse_days_are_published(asset: dg.AssetsDefinition, table: Table) -> dg.AssetChecksDefinition:
    """Every day is recorded as written, be it with no rows."""

    @dg.asset_check(asset=asset, name=PUBLISHED, description=_PUBLISHED_CLAIM)  # type: ignore[arg-type]
    def every_day_is_published(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> Iterator[dg.AssetCheckResult]:
        days = days_under_check(context)
        span = DayRange(min(days), max(days))
        rows = warehouse.rows(
            statement("warehouse/published_days.sql"),
            {"table_name": table.name, "first_day": span.first, "end_day": span.end},
        )
        found = {row["insert_date"] for row in rows}
        offences = [Offence(day, f"not written to {table.name}") for day in days if day not in found]
        yield from fail_run(verdict(offences, looked_at=len(days)))

    return every_day_is_published


def rows_fit_their_schema(
    asset: dg.AssetsDefinition, table: Table, *, in_day: str | None = None
) -> dg.AssetChecksDefinition:
    """Types are the declared ones, nothing is null that may not be, and the timestamp `in_day` lies in its day.

    Read from the footers of the files, so that it does not trust what wrote them.
    """

    @dg.asset_check(
        asset=asset,
        name="every_row_fits_its_schema",
        description="Types are the declared ones, no null where none may be, every row lies in its day. Blocks.",
        blocking=True,
    )
    def every_row_fits_its_schema(
        context: dg.AssetCheckExecutionContext, lake: dg.ResourceParam[Lake]
    ) -> dg.AssetCheckResult:
        dataset = lake.dataset(table)
        manifests = dataset.manifests(days_under_check(context))
        offences = [
            Offence(day, found)
            for day, manifest in manifests.items()
            for found in _misfits(dataset, manifest, in_day=in_day)
        ]
        return verdict(offences, looked_at=len(manifests))

    return every_row_fits_its_schema


def rows_in_files(dataset: Dataset, manifest: Manifest) -> int:
    """The rows that the files of a batch hold, by their footers."""
    return sum(footer.num_rows for footer in footers(dataset, manifest))


def footers(dataset: Dataset, manifest: Manifest) -> Iterator[pq.FileMetaData]:
    """The footers of the files of a batch."""
    directory = dataset.batch_directory(manifest.day, manifest.batch_id)
    for file in manifest.files:
        yield pq.read_metadata(f"{directory}/{file.name}", filesystem=dataset.lake.filesystem())


def _misfits(dataset: Dataset, manifest: Manifest, *, in_day: str | None) -> Iterator[str]:
    required = {column.name for column in dataset.table.columns if not column.nullable}
    start = datetime.combine(manifest.day, time())
    for footer in footers(dataset, manifest):
        try:
            require_schema(footer.schema.to_arrow_schema(), dataset.table, manifest.batch_id)
        except HeldBackError as error:
            yield str(error)
            continue
        for group in range(footer.num_row_groups):
            for position in range(footer.num_columns):
                column = footer.row_group(group).column(position)
                statistics = column.statistics
                if column.path_in_schema in required and statistics and statistics.null_count:
                    yield f"{column.path_in_schema} is null in {statistics.null_count} rows"
                if column.path_in_schema == in_day and statistics and statistics.has_min_max:
                    low, high = statistics.min, statistics.max
                    if low < start or high >= start + timedelta(days=1):
                        yield f"{in_day} reaches from {low} to {high}"
