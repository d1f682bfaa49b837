"""Claims about stage warehouse: the metric has one row a customer and day, and nothing was lost or multiplied."""

import json
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import dagster as dg

from user_behaviour.assets.warehouse import user_behavior_metric
from user_behaviour.checks.every_asset import every_day_is_published
from user_behaviour.checks.result import Offence, days_under_check
from user_behaviour.tables.schemas import USER_BEHAVIOR_METRIC
from user_behaviour.tables.statements import statement
from user_behaviour.warehouse.published_days import published_days
from user_behaviour.warehouse.warehouse import Warehouse

LAWS = {
    "amount_spent": "money in = money out",
    "review_count": "reviews in = reviews out",
    "review_score": "positive reviews in = review score out",
}


def no_row_offends(
    name: str, description: str, file: str, *, says: Callable[[Mapping[str, Any]], str]
) -> dg.AssetChecksDefinition:
    """A claim whose offending rows an SQL file selects; `says` describes one of them in a sentence."""

    @dg.asset_check(asset=user_behavior_metric, name=name, description=description, blocking=True)
    def check(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
        under_check = days_under_check(context)
        written, offences = set[date](), list[Offence]()
        for span in under_check.spans:
            written |= published_days(warehouse, USER_BEHAVIOR_METRIC.name, span).keys()
            offending = warehouse.rows(statement(file), span.parameters())
            offences += [Offence(row["insert_date"], says(row)) for row in offending]
        # Of a day that is held back nothing is claimed here: that it is not written is a claim of its own.
        offences = [offence for offence in offences if offence.day in written]
        return under_check.result(offences, looked_at=written)

    return check


@dg.asset_check(asset=user_behavior_metric, blocking=True)
def money_and_reviews_are_conserved(
    context: dg.AssetCheckExecutionContext, warehouse: Warehouse
) -> dg.AssetCheckResult:
    """What customers with purchases and reviews spent and wrote is what the metric says, to the last digit. Blocks.

    By what was audited when the day was written; releases before 0.3.0 did not record it, and their days are passed by.
    """
    under_check = days_under_check(context)
    written, offences = set[date](), list[Offence]()
    for span in under_check.spans:
        for row in warehouse.rows(statement("warehouse/user_behavior_metric_sums.sql"), span.parameters()):
            facts = json.loads(row["facts"])
            if row["row_count"] and "amount_spent" not in facts:
                continue
            written.add(row["insert_date"])
            offences += [
                Offence(row["insert_date"], f"{law}: found {row[name]}, expected {expected}")
                for name, law in LAWS.items()
                if row[name] != (expected := Decimal(facts.get(name, 0)))
            ]
    return under_check.result(offences, looked_at=written)


WAREHOUSE_CHECKS = [
    every_day_is_published(user_behavior_metric, USER_BEHAVIOR_METRIC, kept_in="warehouse"),
    no_row_offends(
        "one_row_per_customer_and_day",
        "No customer has two rows on a day; nothing in the warehouse enforces it. Blocks.",
        "warehouse/user_behavior_metric_uniqueness.sql",
        says="customer {customerid} has {found} rows".format_map,
    ),
    money_and_reviews_are_conserved,
    no_row_offends(
        "figures_are_possible",
        "No figure is null, there is a review in every row, and no more positive reviews than reviews. Blocks.",
        "warehouse/impossible_figures.sql",
        says="customer {customerid}: {review_score} of {review_count} reviews positive".format_map,
    ),
]
