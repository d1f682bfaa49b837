"""Claims about stage spectrum: the warehouse sees the rows that the lake has."""

import dagster as dg

from user_behaviour.assets.spectrum import movie_review_clean_stage, user_purchase_staging
from user_behaviour.checks.every_asset import external_days_are_published
from user_behaviour.checks.verdict import Offence, days_under_check, verdict
from user_behaviour.days import DayRange
from user_behaviour.resources.external_tables import ExternalTables
from user_behaviour.resources.lake import Lake
from user_behaviour.resources.warehouse import Warehouse
from user_behaviour.schemas import (
    CLASSIFIED_REVIEWS,
    MOVIE_REVIEW_CLEAN_STAGE,
    STAGED_PURCHASES,
    USER_PURCHASE_STAGING,
)
from user_behaviour.statements import statement
from user_behaviour.tables import Table


def external_rows_equal_lake_rows(
    asset: dg.AssetsDefinition, table: Table, lake_table: Table, count: str
) -> dg.AssetChecksDefinition:
    """`count` is the SQL file that counts the rows of the external table for each day."""

    @dg.asset_check(
        asset=asset,
        name="external_rows_equal_lake_rows",
        description="The partition points at the batch in force, and a query on it finds that batch's rows. Blocks.",
        blocking=True,
    )
    def check(
        context: dg.AssetCheckExecutionContext,
        lake: dg.ResourceParam[Lake],
        external_tables: dg.ResourceParam[ExternalTables],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> dg.AssetCheckResult:
        days = days_under_check(context)
        span = DayRange(min(days), max(days))
        registered = external_tables.registered(table, span)
        rows = warehouse.rows(statement(count), {"first_day": span.first, "end_day": span.end})
        seen = {row["insert_date"]: row["row_count"] for row in rows}
        manifests = lake.dataset(lake_table).manifests([day for day in days if day in registered])
        offences = []
        for day, manifest in manifests.items():
            if registered[day].batch_id != manifest.batch_id:
                found = f"points at batch {registered[day].batch_id}, in force is {manifest.batch_id}; rerun the day"
                offences.append(Offence(day, found))
            elif seen.get(day, 0) != manifest.rows:
                offences.append(Offence(day, f"{seen.get(day, 0)} rows in {table.name}, {manifest.rows} in the lake"))
        return verdict(offences, looked_at=len(manifests))

    return check


SPECTRUM_CHECKS = [
    external_days_are_published(user_purchase_staging, USER_PURCHASE_STAGING),
    external_rows_equal_lake_rows(
        user_purchase_staging,
        USER_PURCHASE_STAGING,
        STAGED_PURCHASES,
        "spectrum/user_purchase_staging_rows.sql",
    ),
    external_days_are_published(movie_review_clean_stage, MOVIE_REVIEW_CLEAN_STAGE),
    external_rows_equal_lake_rows(
        movie_review_clean_stage,
        MOVIE_REVIEW_CLEAN_STAGE,
        CLASSIFIED_REVIEWS,
        "spectrum/movie_review_clean_stage_rows.sql",
    ),
]
