"""`demo`: the whole pipeline on a sample, from nothing to ten rows of the metric, and what to try next."""

import os
import shutil
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import click

from user_behaviour.commands.classifier import load, train_and_judge
from user_behaviour.commands.data import generate
from user_behaviour.commands.published import newest_days_with_data
from user_behaviour.commands.report import last_report
from user_behaviour.commands.run import RunRequest, days_with_data, materialise_and_show
from user_behaviour.commands.stack import description, own_stack
from user_behaviour.deployments import Deployment, deployment, settings
from user_behaviour.settings import remember_last_day
from user_behaviour.tables.schemas import CLASSIFIED_REVIEWS
from user_behaviour.tables.statements import statement


@click.command()
@click.pass_context
def demo(ctx: click.Context) -> None:
    """Start the stack, make sample data and train a classifier where there are none, and materialise what is missing.

    Called again, it changes nothing.
    """
    from user_behaviour.commands.terminal import print_table

    started = time.monotonic()
    stack = own_stack()
    stack.up()
    click.echo(description(stack.status(), settings().home))
    deployed = deployment(settings()).initialized()
    if not newest_days_with_data(deployed):
        click.echo("\nA sample shop and its vendor:")
        ctx.invoke(generate)
    _end_the_calendar(deployed)
    _train(deployed, debug=ctx.obj)
    click.echo("")
    succeeded = materialise_and_show(deployed, RunRequest(days_with_data(deployed), missing=True), debug=ctx.obj)
    rows = deployed.warehouse.rows(statement("run/metric_sample.sql"))
    click.echo("\npublic.user_behavior_metric, ten rows of the newest day that has some:")
    print_table(list(rows[0]) if rows else (), [list(row.values()) for row in rows])
    click.echo(f"\n{_accuracy(deployed)}")
    if rows:
        click.echo(f"\n{last_report(deployed, debug=ctx.obj)}")
    click.echo(f"\n{time.monotonic() - started:.1f} s in all. Try next:")
    for line in _next(rows[0] if rows else None):
        click.echo(f"  {line}")
    ctx.exit(0 if succeeded else 1)


def _end_the_calendar(deployed: Deployment) -> None:
    """Where the data are the sample's, whose shop closed: partitions up to yesterday would all be missing."""
    from user_behaviour.sample.calendar import YEAR_END

    if settings().last_day is None and newest_days_with_data(deployed)[:1] == [YEAR_END]:
        remember_last_day(settings().home, YEAR_END)
        settings.cache_clear()


def _train(deployed: Deployment, *, debug: bool) -> None:
    """Where there is no classifier yet, by the sample's labels, if this is a sample."""
    from user_behaviour.classifier.labels import Labels
    from user_behaviour.classifier.models import Models
    from user_behaviour.local.shop_data import SAMPLE_LABELS

    file = settings().home / SAMPLE_LABELS
    if not file.is_file() or Models(deployed.lake).versions():
        return
    click.echo("\nA classifier of reviews:")
    if not find_spec("sklearn"):
        click.echo(
            "It is not trained without scikit-learn: pip install 'user_behaviour[training]', and call this again."
        )
        return
    if not Labels(deployed.lake).current():
        load(deployed, [file], debug=debug)
    train_and_judge(deployed, debug=debug)


def _accuracy(deployed: Deployment) -> str:
    """How often the baseline and the classifier are right, and which of them scored."""
    from user_behaviour.classifier.models import Models
    from user_behaviour.classifier.scored_days import days_of_another, scoring_anew

    models = Models(deployed.lake)
    if not (live := models.live()):
        return "Reviews are scored by the baseline: positive is one that has the word `good`."
    classified = deployed.lake.dataset(CLASSIFIED_REVIEWS)
    manifests = classified.manifests(classified.days())
    others = days_of_another(manifests, live)
    anew = "; ".join(scoring_anew(others, manifests))
    scored = f"which did not score {len(others)} days yet: {anew}" if others else "which scored every day"
    found = models.card(live)["evaluation"]
    return (
        f"Right of {found['n']:,} labelled reviews that training never saw: {found['baseline_accuracy']:.1%} by the "
        f"baseline `good`, {found['accuracy']:.1%} by version {live} of the classifier, {scored}."
    )


def _next(row: dict[str, object] | None) -> list[str]:
    by_month = (
        "select to_char(insert_date, 'YYYY-MM') as month, sum(amount_spent) as spent, sum(review_count) as reviews "
        "from public.user_behavior_metric group by 1 order by 1"
    )
    arguments = [f'query "{by_month}"']
    if row:
        arguments.append(f"explain --customer {row['customerid']} --day {row['insert_date']}")
    arguments += ["status", "dev    # the Dagster UI at http://127.0.0.1:3000"]
    return [f"{_program()} {line}" for line in arguments]


def _program() -> str:
    """How the command is called from here: it need not be on the path."""
    name = "user-behaviour"
    return name if shutil.which(name) else os.path.relpath(Path(sys.executable).with_name(name))
