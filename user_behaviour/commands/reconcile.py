"""`reconcile`: holds the lake, the catalog, the warehouse and Dagster against each other, and repairs on request."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

import click

from user_behaviour.commands.dagster_process import dagster_instance
from user_behaviour.commands.parameters import day_range, day_range_options
from user_behaviour.deployments import deployment, settings
from user_behaviour.tables.days import DayRange, ranges
from user_behaviour.tables.schemas import EXTERNAL_TABLES

if TYPE_CHECKING:
    from user_behaviour.reconciliation.comparison import Finding
    from user_behaviour.reconciliation.places import Surroundings

# To record what was registered is found out only after it was; nothing else follows from a repair.
ROUNDS = 3


@click.command()
@day_range_options
@click.option("--repair", is_flag=True, help="Mend what can be mended without a run.")
@click.pass_context
def reconcile(ctx: click.Context, first: date | None, last: date | None, *, repair: bool) -> None:
    """Compare lake, catalog, warehouse and Dagster, day by day.

    Without a range: every day. The exit status is 0 if everything agrees, or does after the repair.
    """
    days = day_range(first or settings().first_day, last or settings().last_day or date.max - timedelta(days=1))
    deployed = deployment(settings()).initialized()
    from user_behaviour.reconciliation.places import Surroundings

    mended: list[Finding] = []
    with dagster_instance(deployed) as instance:
        around = Surroundings(deployed.lake, deployed.external_tables, deployed.warehouse, instance)
        findings = _findings(around, days)
        for _ in range(ROUNDS if repair else 0):
            if not (now := [finding for table in EXTERNAL_TABLES for finding in around.repair(table, findings)]):
                break
            mended += now
            findings = _findings(around, days)
    _show(mended, findings)
    ctx.exit(1 if findings else 0)


def _findings(around: Surroundings, days: DayRange) -> list[Finding]:
    from user_behaviour.reconciliation.comparison import compare

    return [finding for table in EXTERNAL_TABLES for finding in compare(around.places(table, days))]


def _show(mended: Sequence[Finding], left: Sequence[Finding]) -> None:
    from user_behaviour.commands.terminal import print_table

    rows = [(f.day, f.table, f.kind.value, f.says, "mended") for f in mended]
    rows += [(f.day, f.table, f.kind.value, f.says, "--repair" if f.repairable else f.remedy.value) for f in left]
    if rows:
        print_table(("day", "table", "is", "found", "remedy"), sorted(rows))
    click.echo(f"{len(mended)} mended, {len(left)} left." if rows else "Every place says the same of every day.")
    # In this order: a metric that is made again before the repair is made from the same old batch.
    repair = ["user-behaviour reconcile --repair"] if any(f.repairable for f in left) else []
    for command in (*repair, *_reruns(left)):
        click.echo(f"  {command}")


def _reruns(findings: Sequence[Finding]) -> list[str]:
    """The commands that mend what only a run can, each for a range of days."""
    by_selection: dict[str, set[date]] = {}
    for finding in findings:
        if finding.rerun:
            by_selection.setdefault(finding.rerun, set()).add(finding.day)
    return [
        f"user-behaviour run --from {span.first} --to {span.last} --select {selection}"
        for selection, days in sorted(by_selection.items())
        for span in ranges(days)
    ]
