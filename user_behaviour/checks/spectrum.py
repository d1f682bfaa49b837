"""Claims about stage spectrum: the warehouse sees the rows that the lake has."""

from datetime import date

import dagster as dg

from user_behaviour.assets.spectrum import movie_review_clean_stage, user_purchase_staging
from user_behaviour.checks.every_asset import external_days_are_published, rows_in_files
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
        found = external_tables.registered(table, span)
        registered = {day: found[day] for day in days if day in found}
        seen: dict[date, dict[str, int]] = {}
        for row in warehouse.rows(statement(count), {"first_day": span.first, "end_day": span.end}):
            seen.setdefault(row["insert_date"], {})[row["batch_id"]] = row["row_count"]
        dataset = lake.dataset(lake_table)
        in_force = dataset.manifests(list(registered))
        offences = [
            Offence(d, f"{sum(seen[d].values())} rows, and no partition")
            for d in days
            if d in seen and d not in registered
        ]
        overtaken = []
        for day, registration in registered.items():
            batch = dataset.batch(day, registration.batch_id)
            if batch is None:
                offences.append(Offence(day, f"points at batch {registration.batch_id}, which the lake does not have"))
                continue
            shown, in_lake = seen.get(day, {}), rows_in_files(dataset, batch)
            if sum(shown.values()) != in_lake:
                offences.append(Offence(day, f"{sum(shown.values())} rows in {table.name}, {in_lake} in the lake"))
            elif shown.keys() - {batch.batch_id}:
                offences.append(Offence(day, f"rows of batch {', '.join(shown)}, registered is {batch.batch_id}"))
            newer = in_force[day].batch_id if day in in_force else "none"
            if newer != registration.batch_id:
                said = f"points at batch {registration.batch_id}, in force is {newer}; rerun the day"
                overtaken.append(Offence(day, said))
        return verdict(offences, looked_at=len(registered), overtaken=overtaken)

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
