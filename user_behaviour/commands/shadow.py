"""`shadow`: what a version of the classifier would change in a range of days, before anybody decides."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from datetime import date
from typing import TYPE_CHECKING

import click

from user_behaviour.commands.parameters import day_range, day_range_options
from user_behaviour.deployments import deployment, settings
from user_behaviour.tables.days import DayRange, ranges
from user_behaviour.tables.schemas import (
    CLASSIFIED_REVIEWS,
    MOVIE_REVIEW_CLEAN_STAGE,
    RAW_REVIEWS,
    USER_BEHAVIOR_METRIC,
)
from user_behaviour.tables.statements import statement

if TYPE_CHECKING:
    from user_behaviour.classifier.shadow import Changes
    from user_behaviour.warehouse.warehouse import Warehouse

_TEXT = 100
_VERDICTS = "not positive", "positive"


@click.command()
@click.argument("version")
@day_range_options
@click.pass_context
def shadow(ctx: click.Context, version: str, first: date | None, last: date | None) -> None:
    """Score days by a version beside the verdicts in force, and say what would change in the metric.

    Without a range: all days that have verdicts. Nothing is published, and nothing that anybody reads changes.
    """
    from user_behaviour.assets.staging import scoring
    from user_behaviour.classifier.models import Models
    from user_behaviour.classifier.shadow import Changes, reviews_beside, texts
    from user_behaviour.commands.terminal import own_console
    from user_behaviour.spark.output import spark_output
    from user_behaviour.warehouse.published_days import published_sources

    deployed = deployment(settings()).initialized()
    lake, warehouse = deployed.lake, deployed.warehouse
    Models(lake).model(version)  # or it says, before Spark starts, what is wrong with it
    raw, classified = lake.dataset(RAW_REVIEWS), lake.dataset(CLASSIFIED_REVIEWS)
    known = classified.days() or [settings().first_day]
    span = day_range(first or known[0], last or known[-1])
    landed, scored = (dataset.manifests(span.days()) for dataset in (raw, classified))
    batches = {day: {source.version for source in manifest.sources} for day, manifest in scored.items()}
    verdicts = {day: scored[day] for day in batches if day in landed and landed[day].batch_id in batches[day]}
    _name("No reviews are landed", span.days(), landed)
    _name("The reviews that are landed have no verdicts", landed, verdicts)
    read, verdicts_table = published_sources(warehouse, USER_BEHAVIOR_METRIC.name), MOVIE_REVIEW_CLEAN_STAGE.name
    followed = {day for day, one in verdicts.items() if read.get(day, {}).get(verdicts_table) == one.batch_id}
    _name("The metric is not of the verdicts in force, and left out", verdicts, followed)

    if not verdicts:
        click.echo("There is nothing to compare.")
        return
    rows = sum(manifest.rows for manifest in verdicts.values())
    click.echo(f"Scoring {rows:,} reviews of {len(verdicts)} days by {version} …")
    changes, recipe = Changes(), scoring(raw.locations(list(verdicts)), lake, deployed.spark, version)
    batch = f"shadow-{secrets.token_hex(4)}"
    with own_console(alone=not ctx.obj), spark_output(classified, recipe, batch_id=batch) as output:
        changes.add_reviews(reviews_beside(output, verdicts.values()))
    changes.add_metric(row for row in _metric(warehouse, span) if row[0] in followed)
    _show(version, changes, texts(raw, landed, changes.most_changed))


def _name(what: str, days: Iterable[date], but: Iterable[date]) -> None:
    """Names those of the days that are not among the others."""
    if left := ranges({*days} - {*but}):
        spans = (f"{of.first} to {of.last}" if of.first < of.last else f"{of.first}" for of in left)
        click.echo(f"{what}: {', '.join(spans)}.")


def _metric(warehouse: Warehouse, span: DayRange) -> Iterator[tuple[date, int, int]]:
    import pyarrow as pa

    schema = pa.schema([("insert_date", pa.date32()), ("customerid", pa.int32()), ("review_score", pa.int32())])
    for batch in warehouse.unload(statement("shadow/review_scores.sql"), span.parameters(), schema):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _show(version: str, changes: Changes, found: Iterable[str]) -> None:
    from user_behaviour.classifier.shadow import FIGURES
    from user_behaviour.commands.terminal import one_line, print_table

    by_month = sorted(changes.figures.items())
    rows = [[name, *(count[of] for of in FIGURES), len(changes.customers[name])] for name, count in by_month]
    print_table(("month", *FIGURES, "changed_customers"), rows)
    said = [
        (f"{r.day}", r.customer, _VERDICTS[r.in_force], f"{r.probability:.6f}", one_line(text, _TEXT))
        for r, text in zip(changes.most_changed, found, strict=True)
    ]
    click.echo(f"The verdicts that {version} changes most: {len(said)}")
    if said:
        print_table(("day", "customer", "in force", "probability", "review"), said)
