"""An explanation as a person reads it: figures, the lines and reviews behind them, files, batches, what is stale."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import click

from user_behaviour.classifier.review_scoring import Model
from user_behaviour.commands.explanation import Explanation, Row, newer_than_the_metric, reason_for_no_row
from user_behaviour.commands.terminal import one_line, print_table
from user_behaviour.tables.schemas import RAW_REVIEWS, USER_BEHAVIOR_METRIC

_TEXT = 60
_REASONS = 200  # characters
_TERMS_FOR, _TERMS_AGAINST = 5, 3

Section = tuple[str, Sequence[str], Sequence[Sequence[Any]]]  # its title, and a table: the columns, the rows


def print_explanation(found: Explanation) -> None:
    """Prints the whole explanation."""
    if found.metric is None:
        click.echo(f"No row of the metric. {reason_for_no_row(found)}")
    else:
        figures = "spent {amount_spent}, {review_score} of {review_count} reviews positive".format(**found.metric)
        click.echo(f"Customer {found.customer} on {found.day}: {figures}.")
    for title, columns, rows in (_purchases(found), _reviews(found), _reasons(found), _files(found), _batches(found)):
        click.echo(f"\n{title}")
        if rows:
            print_table(columns, rows)
    for note in newer_than_the_metric(found):
        click.echo(f"Stale: {note}")
    for rejection in found.rejections:
        reasons = "; ".join(rejection.reasons)
        click.echo(f"Held back: batch {rejection.batch_id} of {rejection.dataset} ({rejection.as_of}): {reasons}")


def _purchases(found: Explanation) -> Section:
    amounts = [line.amount for line in found.purchases if line.counted]
    names = ("invoice_number", "invoice_date", "stock_code", "detail", "quantity", "unit_price")
    rows = [
        [*(line.values[name] for name in names), *((line.amount, "") if line.counted else (None, "rule"))]
        for line in found.purchases
    ]
    counted = f"{len(amounts)} count, worth {sum(amounts, Decimal(0))}"
    left_out = f"{len(rows) - len(amounts)} left out by the rule {found.rule or '(not staged)'}"
    return f"Purchase lines: {counted}; {left_out}", [*names, "amount", "left out by"], rows


def _reviews(found: Explanation) -> Section:
    positive = sum(bool(review.get("positive_review")) for review in found.reviews)
    rows = [[r["source_file"], r["line_number"], *_verdict(r), one_line(r["review_str"], _TEXT)] for r in found.reviews]
    title = f"Reviews: {len(rows)}, {positive} of them positive"
    return title, ["file", "line", "verdict", "classifier", "review"], rows


def _verdict(review: Row) -> tuple[str, str]:
    """What the classifier said, and which it was."""
    if "classifier" not in review:
        return "not classified yet", ""
    said = "positive" if review["positive_review"] else "not positive"
    return said, "{classifier} {classifier_version}".format(**review)


def _reasons(found: Explanation) -> Section:
    rows = [
        [r["source_file"], r["line_number"], r["probability"], *_terms(r, found.models.get(r["classifier_version"]))]
        for r in found.reviews
        if "classifier" in r
    ]
    title = "What decided the verdicts; a number is what the term adds to the log odds of a positive review"
    return title, ["file", "line", "probability", "for the verdict", "against it"], rows


def _terms(review: Row, model: Model | str | None) -> tuple[str, ...]:
    """What spoke for the verdict and what against it, the strongest first."""
    if not isinstance(model, Model):
        return model or f"`good` is {'' if review['positive_review'] else 'not '}among the words", ""
    towards = 1 if review["positive_review"] else -1
    terms = sorted(model.contributions(review["review_str"]), key=lambda one: -towards * one[1])
    pros = [one for one in terms if towards * one[1] > 0][:_TERMS_FOR]
    cons = [one for one in terms[::-1] if towards * one[1] < 0][:_TERMS_AGAINST]
    said = (" · ".join(f"{term} {added:+.2f}" for term, added in side) or "no term" for side in (pros, cons))
    return tuple(one_line(text, _REASONS) for text in said)


def _files(found: Explanation) -> Section:
    landed = found.manifests.get(RAW_REVIEWS.name)
    counts = ", {rows_in_files} rows, {rows_quarantined} in quarantine".format(**landed.facts) if landed else ""
    sources = landed.sources if landed else ()
    rows = [[source.name, source.size, source.version, found.kept_at[source.name]] for source in sources]
    return f"Vendor files of the day: {len(rows)}{counts}", ["file", "bytes", "version", "original kept at"], rows


def _batches(found: Explanation) -> Section:
    rows: list[Sequence[Any]] = [
        *((name, m.batch_id, m.as_of, m.written_at, m.rows) for name, m in found.manifests.items()),
        *((name, r.batch_id, None, None, r.rows) for name, r in found.registrations.items()),
    ]
    if metric := found.partition:
        rows.append((USER_BEHAVIOR_METRIC.name, metric["batch_id"], None, metric["written_at"], metric["row_count"]))
    title = "Batches of the day in force" if rows else "Batches of the day in force: none"
    return title, ["stage", "batch", "data as of", "written at", "rows"], rows
