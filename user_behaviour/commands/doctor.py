"""`doctor`: whether everything that a run needs is there, before a run needs it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import click

from user_behaviour.deployments import deployment, settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from user_behaviour.doctor.findings import Finding

_MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("–", "yellow")}


@click.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Look at every permission, connection and table that a run needs; status 1 if anything is red."""
    from user_behaviour.doctor import examine
    from user_behaviour.local.java import JavaNotFound
    from user_behaviour.local.stack import StackError

    reds = _print(examine(deployment(settings()).initialized(), expected=(StackError, JavaNotFound, OSError)))
    if reds:
        click.echo(f"\nA run cannot go well before {reds} {'things are' if reds > 1 else 'thing is'} mended.")
        ctx.exit(1)
    click.echo("\nNothing stands in the way of a run.")


def _print(findings: Iterable[Finding]) -> int:
    """Prints the findings as they come, grouped by role; gives the number of red ones."""
    reds = 0
    for role, group in groupby(findings, lambda finding: finding.role):
        click.secho(role, bold=True)
        for finding in group:
            mark, colour = _MARKS[finding.ok]
            click.echo(f"  {click.style(mark, fg=colour)} {finding.subject}: {finding.found}")
            if finding.remedy:
                click.echo(f"      {finding.remedy}")
            reds += finding.ok is False
    return reds
