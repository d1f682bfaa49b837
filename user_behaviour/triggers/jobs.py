"""The jobs: which assets run together, and the purge of the lake.

A job of assets runs the checks of its assets too. Its days come with the request that starts it.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
from pydantic import Field

from user_behaviour.assets import ASSETS, CLASSIFIER_ASSETS, REPORTS
from user_behaviour.assets.landing import raw_purchases, raw_reviews
from user_behaviour.assets.marts import MARTS
from user_behaviour.assets.spectrum import movie_review_clean_stage, user_purchase_staging
from user_behaviour.assets.staging import classified_reviews, staged_purchases
from user_behaviour.assets.warehouse import user_behavior_metric
from user_behaviour.catalog.external_tables import ExternalTables
from user_behaviour.lake.lake import Lake
from user_behaviour.tables.schemas import EXTERNAL_TABLES, LAKE_TABLES
from user_behaviour.triggers.retention import Retention
from user_behaviour.warehouse.published_days import purge_superseded_rows
from user_behaviour.warehouse.warehouse import Warehouse

user_behavior_metric_job = dg.define_asset_job(
    "user_behavior_metric_job",
    dg.AssetSelection.assets(*ASSETS, *REPORTS),
    description="Everything of a day, from the sources to the metric and the marts, and the report of the last day.",
)
purchases_job = dg.define_asset_job(
    "purchases_job",
    dg.AssetSelection.assets(raw_purchases, staged_purchases, user_purchase_staging),
    description="The purchases' side of the metric, from the shop's database to the external table.",
)
reviews_job = dg.define_asset_job(
    "reviews_job",
    dg.AssetSelection.assets(raw_reviews, classified_reviews, movie_review_clean_stage),
    description="The reviews' side of the metric, from the vendor's files to the external table.",
)
metric_job = dg.define_asset_job(
    "metric_job",
    dg.AssetSelection.assets(user_behavior_metric, *MARTS, *REPORTS),
    description="The metric and the marts of days that both sides have, and the report of the last one.",
)
classifier_job = dg.define_asset_job(
    "classifier_job",
    dg.AssetSelection.assets(*CLASSIFIER_ASSETS),
    description="Trains a version of the classifier on the labels that are loaded, and judges it.",
)


class PurgeConfig(dg.Config):
    """How the purge is set."""

    keep_days: int = Field(
        default=30,
        ge=1,
        description="Days for which a superseded batch or row, or the rest of a failed attempt, is kept.",
    )


@dg.op
def purge_superseded_batches(
    context: dg.OpExecutionContext,
    config: PurgeConfig,
    lake: Lake,
    external_tables: ExternalTables,
    warehouse: Warehouse,
) -> None:
    """Removes batches and rows that were replaced long ago, and what crashed and rejected attempts left in the lake."""
    # Age is measured on the clock; which partitions there are to look through is not.
    before = datetime.now(UTC) - timedelta(days=config.keep_days)
    retention = Retention(lake, external_tables, before)
    for table in LAKE_TABLES:
        purged = retention.purge(table, read_by=EXTERNAL_TABLES)
        context.log.info(
            "%s: removed %d superseded and %d unpublished batches and %d directories of Spark jobs older than %d days.",
            table.name,
            purged.superseded,
            purged.unpublished,
            purged.spark_jobs,
            config.keep_days,
        )
    unfinished = lake.remove_unfinished(before)
    context.log.info("Removed %d files of writes that were killed more than %d days ago.", unfinished, config.keep_days)
    rows = purge_superseded_rows(warehouse, before)
    context.log.info(
        "Removed %d rows of the metric that were superseded more than %d days ago.", rows, config.keep_days
    )


@dg.job(description="Purges what was superseded long ago, of the lake and of the metric; originals of the vendor stay.")
def purge_superseded_batches_job() -> None:
    """One step."""
    purge_superseded_batches()


# Dagster does not export the type of what `define_asset_job` gives.
JOBS: list[Any] = [
    user_behavior_metric_job,
    purchases_job,
    reviews_job,
    metric_job,
    classifier_job,
    purge_superseded_batches_job,
]
