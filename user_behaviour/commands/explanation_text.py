"""An explanation as a person reads it: figures, the lines and reviews behind them, files, batches, what is stale."""

from __future__ import annotations

from decimal import Decimal

import click

from user_behaviour.commands.explanation import Explanation, newer_than_the_metric, reason_for_no_row
from user_behaviour.commands.tabular import print_table
from user_behaviour.tables.schemas import RAW_REVIEWS

_TEXT = 60


def print_explanation(found: Explanation) -> None:
    """Prints the whole explanation."""
    click.echo(_headline(found))
    _print_purchases(found)
    _print_reviews(found)
    _print_files(found)
    _print_batches(found)
    for note in newer_than_the_metric(found):
        click.echo(f"Stale: {note}")
    for rejection in found.rejections:
        reasons = "; ".join(rejection.reasons)
        click.echo(f"Held back: batch {rejection.batch_id} of {rejection.dataset} ({rejection.as_of}): {reasons}")


def _headline(found: Explanation) -> str:
    if found.metric is None:
        return f"No row of the metric. {reason_for_no_row(found)}"
    row = found.metric
    return (
        f"Customer {found.customer} on {found.day}: spent {row['amount_spent']}, "
        f"{row['review_score']} of {row['review_count']} reviews positive."
    )


def _print_purchases(found: Explanation) -> None:
    counted = [line for line in found.purchases if line.counted]
    left_out = len(found.purchases) - len(counted)
    total = sum((line.amount for line in counted), Decimal(0))
    rule = found.rule or "(not staged)"
    click.echo(f"\nPurchase lines: {len(counted)} count, worth {total}; {left_out} left out by the rule {rule}")
    names = ("invoice_number", "invoice_date", "stock_code", "detail", "quantity", "unit_price")
    rows = [
        [*(line.values[name] for name in names), line.amount if line.counted else None, "" if line.counted else "rule"]
        for line in found.purchases
    ]
    if rows:
        print_table([*names, "amount", "left out by"], rows)


def _print_reviews(found: Explanation) -> None:
    positive = sum(1 for review in found.reviews if review.verdict and review.verdict["positive_review"])
    click.echo(f"\nReviews: {len(found.reviews)}, {positive} of them positive")
    rows = []
    for review in found.reviews:
        text = " ".join(review.text.split())
        shown = text if len(text) <= _TEXT else f"{text[: _TEXT - 1]}…"
        if review.verdict is None:
            verdict, judge = "not classified yet", ""
        else:
            verdict = "positive" if review.verdict["positive_review"] else "not positive"
            judge = "{classifier} {classifier_version}".format(**review.verdict)
        rows.append([review.source_file, review.line_number, verdict, judge, shown])
    if rows:
        print_table(["file", "line", "verdict", "classifier", "review"], rows)


def _print_files(found: Explanation) -> None:
    landed = found.manifests.get(RAW_REVIEWS.name)
    sources = landed.sources if landed else ()
    facts = landed.facts if landed else {}
    click.echo(
        f"\nVendor files of the day: {len(sources)}"
        + (f", {facts['rows_in_files']} rows, {facts['rows_quarantined']} in quarantine" if landed else "")
    )
    if sources:
        rows = [[source.name, source.size, source.version, found.kept_at[source.name]] for source in sources]
        print_table(["file", "bytes", "version", "original kept at"], rows)


def _print_batches(found: Explanation) -> None:
    rows: list[list[object]] = [
        [name, m.batch_id, m.as_of, m.written_at, m.rows] for name, m in found.manifests.items()
    ]
    rows += [[name, r.batch_id, None, None, r.rows] for name, r in found.registrations.items()]
    if found.partition:
        partition = found.partition
        rows.append(["public.user_behavior_metric", partition.batch_id, None, partition.written_at, partition.rows])
    click.echo("\nBatches of the day in force")
    if rows:
        print_table(["stage", "batch", "data as of", "written at", "rows"], rows)
    else:
        click.echo("none")
