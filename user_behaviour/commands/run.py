"""`run`: materialises days in this process, in few long runs, or in one a day."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import click

from user_behaviour.commands.dagster_process import dagster_instance
from user_behaviour.commands.parameters import Day, day_range, day_range_options
from user_behaviour.commands.published import ASSET_TABLES, missing_days, newest_days_with_data
from user_behaviour.deployments import Deployment, deployment, settings
from user_behaviour.tables.days import DayRange

if TYPE_CHECKING:
    from rich.console import Console

    from user_behaviour.commands.run_report import RunReport

STRAY = timedelta(days=366)


@dataclass(frozen=True)
class RunRequest:
    """What to materialise: of `days`, the assets of the selections; all, or only what is `missing`; how many runs.

    Of the `days`, where any are named, only these `spans`.
    """

    days: DayRange
    select: tuple[str, ...] = ()
    missing: bool = False
    per_day: bool = False
    spans: tuple[DayRange, ...] = ()

    def runs(self, spans: Sequence[DayRange]) -> list[DayRange]:
        """The days of each run, one after the other, that covers the ranges."""
        return [part for span in spans for part in (span.cut(1) if self.per_day else span.cut())]


@click.command()
@day_range_options
@click.option("--day", type=Day(), metavar="DAY", help="One day, instead of a range.")
@click.option("--select", multiple=True, metavar="ASSETS", help="Assets in Dagster's selection syntax; default all.")
@click.option("--per-day", is_flag=True, help="One run a day, one after the other.")
@click.option(
    "--missing", is_flag=True, help="Only days that are not published yet, or made of what was replaced since."
)
@click.pass_context
def run(
    ctx: click.Context,
    first: date | None,
    last: date | None,
    day: date | None,
    select: tuple[str, ...],
    *,
    per_day: bool,
    missing: bool,
) -> None:
    """Materialise days and check them, in this process.

    Without a range: from the first day to the last for which the shop or the vendor has anything.
    A range of more than 400 days is done in several runs, one after the other.
    The exit status is 0 only if every asset is published for every day and no blocking check failed.
    """
    if day and (first or last):
        raise click.UsageError("--day is a range of one day; do not give --from or --to with it.")
    deployed = deployment(settings()).initialized()
    days = days_with_data(deployed, day or first, day or last)
    request = RunRequest(days, select, missing=missing, per_day=per_day)
    ctx.exit(0 if materialise_and_show(deployed, request, debug=ctx.obj) else 1)


def days_with_data(deployed: Deployment, first: date | None = None, last: date | None = None) -> DayRange:
    """The days from `first` to `last`; what is left open is where the data begin or end.

    Not where they end by a slip of the pen, a line of 2099: so far the run goes only if `last` says so.
    """
    first = first or settings().first_day
    if last is None:
        newest, *before = newest_days_with_data(deployed) or [date.min]
        if newest < first:
            raise click.ClickException(
                f"Neither the shop nor the vendor has anything from {first} on; load some (`user-behaviour generate`), "
                "or give --to."
            )
        # A day is a partition when it is over.
        yesterday = datetime.now(UTC).date() - timedelta(days=1)
        expected = min(yesterday, *before, newest)
        if newest - expected > STRAY:
            raise click.UsageError(
                f"The shop or the vendor has something of {newest}, which is more than a year after all else, or to "
                f"come; say how far the run is to go: `user-behaviour run --to {expected}`, or another day."
            )
        last = min(newest, settings().last_day or newest, yesterday)
    return day_range(first, last)


def materialise_and_show(deployed: Deployment, request: RunRequest, *, debug: bool) -> bool:
    """Materialises what is requested and shows the progress; True if every run succeeded."""
    started = time.monotonic()
    reports: Sequence[RunReport] = ()
    # Asked first, since the answer is often that there is nothing to do.
    if not request.missing or request.select or missing_days(deployed, ASSET_TABLES, request.days):
        from user_behaviour.commands.terminal import own_console

        with own_console(alone=not debug) as console:
            reports = _runs(deployed, request, console, debug=debug)
    if not reports:
        click.echo(f"Nothing is missing from {request.days.first} to {request.days.last}.")
        return True
    from user_behaviour.commands.outcome import print_outcome
    from user_behaviour.commands.terminal import console as plain_console

    print_outcome(plain_console(), reports, time.monotonic() - started)
    return all(report.succeeded for report in reports)


def _runs(deployed: Deployment, request: RunRequest, console: Console, *, debug: bool) -> list[RunReport]:
    reports = []
    with dagster_instance(deployed) as instance:
        from user_behaviour.commands.progress import RunProgress
        from user_behaviour.commands.runs import materialise, require_partitions, select
        from user_behaviour.instance.dead_runs import report_abandoned
        from user_behaviour.report.page import counted

        assets = select(request.select)
        require_partitions(request.days)
        names = [name for key in assets if (name := key.to_user_string()) in ASSET_TABLES]
        spans = request.runs(
            missing_days(deployed, names, request.days) if request.missing else request.spans or [request.days]
        )
        if spans and (abandoned := report_abandoned(instance)):
            console.print(f"Unfinished runs of processes that are gone, now marked as failed: {abandoned}.")
        progress = RunProgress(console, by_day=request.per_day)
        with progress.live:
            for number, span in enumerate(spans, 1):
                of = f", run {number} of {len(spans)}" if len(spans) > 1 else ""
                progress.run_begins(f"{span.first} to {span.last}, {counted(len(assets), 'asset')}{of}")
                report = materialise(
                    instance,
                    assets,
                    span,
                    spark=deployed.spark,
                    code_location=deployed.code_location,
                    progress=progress,
                    debug=debug,
                )
                progress.run_ends(span.first, report.assets, report.seconds, succeeded=report.succeeded)
                reports.append(report)
    return reports
