"""Stage spectrum: partitions of external tables, by which the warehouse reads the lake."""

import dagster as dg

from user_behaviour.assets.declaration import columns_text, declared
from user_behaviour.lake.locations import Locations
from user_behaviour.recipes import ExternalPartitions
from user_behaviour.tables.schemas import MOVIE_REVIEW_CLEAN_STAGE, USER_PURCHASE_STAGING

GROUP = "spectrum"


@dg.asset(
    key_prefix=GROUP,
    group_name=GROUP,
    kinds={"view", "parquet"},
    io_manager_key="external_table_io_manager",
    pool="warehouse",
    **declared(USER_PURCHASE_STAGING, made_by=columns_text(USER_PURCHASE_STAGING), in_database=True),
)
def user_purchase_staging(staged_purchases: Locations) -> ExternalPartitions:
    """A row is a staged purchase line; a partition is registered when it points at the day's current batch."""
    return ExternalPartitions(of=staged_purchases)


@dg.asset(
    key_prefix=GROUP,
    group_name=GROUP,
    kinds={"view", "parquet"},
    io_manager_key="external_table_io_manager",
    pool="warehouse",
    **declared(MOVIE_REVIEW_CLEAN_STAGE, made_by=columns_text(MOVIE_REVIEW_CLEAN_STAGE), in_database=True),
)
def movie_review_clean_stage(classified_reviews: Locations) -> ExternalPartitions:
    """A row is a classified review; a partition is registered when it points at the day's current batch."""
    return ExternalPartitions(of=classified_reviews)
