"""`demo`: the whole pipeline on a sample, from nothing to ten rows of the metric, and what to try next."""

import os
import shutil
import sys
import time
from pathlib import Path

import click

from user_behaviour.commands.data import generate
from user_behaviour.commands.published import newest_days_with_data
from user_behaviour.commands.run import RunRequest, days_with_data, materialise_and_show
from user_behaviour.commands.stack import description, own_stack
from user_behaviour.deployments import Deployment, deployment, settings
from user_behaviour.settings import remember_last_day
from user_behaviour.tables.statements import statement


@click.command()
@click.pass_context
def demo(ctx: click.Context) -> None:
    """Start the stack, make sample data where there are none, materialise what is missing, and show what came of it.

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
    click.echo("")
    succeeded = materialise_and_show(deployed, RunRequest(days_with_data(deployed), missing=True), debug=ctx.obj)
    rows = deployed.warehouse.rows(statement("run/metric_sample.sql"))
    click.echo("\npublic.user_behavior_metric, ten rows of the newest day that has some:")
    print_table(list(rows[0]) if rows else (), [list(row.values()) for row in rows])
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
