"""Stage warehouse: what analysts and dashboards read."""

from functools import partial

import dagster as dg

from user_behaviour.assets.declaration import declared
from user_behaviour.classifier.models import Models
from user_behaviour.classifier.review_scoring import BASELINE_VERSION
from user_behaviour.lake.lake import Lake
from user_behaviour.recipes import Extract, RegisteredPartitions, ReplaceDays, RestatementRecord
from user_behaviour.restatement import causes
from user_behaviour.rules import RuleFile
from user_behaviour.tables.schemas import USER_BEHAVIOR_METRIC
from user_behaviour.tables.statements import statement

GROUP = "warehouse"
MADE_BY = (
    "warehouse/purchases_by_customer.sql",
    "warehouse/reviews_by_customer.sql",
    "warehouse/user_behavior_metric.sql",
)


@dg.asset(
    key_prefix="public",
    ins={
        "purchases": dg.AssetIn(key=["spectrum", "user_purchase_staging"]),
        "reviews": dg.AssetIn(key=["spectrum", "movie_review_clean_stage"]),
    },
    group_name=GROUP,
    kinds={"table", "sql"},
    io_manager_key="warehouse_io_manager",
    pool="warehouse",
    **declared(USER_BEHAVIOR_METRIC, made_by="\n".join(map(statement, MADE_BY)), in_database=True),
)
def user_behavior_metric(purchases: RegisteredPartitions, reviews: RegisteredPartitions, lake: Lake) -> ReplaceDays:
    """A row is a customer who bought and reviewed on the day: what they spent, and how they reviewed.

    Where the figures of a published day change, `audit.restatement` says what they were and why.
    """
    return ReplaceDays(
        insert=statement("warehouse/user_behavior_metric.sql"),
        audit=(
            statement("warehouse/user_behavior_metric_conservation.sql"),
            statement("warehouse/user_behavior_metric_uniqueness.sql"),
        ),
        facts=statement("warehouse/user_behavior_metric_totals.sql"),
        reads=(
            Extract("purchases_by_customer", purchases, statement("warehouse/purchases_by_customer.sql")),
            Extract("reviews_by_customer", reviews, statement("warehouse/reviews_by_customer.sql")),
        ),
        misfits=statement("warehouse/user_behavior_metric_misfits.sql"),
        restatement=RestatementRecord(
            changes=statement("warehouse/user_behavior_metric_changes.sql"),
            record="audit.restatement",
            archive="audit.superseded_metric",
            causes=partial(causes, lake, partial(_recorded, lake)),
        ),
    )


def _recorded(lake: Lake, name: str) -> str:
    """When, by whom, why and by which plan a rule or a version of the classifier was put into force."""
    decided = [one.recorded for one in Models(lake).decisions() if (one.version or BASELINE_VERSION) == name]
    return decided[-1] if decided else RuleFile(lake).read().recorded(name)
