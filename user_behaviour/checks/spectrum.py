"""Claims about stage spectrum: the warehouse sees the rows that the lake has, and no place says otherwise."""

from collections.abc import Iterator, Mapping
from datetime import date

import dagster as dg

from user_behaviour.assets.spectrum import movie_review_clean_stage, user_purchase_staging
from user_behaviour.catalog.external_tables import ExternalTables, Registration, rows_shown
from user_behaviour.checks.every_asset import (
    every_day_is_published,
    manifest_of,
    offences_of_each_day,
    overtaken,
    rows_in_files,
)
from user_behaviour.checks.result import Offence, days_under_check, fail_run
from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.lake import Lake
from user_behaviour.lake.manifests import Manifest
from user_behaviour.reconciliation.comparison import DifferenceKind, compare
from user_behaviour.reconciliation.reconciliation import Reconciliation
from user_behaviour.tables.schemas import LAKE_TABLE_OF, MOVIE_REVIEW_CLEAN_STAGE, USER_PURCHASE_STAGING
from user_behaviour.tables.table import Table
from user_behaviour.warehouse.warehouse import Warehouse


def external_rows_equal_lake_rows(asset: dg.AssetsDefinition, table: Table) -> dg.AssetChecksDefinition:
    """What a query on the external table shows is what the lake's files hold."""

    @dg.asset_check(
        asset=asset,
        name="external_rows_equal_lake_rows",
        description="The partition points at the batch in force, and a query on it finds that batch's rows. Blocks.",
        blocking=True,
    )
    def check(
        context: dg.AssetCheckExecutionContext, lake: Lake, external_tables: ExternalTables, warehouse: Warehouse
    ) -> dg.AssetCheckResult:
        under_check, dataset = days_under_check(context), lake.dataset(LAKE_TABLE_OF[table.name])
        registered, seen = dict[date, Registration](), dict[date, Mapping[str, int]]()
        for span in under_check.spans:
            registered |= external_tables.registered(table, span)
            seen |= rows_shown(warehouse, table, span)
        offences = [
            Offence(day, f"{sum(seen[day].values())} rows, and no partition")
            for day in under_check.days
            if day in seen and day not in registered
        ]
        in_force = dataset.manifests([*registered])
        offences += offences_of_each_day(
            dataset, registered, lambda one: _misread(table, dataset, in_force, one, seen.get(one.day, {}))
        )
        batches = {day: registration.batch_id for day, registration in registered.items()}
        older = overtaken(in_force, batches, says="points at")
        return under_check.result(offences, looked_at=registered, overtaken=older)

    return check


def every_place_has_the_same_batch(asset: dg.AssetsDefinition, table: Table) -> dg.AssetChecksDefinition:
    """What `user-behaviour reconcile` compares, except the metric, which a run makes after its external tables."""

    @dg.asset_check(  # type: ignore[arg-type]
        asset=asset,
        name="every_place_has_the_same_batch",
        description="Lake, catalog, warehouse and Dagster have the same batch of each day, and its files are there. "
        "Fails the run, but blocks nothing.",
    )
    def check(
        context: dg.AssetCheckExecutionContext, lake: Lake, external_tables: ExternalTables
    ) -> Iterator[dg.AssetCheckResult]:
        under_check = days_under_check(context)
        reconciliation = Reconciliation(lake, external_tables, context.instance)
        states = [reconciliation.state(table, span) for span in under_check.spans]
        offences, passing = list[Offence](), list[Offence]()
        for found in (difference for state in states for difference in compare(state)):
            offence = Offence(found.day, f"{found.kind.value}: {found.says}")
            (passing if found.kind in _PASSING else offences).append(offence)
        there = {day for state in states for day in state.days()}
        result = under_check.result(offences, looked_at=there, overtaken=passing)
        yield from fail_run(result, fails=not result.passed and result.severity is dg.AssetCheckSeverity.ERROR)

    return check


# What a run that is under way leaves for a moment: it has published or registered, and the rest is yet to come.
_PASSING = (DifferenceKind.STALE, DifferenceKind.UNRECORDED)


def _misread(
    table: Table,
    dataset: Dataset,
    in_force: Mapping[date, Manifest],
    registration: Registration,
    shown: Mapping[str, int],
) -> Iterator[str]:
    """What is wrong with the rows that a registered partition shows, counted by batch; nothing if they are its own."""
    batch = manifest_of(dataset, in_force, registration.day, registration.batch_id)
    if batch is None:
        yield f"points at batch {registration.batch_id}, which the lake does not have"
    elif (rows := sum(shown.values())) != (in_lake := rows_in_files(dataset, batch)):
        yield f"{rows} rows in {table.name}, {in_lake} in the lake"
    elif shown.keys() - {batch.batch_id}:
        yield f"rows of batch {', '.join(shown)}, registered is {batch.batch_id}"


SPECTRUM_CHECKS = [
    every_day_is_published(user_purchase_staging, USER_PURCHASE_STAGING, kept_in="external_tables"),
    external_rows_equal_lake_rows(user_purchase_staging, USER_PURCHASE_STAGING),
    every_place_has_the_same_batch(user_purchase_staging, USER_PURCHASE_STAGING),
    every_day_is_published(movie_review_clean_stage, MOVIE_REVIEW_CLEAN_STAGE, kept_in="external_tables"),
    external_rows_equal_lake_rows(movie_review_clean_stage, MOVIE_REVIEW_CLEAN_STAGE),
    every_place_has_the_same_batch(movie_review_clean_stage, MOVIE_REVIEW_CLEAN_STAGE),
]
