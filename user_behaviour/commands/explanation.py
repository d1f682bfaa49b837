"""How a row of the metric came about, from the lake and the warehouse as they are; or why there is no such row.

Gathers; `explanation_text` shows.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal
from typing import Any

from user_behaviour.catalog.external_tables import Registration
from user_behaviour.classifier.models import Models, UnknownVersionError
from user_behaviour.classifier.review_scoring import CLASSIFIER, Model, ModelError
from user_behaviour.deployments import Deployment
from user_behaviour.lake.lake import Lake
from user_behaviour.lake.manifests import Manifest, Rejection, timestamp
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.schemas import (
    CLASSIFIED_REVIEWS,
    EXTERNAL_TABLES,
    LAKE_TABLE_OF,
    RAW_PURCHASES,
    RAW_REVIEWS,
    STAGED_PURCHASES,
    USER_BEHAVIOR_METRIC,
)
from user_behaviour.tables.statements import statement

_LAKE = (RAW_PURCHASES, RAW_REVIEWS, STAGED_PURCHASES, CLASSIFIED_REVIEWS)

Row = Mapping[str, Any]


@dataclass(frozen=True)
class PurchaseLine:
    """A line of the customer's purchases; `counted` says whether the rule let it in."""

    values: Row
    counted: bool

    @property
    def amount(self) -> Decimal:
        return Decimal(self.values["quantity"]) * Decimal(self.values["unit_price"])


@dataclass(frozen=True)
class Explanation:
    """All that is known of a customer and a day. What there is not, is None or absent.

    `partition` says how the metric's day was written: batch_id, written_at, row_count, and in `sources` the batches of
    the external tables that it read. A review has source_file, line_number and review_str, and where it is classified
    and registered positive_review, classifier, classifier_version and probability (null by the baseline) too. `models`
    are the versions that scored them, or why one cannot be read.
    """

    customer: int
    day: date
    metric: Row | None
    partition: Row | None
    purchases: Sequence[PurchaseLine]
    reviews: Sequence[Row]
    manifests: Mapping[str, Manifest]
    registrations: Mapping[str, Registration]
    rejections: Sequence[Rejection]
    kept_at: Mapping[str, str]
    models: Mapping[str, Model | str]

    @property
    def rule(self) -> str:
        """The business rule that the day's purchases were staged by."""
        staged = self.manifests.get(STAGED_PURCHASES.name)
        return str(staged.facts["rule"]) if staged else ""


def explanation(deployed: Deployment, customer: int, day: date) -> Explanation:
    """Looks a customer's day up in every stage."""
    asked = {"customer": customer, "day": day, "table_name": USER_BEHAVIOR_METRIC.name}
    manifests = {t.name: m for t in _LAKE if (m := deployed.lake.dataset(t).manifests([day]).get(day))}
    registrations = {
        t.name: deployed.external_tables.registered(t, DayRange(day, day)).get(day) for t in EXTERNAL_TABLES
    }
    metric = deployed.warehouse.rows(statement("explain/metric_row.sql"), asked)
    partition = deployed.warehouse.rows(statement("explain/metric_partition.sql"), asked)
    landed = manifests.get(RAW_REVIEWS.name)
    reviews = _reviews(deployed, asked, landed) if landed else []
    versions = {row["classifier_version"] for row in reviews if row.get("classifier") == CLASSIFIER}
    return Explanation(
        customer=customer,
        day=day,
        metric=metric[0] if metric else None,
        partition=_partition(partition[0]) if partition else None,
        purchases=_purchases(deployed, asked, manifests.get(RAW_PURCHASES.name)),
        reviews=reviews,
        manifests=manifests,
        registrations={name: registration for name, registration in registrations.items() if registration},
        rejections=[r for t in _LAKE if (r := deployed.lake.dataset(t).rejection(day))],
        kept_at={source.name: deployed.lake.uri(source.kept_at) for source in (landed.sources if landed else ())},
        models={version: _model(deployed.lake, version) for version in versions},
    )


def reason_for_no_row(found: Explanation) -> str:
    """Why the metric has no row of the customer, in a sentence."""
    who, day = f"Customer {found.customer}", found.day
    if found.partition is None:
        return f"{day} is not materialised; if it is a day of the calendar, `user-behaviour run --day {day}` does it."
    bought = any(line.counted for line in found.purchases)
    below = bool(found.purchases) and not bought
    rule = f"none of the {len(found.purchases)} lines of that day is let in by the rule {found.rule}"
    if bought and found.reviews:
        return f"{who} bought and reviewed on {day}, and the metric is older than that; run the day again."
    if bought:
        return f"{who} bought on {day} but did not review on that day."
    if found.reviews:
        return f"{who} reviewed on {day}, but {rule if below else 'did not buy on that day'}."
    if below:
        return f"{who} did not review on {day}, and {rule}."
    return f"{who} neither bought nor reviewed on {day}."


def newer_than_the_metric(found: Explanation) -> list[str]:
    """Where a later stage has not caught up with an earlier one, in sentences."""
    notes = []
    for table in (table.name for table in EXTERNAL_TABLES):
        registration, manifest = found.registrations.get(table), found.manifests.get(LAKE_TABLE_OF[table].name)
        if registration and manifest and registration.batch_id != manifest.batch_id:
            notes.append(f"{table} points at batch {registration.batch_id}; {manifest.batch_id} is in force.")
        read = found.partition["sources"].get(table) if found.partition else None
        if read and registration and read != registration.batch_id:
            notes.append(f"The metric was made from batch {read} of {table}; it now has {registration.batch_id}.")
    return notes


def _partition(row: Row) -> Row:
    written_at = timestamp(row["written_at"].replace(tzinfo=UTC))
    return {**row, "written_at": written_at, "sources": json.loads(row["sources"])}


def _purchases(deployed: Deployment, asked: Row, landed: Manifest | None) -> list[PurchaseLine]:
    """The customer's lines: those that the warehouse has, and of the landed ones those that it has not."""
    import pyarrow.compute as pc

    batches = deployed.lake.dataset(RAW_PURCHASES).read(landed) if landed else ()
    landed_rows = [row for b in batches for row in b.filter(pc.equal(b["customer_id"], asked["customer"])).to_pylist()]
    counted_rows = deployed.warehouse.rows(statement("explain/purchase_lines.sql"), asked)
    names = RAW_PURCHASES.without("batch_id").column_names
    landed_lines, counted = (
        Counter(tuple(row[name] for name in names) for row in rows) for rows in (landed_rows, counted_rows)
    )
    left_out = [dict(zip(names, values, strict=True)) for values in (landed_lines - counted).elements()]
    return [*(PurchaseLine(r, counted=True) for r in counted_rows), *(PurchaseLine(r, counted=False) for r in left_out)]


def _model(lake: Lake, version: str) -> Model | str:
    try:
        return Models(lake).model(version)
    except (UnknownVersionError, ModelError) as error:
        return str(error)


def _reviews(deployed: Deployment, asked: Row, landed: Manifest) -> list[Row]:
    """The customer's reviews as they landed, each with its verdict in the warehouse."""
    rows = deployed.warehouse.rows(statement("explain/review_verdicts.sql"), asked)
    verdicts = {(row["source_file"], row["line_number"]): row for row in rows}
    return [
        {**row, **verdicts.get((row["source_file"], row["line_number"]), {})}
        for batch in deployed.lake.dataset(RAW_REVIEWS).read(landed)
        for row in batch.select(["cid", "source_file", "line_number", "review_str"]).to_pylist()
        if int(row["cid"]) == asked["customer"]
    ]
