"""`report`: makes the page of a day, and says where it is."""

from __future__ import annotations

import webbrowser
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from user_behaviour.commands.dagster_process import dagster_instance
from user_behaviour.commands.parameters import Day
from user_behaviour.deployments import Deployment, deployment, settings
from user_behaviour.tables.days import DayRange

if TYPE_CHECKING:
    from user_behaviour.lake.lake import Lake


@click.command()
@click.option("--day", type=Day(), metavar="DAY", help="The day; without it the last that is published.")
@click.option("--open", "open_it", is_flag=True, help="Open it in a browser.")
@click.pass_obj
def report(debug: bool, day: date | None, *, open_it: bool) -> None:
    """Make the report of a day, a page that opens without a server, and print its path."""
    deployed = deployment(settings()).initialized()
    path = local_copy(deployed.lake, make(deployed, day, debug=debug))
    click.echo(path)
    if open_it:
        webbrowser.open(path.as_uri())


def make(deployed: Deployment, day: date | None, *, debug: bool) -> date:
    """One run of the report alone; gives the day that it is about."""
    with dagster_instance(deployed) as instance:
        from user_behaviour.assets import REPORTS
        from user_behaviour.commands.runs import materialise_on_demand
        from user_behaviour.partitions import existing_days
        from user_behaviour.report.figures import last_published

        found = last_published(deployed.warehouse, DayRange(day, day) if day else existing_days())
        config = {"daily_report": {"day": str(found)}}
        materialise_on_demand(instance, REPORTS, code_location=deployed.code_location, config=config, debug=debug)
    return found


def last_report(deployed: Deployment, *, debug: bool) -> str:
    """A sentence that leads to the page of the last published day, which is made where there is none yet."""
    from user_behaviour.partitions import existing_days
    from user_behaviour.report.daily_report import report_path
    from user_behaviour.report.figures import last_published

    day = last_published(deployed.warehouse, existing_days())
    if deployed.lake.read(report_path(day)) is None:
        make(deployed, day, debug=debug)
    return f"The report of {day}, a page for any browser: {local_copy(deployed.lake, day)}"


def local_copy(lake: Lake, day: date) -> Path:
    """The page of a day as a file of this machine: where the lake has it, or a copy in the home."""
    from user_behaviour.report.daily_report import report_path

    path = report_path(day)
    if (place := lake.uri(path)).startswith("file://"):
        return Path(place.removeprefix("file://"))
    copy = settings().home / path
    copy.parent.mkdir(parents=True, exist_ok=True)
    with lake.open(path) as page:
        copy.write_bytes(page.read())
    return copy
