"""An explanation as a person reads it: figures, the lines and reviews behind them, files, batches, what is stale."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import click

from user_behaviour.commands.explanation import Explanation, Row, newer_than_the_metric, reason_for_no_row
from user_behaviour.commands.terminal import print_table
from user_behaviour.tables.schemas import RAW_REVIEWS, USER_BEHAVIOR_METRIC

_TEXT = 60


def print_explanation(found: Explanation) -> None:
    """Prints the whole explanation."""
    if found.metric is None:
        click.echo(f"No row of the metric. {reason_for_no_row(found)}")
    else:
        figures = "spent {amount_spent}, {review_score} of {review_count} reviews positive".format(**found.metric)
        click.echo(f"Customer {found.customer} on {found.day}: {figures}.")
    _print_purchases(found)
    _print_reviews(found)
    _print_files(found)
    _print_batches(found)
    for note in newer_than_the_metric(found):
        click.echo(f"Stale: {note}")
    for rejection in found.rejections:
        reasons = "; ".join(rejection.reasons)
        click.echo(f"Held back: batch {rejection.batch_id} of {rejection.dataset} ({rejection.as_of}): {reasons}")


def _print_purchases(found: Explanation) -> None:
    amounts = [line.amount for line in found.purchases if line.counted]
    left_out = len(found.purchases) - len(amounts)
    click.echo(
        f"\nPurchase lines: {len(amounts)} count, worth {sum(amounts, Decimal(0))}; "
        f"{left_out} left out by the rule {found.rule or '(not staged)'}"
    )
    names = ("invoice_number", "invoice_date", "stock_code", "detail", "quantity", "unit_price")
    _print_if_any(
        [*names, "amount", "left out by"],
        [
            [*(line.values[name] for name in names), *([line.amount, ""] if line.counted else [None, "rule"])]
            for line in found.purchases
        ],
    )


def _print_reviews(found: Explanation) -> None:
    positive = sum(bool(review.get("positive_review")) for review in found.reviews)
    click.echo(f"\nReviews: {len(found.reviews)}, {positive} of them positive")
    _print_if_any(
        ["file", "line", "verdict", "classifier", "review"],
        [[r["source_file"], r["line_number"], *_verdict(r), _shortened(r["review_str"])] for r in found.reviews],
    )


def _verdict(review: Row) -> tuple[str, str]:
    """What the classifier said, and which it was."""
    if "classifier" not in review:
        return "not classified yet", ""
    said = "positive" if review["positive_review"] else "not positive"
    return said, "{classifier} {classifier_version}".format(**review)


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TEXT else f"{line[: _TEXT - 1]}…"


def _print_files(found: Explanation) -> None:
    landed = found.manifests.get(RAW_REVIEWS.name)
    sources = landed.sources if landed else ()
    counts = ", {rows_in_files} rows, {rows_quarantined} in quarantine".format(**landed.facts) if landed else ""
    click.echo(f"\nVendor files of the day: {len(sources)}{counts}")
    _print_if_any(
        ["file", "bytes", "version", "original kept at"],
        [[source.name, source.size, source.version, found.kept_at[source.name]] for source in sources],
    )


def _print_batches(found: Explanation) -> None:
    rows: list[Sequence[Any]] = [
        *([name, m.batch_id, m.as_of, m.written_at, m.rows] for name, m in found.manifests.items()),
        *([name, r.batch_id, None, None, r.rows] for name, r in found.registrations.items()),
    ]
    if metric := found.partition:
        rows.append([USER_BEHAVIOR_METRIC.name, metric["batch_id"], None, metric["written_at"], metric["row_count"]])
    click.echo("\nBatches of the day in force")
    _print_if_any(["stage", "batch", "data as of", "written at", "rows"], rows)
    if not rows:
        click.echo("none")


def _print_if_any(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    if rows:
        print_table(columns, rows)
