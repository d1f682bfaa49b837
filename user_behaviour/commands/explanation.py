"""How a row of the metric came about, from the lake and the warehouse as they are; or why there is no such row.

Gathers; `explanation_text` shows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal
from typing import Any

from user_behaviour.catalog.external_tables import Registration
from user_behaviour.deployments import Deployment
from user_behaviour.lake.manifests import Manifest, Rejection, timestamp
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.schemas import (
    CLASSIFIED_REVIEWS,
    MOVIE_REVIEW_CLEAN_STAGE,
    RAW_PURCHASES,
    RAW_REVIEWS,
    STAGED_PURCHASES,
    USER_BEHAVIOR_METRIC,
    USER_PURCHASE_STAGING,
)
from user_behaviour.tables.statements import statement

_LAKE = (RAW_PURCHASES, RAW_REVIEWS, STAGED_PURCHASES, CLASSIFIED_REVIEWS)
_EXTERNAL = ((USER_PURCHASE_STAGING, STAGED_PURCHASES), (MOVIE_REVIEW_CLEAN_STAGE, CLASSIFIED_REVIEWS))


@dataclass(frozen=True)
class PurchaseLine:
    """A line of the customer's purchases; `counted` says whether the rule let it in."""

    values: Mapping[str, Any]
    counted: bool

    @property
    def amount(self) -> Decimal:
        return Decimal(self.values["quantity"]) * Decimal(self.values["unit_price"])


@dataclass(frozen=True)
class Review:
    """A review by the customer; `verdict` is None where it is not classified, or not registered, yet."""

    source_file: str
    line_number: int
    text: str
    verdict: Mapping[str, Any] | None


@dataclass(frozen=True)
class MetricPartition:
    """How the day of the metric was written; `sources` are the batches of the external tables that it read."""

    batch_id: str
    written_at: str
    rows: int
    sources: Mapping[str, str]


@dataclass(frozen=True)
class Explanation:
    """All that is known of a customer and a day. `metric` None: there is no row. Missing partitions are absent."""

    customer: int
    day: date
    metric: Mapping[str, Any] | None
    partition: MetricPartition | None
    purchases: Sequence[PurchaseLine]
    reviews: Sequence[Review]
    manifests: Mapping[str, Manifest]
    registrations: Mapping[str, Registration]
    rejections: Sequence[Rejection]
    kept_at: Mapping[str, str]

    @property
    def rule(self) -> str:
        """The business rule that the day's purchases were staged by."""
        staged = self.manifests.get(STAGED_PURCHASES.name)
        return str(staged.facts["rule"]) if staged else ""


def explain(here: Deployment, customer: int, day: date) -> Explanation:
    """Looks a customer's day up in every stage."""
    asked = {"customer": customer, "day": day}
    manifests = {t.name: m for t in _LAKE if (m := here.lake.dataset(t).manifests([day]).get(day))}
    metric = here.warehouse.rows(statement("explain/metric_row.sql"), asked)
    landed = manifests.get(RAW_REVIEWS.name)
    rejections = [r for t in _LAKE if (r := here.lake.dataset(t).rejection(day))]
    return Explanation(
        customer=customer,
        day=day,
        metric=metric[0] if metric else None,
        partition=_partition(here, day),
        purchases=_purchases(here, asked, manifests),
        reviews=_reviews(here, asked, landed),
        manifests=manifests,
        registrations=_registrations(here, day),
        rejections=rejections,
        kept_at={source.name: here.lake.uri(source.kept_at) for source in (landed.sources if landed else ())},
    )


def reason_for_no_row(found: Explanation) -> str:
    """Why the metric has no row of the customer, in a sentence."""
    who, day = f"Customer {found.customer}", found.day
    if found.partition is None:
        return f"{day} is not materialised; `user-behaviour run --day {day}` does it."
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
    for table, dataset in ((table.name, dataset.name) for table, dataset in _EXTERNAL):
        registration, manifest = found.registrations.get(table), found.manifests.get(dataset)
        if registration and manifest and registration.batch_id != manifest.batch_id:
            notes.append(f"{table} points at batch {registration.batch_id}; {manifest.batch_id} is in force.")
        read = found.partition.sources.get(table) if found.partition else None
        if read and registration and read != registration.batch_id:
            notes.append(f"The metric was made from batch {read} of {table}; it now has {registration.batch_id}.")
    return notes


def _partition(here: Deployment, day: date) -> MetricPartition | None:
    asked = {"table_name": USER_BEHAVIOR_METRIC.name, "day": day}
    for row in here.warehouse.rows(statement("explain/metric_partition.sql"), asked):
        sources = json.loads(row["sources"])
        return MetricPartition(
            row["batch_id"], timestamp(row["written_at"].replace(tzinfo=UTC)), row["row_count"], sources
        )
    return None


def _registrations(here: Deployment, day: date) -> dict[str, Registration]:
    tables = [table for table, _ in _EXTERNAL]
    found = {table.name: here.external_tables.registered(table, DayRange(day, day)).get(day) for table in tables}
    return {name: registration for name, registration in found.items() if registration}


def _purchases(here: Deployment, asked: Mapping[str, Any], manifests: Mapping[str, Manifest]) -> list[PurchaseLine]:
    """The customer's lines: those that the warehouse has, and of the landed ones those that it has not."""
    names = RAW_PURCHASES.without("batch_id").column_names
    counted = here.warehouse.rows(statement("explain/purchase_lines.sql"), asked)
    landed = manifests.get(RAW_PURCHASES.name)
    rest = Counter(tuple(row[name] for name in names) for row in counted)
    left_out = []
    for line in _landed_lines(here, landed, asked["customer"]) if landed else []:
        if rest[values := tuple(line[name] for name in names)]:
            rest[values] -= 1
        else:
            left_out.append(line)
    return [*(PurchaseLine(row, counted=True) for row in counted), *(PurchaseLine(r, counted=False) for r in left_out)]


def _landed_lines(here: Deployment, landed: Manifest, customer: int) -> list[dict[str, Any]]:
    import pyarrow.compute as pc

    batches = here.lake.dataset(RAW_PURCHASES).read(landed)
    return [row for b in batches for row in b.filter(pc.equal(b["customer_id"], customer)).to_pylist()]


def _reviews(here: Deployment, asked: Mapping[str, Any], landed: Manifest | None) -> list[Review]:
    """The customer's reviews as they landed, each with its verdict in the warehouse."""
    if landed is None:
        return []
    rows = here.warehouse.rows(statement("explain/review_verdicts.sql"), asked)
    verdicts = {(row["source_file"], row["line_number"]): row for row in rows}
    found = []
    for batch in here.lake.dataset(RAW_REVIEWS).read(landed):
        for row in batch.drop_columns(["batch_id"]).to_pylist():
            if int(row["cid"]) == asked["customer"]:
                file, line = row["source_file"], row["line_number"]
                found.append(Review(file, line, row["review_str"], verdicts.get((file, line))))
    return found
