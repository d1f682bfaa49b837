"""The metric as it would be beside the metric as it is: in temporary tables of a transaction that is never committed.

By the very statement that fills the metric, aimed at one of them.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from user_behaviour.plans.change import Change
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.schemas import USER_BEHAVIOR_METRIC
from user_behaviour.tables.statements import statement
from user_behaviour.warehouse.warehouse import Warehouse, fetch

METRIC, PLANNED = USER_BEHAVIOR_METRIC.name, "planned_metric"
Rows = tuple[dict[str, Any], ...]


def compared(
    warehouse: Warehouse, change: Change, sums: Sequence[pa.RecordBatch], days: Sequence[date]
) -> tuple[Rows, Rows]:
    """Rows by month, of all together last, and the rows that change most; `sums` are the new ones of the change."""
    span = {**DayRange(days[0], days[-1]).parameters(), "days": tuple(days), "batch_id": PLANNED}
    selects = {
        change.other_sums: statement(f"warehouse/{change.other_sums}.sql"),
        PLANNED: f"select * from {METRIC} where 1 = 0",
    }
    fill = statement("warehouse/user_behavior_metric.sql").replace(METRIC, PLANNED)

    def attempt() -> tuple[Rows, Rows]:
        with warehouse.session() as connection, connection.cursor() as cursor:
            cursor.execute(statement(f"plans/{change.sums}.sql"), ())
            warehouse.load(cursor, change.sums, sums)
            for table, select in selects.items():
                cursor.execute(f"create temporary table {table} as {select}", span)
            cursor.execute(fill, span)
            cursor.execute(f"create temporary table metric_change as {statement('plans/metric_change.sql')}", span)
            cursor.execute(statement("plans/metric_change_by_month.sql"), ())
            months = fetch(cursor)
            cursor.execute(statement("plans/largest_changes.sql"), ())
            return tuple(months), tuple(fetch(cursor))

    months, largest = warehouse.retried(attempt)
    of_month = Counter(f"{day:%Y-%m}" for day in days)
    return tuple({"month": one["month"], "days": of_month[one["month"]] or len(days), **one} for one in months), largest
