"""The sums of a side by day and customer as a change would have them: from raw data in the lake, as streams of Arrow.

What the statements `warehouse/purchases_by_customer.sql` and `reviews_by_customer.sql` would find after a rerun.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from user_behaviour.assets.staging import scoring
from user_behaviour.deployments import Deployment
from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.lake import Lake
from user_behaviour.lake.manifests import Manifest
from user_behaviour.lake.parquet_part import batches_of
from user_behaviour.plans.changed_reviews import most_changed, scored
from user_behaviour.restatement import COUNTED
from user_behaviour.rules import QuantityRule, Rules
from user_behaviour.spark.output import SparkOutput, spark_output
from user_behaviour.tables.schemas import CLASSIFIED_REVIEWS, RAW_PURCHASES, RAW_REVIEWS

AT_ONCE = 8
# Wide enough for any sum; as Redshift has the sum of an int times a decimal(8, 3).
MONEY = pa.decimal128(38, 3)

NewSums = tuple[list[pa.RecordBatch], tuple[dict[str, Any], ...]]
"""A row is a day and customer: `amount` of the lines, or `positive_count` of the reviews, and `row_count`. Of a version
also the reviews that it changes most."""


def spent(lake: Lake, rules: Rules, landed: Mapping[date, Manifest]) -> NewSums:
    """The sums of the purchase lines that the rules let in."""
    purchases = lake.dataset(RAW_PURCHASES)
    return [*_of_each_day(landed, lambda day: _spent(purchases, landed[day], rules.in_force(day)))], ()


def reviewed(deployed: Deployment, version: str, landed: Mapping[date, Manifest], *, plan: str) -> NewSums:
    """The sums of the reviews by a version. Spark scores them into a place of its own, which is removed."""
    raw = deployed.lake.dataset(RAW_REVIEWS)
    recipe = scoring(raw.locations([*landed]), deployed.lake, deployed.spark, version)
    with spark_output(deployed.lake.dataset(CLASSIFIED_REVIEWS), recipe, batch_id=f"plan-{plan}") as output:
        sums = [*_of_each_day(landed, lambda day: _reviewed(output, day))]
        return sums, tuple(most_changed(output, raw, landed))


def _of_each_day(days: Iterable[date], rows: Callable[[date], Iterable[pa.Table]]) -> Iterator[pa.RecordBatch]:
    def sums(day: date) -> pa.Table:
        parts = [_by_customer(part) for part in rows(day)]
        summed = _by_customer(pa.concat_tables(parts)) if parts else pa.table({})
        return summed.append_column("insert_date", pa.repeat(pa.scalar(day, pa.date32()), len(summed)))

    with ThreadPoolExecutor(AT_ONCE) as pool:  # what is read waits for the store, and what is summed holds no lock
        for found in pool.map(sums, days):
            yield from found.to_batches()


def _by_customer(rows: pa.Table) -> pa.Table:
    summed = [name for name in rows.column_names if name != "customer_id"]
    found = rows.group_by("customer_id").aggregate([(name, "sum") for name in summed])
    return found.select(["customer_id", *(f"{name}_sum" for name in summed)]).rename_columns(["customer_id", *summed])


def _spent(purchases: Dataset, landed: Manifest, rule: QuantityRule) -> Iterator[pa.Table]:
    """The lines of known customers that the rule lets in."""
    for file in purchases.files(landed):
        for batch in batches_of(file, COUNTED):
            lines = rule.let_in(batch)
            lines = lines.filter(pc.is_valid(lines["customer_id"]))
            amount = pc.multiply(lines["quantity"].cast(pa.decimal128(10)), lines["unit_price"]).cast(MONEY)
            yield _counted(lines["customer_id"], amount=amount)


def _reviewed(output: SparkOutput, day: date) -> Iterator[pa.Table]:
    for batch in scored(output, day, ("cid", "positive_review")):
        positive = batch["positive_review"].cast(pa.int64())
        yield _counted(batch["cid"].cast(pa.int32()), positive_count=positive)


def _counted(customers: pa.Array, **figures: pa.Array) -> pa.Table:
    ones = pa.repeat(pa.scalar(1, pa.int64()), len(customers))
    return pa.table({"customer_id": customers, "row_count": ones, **figures})
