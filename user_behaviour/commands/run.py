"""`run`: materialises days in this process, in one run, in one a day, or in as many as have gaps between them."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import click

from user_behaviour.commands.parameters import Day, day_range, day_range_options
from user_behaviour.deployments import deployment, settings
from user_behaviour.tables.days import DayRange

if TYPE_CHECKING:
    import dagster as dg
    from rich.console import Console

    from user_behaviour.commands.run_report import RunReport
    from user_behaviour.commands.runs import Selection


@dataclass(frozen=True)
class Order:
    """What to materialise: of `days`, the assets of the selections; all, or only what is `missing`; how many runs."""

    days: DayRange
    select: tuple[str, ...] = ()
    missing: bool = False
    per_day: bool = False


@click.command()
@day_range_options
@click.option("--day", type=Day(), metavar="DAY", help="One day, instead of a range.")
@click.option("--select", multiple=True, metavar="ASSETS", help="Assets in Dagster's selection syntax; default all.")
@click.option("--per-day", is_flag=True, help="One run a day, one after the other.")
@click.option("--missing", is_flag=True, help="Only the days that are not published yet.")
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
    The exit status is 0 only if every asset is published for every day and no blocking check failed.
    """
    if day and (first or last):
        raise click.UsageError("--day stands for a range of one day; leave --from and --to away.")
    order = Order(all_days(day or first, day or last), select, missing=missing, per_day=per_day)
    ctx.exit(0 if carry_out(order, debug=ctx.obj) else 1)


def all_days(first: date | None = None, last: date | None = None) -> DayRange:
    """The days asked for; what is left open is where the data begin or end."""
    first = first or settings().first_day
    return day_range(first, last or _last_day(first))


def _last_day(first: date) -> date:
    from user_behaviour.commands.published import last_day_with_data
    from user_behaviour.commands.run_error import RunError

    newest = last_day_with_data(deployment(settings()).initialized())
    if newest is None or newest < first:
        raise RunError(
            f"Neither the shop nor the vendor has anything from {first} on; load some (`user-behaviour generate`), "
            "or say --to."
        )
    # A day is a partition when it is over.
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    return min(newest, settings().last_day or newest, yesterday)


def carry_out(order: Order, *, debug: bool) -> bool:
    """Does it and shows it; True if all is well."""
    started = time.monotonic()
    if order.missing and not order.select:
        # Asked before Dagster is imported, since the answer is often that there is nothing to do.
        from user_behaviour.commands.published import ASSET_TABLES, missing

        if not missing(deployment(settings()).initialized(), ASSET_TABLES, order.days):
            click.echo(f"Nothing is missing from {order.days.first} to {order.days.last}.")
            return True
    os.environ.update(deployment(settings()).dagster_environment())
    from user_behaviour.commands.progress import print_outcome
    from user_behaviour.commands.terminal import console, own_console

    with own_console(alone=not debug) as terminal:
        reports = _runs(order, terminal, debug=debug)
    if not reports:
        click.echo(f"Nothing is missing from {order.days.first} to {order.days.last}.")
        return True
    print_outcome(console(), reports, time.monotonic() - started, debug=debug)
    return all(report.succeeded for report in reports)


def _runs(order: Order, terminal: Console, *, debug: bool) -> list[RunReport]:
    from user_behaviour.commands.progress import RunProgress
    from user_behaviour.commands.runs import materialise, require_partitions, select
    from user_behaviour.instance.instance import process_tag, report_abandoned

    selection = select(order.select)
    require_partitions(order.days)
    spans = _spans(order, selection)
    reports = []
    with _instance() as instance, RunProgress(terminal, by_day=order.per_day) as progress:
        if abandoned := report_abandoned(instance):
            terminal.print(f"Unfinished runs of processes that are gone, now marked as failed: {abandoned}.")
        for number, span in enumerate(spans, 1):
            count = len(span.days())
            of = f", run {number} of {len(spans)}" if len(spans) > 1 else ""
            progress.run_begins(f"{span.first} to {span.last}, {len(selection.keys)} assets{of}", count)
            report = materialise(instance, selection, span, tags=process_tag(), watcher=progress, quiet=not debug)
            progress.run_ends(report)
            reports.append(report)
    return reports


def _spans(order: Order, selection: Selection) -> Sequence[DayRange]:
    """The range of days of each run."""
    from user_behaviour.commands.published import missing

    spans = (
        missing(deployment(settings()).initialized(), selection.names, order.days) if order.missing else [order.days]
    )
    return [DayRange(day, day) for span in spans for day in span.days()] if order.per_day else spans


@contextmanager
def _instance() -> Iterator[dg.DagsterInstance]:
    """Dagster's instance, for as long as it is entered.

    One process at a time gets this far: on a new home this makes Dagster's tables, and of two that do so at once one
    fails.
    """
    import dagster as dg

    with open(settings().home / "dagster" / "start.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        instance = dg.DagsterInstance.get()
    with instance:
        yield instance


@contextmanager
def dagster_instance() -> Iterator[dg.DagsterInstance]:
    """Dagster's instance, for a command that runs nothing; its environment becomes this process's."""
    os.environ.update(deployment(settings()).dagster_environment())
    with _instance() as instance:
        yield instance
