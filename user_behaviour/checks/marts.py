"""Claims about stage marts: every day is there, and what people look at adds up to the metric."""

from datetime import date

import dagster as dg

from user_behaviour.assets.marts import MARTS, customer_day
from user_behaviour.checks.every_asset import every_day_is_published
from user_behaviour.checks.result import Offence, days_under_check
from user_behaviour.tables import marts
from user_behaviour.tables.schemas import USER_BEHAVIOR_METRIC
from user_behaviour.tables.statements import statement
from user_behaviour.warehouse.published_days import published_days
from user_behaviour.warehouse.warehouse import Warehouse


@dg.asset_check(asset=customer_day, blocking=True)
def views_agree_with_the_metric(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """Money and reviews of the metric and of what its join left out are all there are, by day and by month. Blocks.

    Of a day that is not made from the metric in force nothing is claimed: that it is to be, is another claim.
    """
    under_check = days_under_check(context)
    looked_at, offences = set[date](), list[Offence]()
    for span in under_check.spans:
        metric, ours = (
            published_days(warehouse, table.name, span) for table in (USER_BEHAVIOR_METRIC, marts.CUSTOMER_DAY)
        )
        looked_at |= {
            day
            for day, made in ours.items()
            if day in metric and made.sources[USER_BEHAVIOR_METRIC.name] == metric[day].batch_id
        }
        offences += [
            Offence(
                row["insert_date"],
                f"{row['views']}: {row['money']} and {row['reviews']} reviews, "
                f"expected {row['expected_money']} and {row['expected_reviews']}",
            )
            for row in warehouse.rows(statement("marts/views_disagree.sql"), span.parameters())
            if row["insert_date"] in looked_at
        ]
    return under_check.result(offences, looked_at=looked_at)


MART_CHECKS = [
    *(
        every_day_is_published(asset, table, kept_in="warehouse")
        for asset, table in zip(MARTS, marts.MARTS, strict=True)
    ),
    views_agree_with_the_metric,
]
