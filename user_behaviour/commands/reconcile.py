"""`reconcile`: compares the lake, the catalog, the warehouse and Dagster, and repairs on request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

import click

from user_behaviour.commands.dagster_process import dagster_instance
from user_behaviour.commands.parameters import day_range, day_range_options
from user_behaviour.deployments import deployment, settings
from user_behaviour.tables.days import ranges

if TYPE_CHECKING:
    from user_behaviour.reconciliation.comparison import Difference

# A registration shows only after it was made that Dagster has no record of it; nothing else follows from a repair.
ROUNDS = 3


@click.command()
@day_range_options
@click.option("--repair", is_flag=True, help="Repair what can be repaired without a run.")
@click.pass_context
def reconcile(ctx: click.Context, first: date | None, last: date | None, *, repair: bool) -> None:
    """Compare lake, catalog, warehouse and Dagster, day by day, and sum up by ranges of days.

    Without a range: every day. The exit status is 0 if everything agrees, or does after the repair.
    """
    days = day_range(first or settings().first_day, last or settings().last_day or date.max - timedelta(days=1))
    deployed = deployment(settings()).initialized()
    from user_behaviour.reconciliation.reconciliation import Reconciliation

    repaired: list[Difference] = []
    with dagster_instance(deployed) as instance:
        reconciliation = Reconciliation(deployed.lake, deployed.external_tables, instance, deployed.warehouse)
        left = reconciliation.differences(days)
        for _ in range(ROUNDS if repair else 0):
            if not (now := reconciliation.repair(left)):
                break
            repaired += now
            left = reconciliation.differences(days)
    _show(repaired, left)
    ctx.exit(1 if left else 0)


def summary(differences: Iterable[tuple[Difference, str]]) -> list[tuple[str, int, str, str, str, str]]:
    """A row for each range of days on which a table differs in one way, given each difference with its remedy.

    The range, its number of days, the table, the kind, what was found and the remedy. What was found differently
    from day to day is shown of the first.
    """
    alike: dict[tuple[str, str, str], dict[date, str]] = {}
    for one, remedy in differences:
        found = one.says.replace(str(one.day), "<day>")
        alike.setdefault((one.table, one.kind.value, remedy), {})[one.day] = found
    rows = []
    for (table, kind, remedy), by_day in alike.items():
        for span in ranges(by_day):
            found, days = by_day[span.first], span.days()
            if len(days) == 1:
                shown, found = f"{span.first}", found.replace("<day>", f"{span.first}")
            else:
                shown = f"{span.first} to {span.last}"
                found = found if len({by_day[day] for day in days}) == 1 else f"first: {found}"
            rows.append((shown, len(days), table, kind, found, remedy))
    return sorted(rows)


def _show(repaired: Sequence[Difference], left: Sequence[Difference]) -> None:
    from user_behaviour.commands.terminal import print_table

    rows = summary(
        [(one, "repaired") for one in repaired]
        + [(one, "--repair" if one.repairable else one.remedy.value) for one in left]
    )
    if rows:
        print_table(("days", "number", "table", "is", "found", "remedy"), rows)
    click.echo(f"{len(repaired)} repaired, {len(left)} left." if rows else "Every place says the same of every day.")
    # In this order: a metric that is made again before the repair is made from the same old batch.
    repair = ["user-behaviour reconcile --repair"] if any(f.repairable for f in left) else []
    for command in (*repair, *_reruns(left)):
        click.echo(f"  {command}")


def _reruns(differences: Sequence[Difference]) -> list[str]:
    """The commands that repair what only a run can, each for a range of days."""
    by_selection: dict[str, set[date]] = {}
    for difference in differences:
        if difference.rerun:
            by_selection.setdefault(difference.rerun, set()).add(difference.day)
    return [
        f"user-behaviour run --from {span.first} --to {span.last} --select {selection}"
        for selection, days in sorted(by_selection.items())
        for span in ranges(days)
    ]
