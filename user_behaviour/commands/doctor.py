"""`doctor`: whether everything that a run needs is there, before a run needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from user_behaviour.deployments import deployment, settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from user_behaviour.diagnosis import Diagnosis

_MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("–", "yellow")}


@click.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Check every permission, connection and table that a run needs; status 1 if anything is red."""
    from user_behaviour.doctor.examination import examine
    from user_behaviour.local.errors import StackError
    from user_behaviour.spark.java import JavaNotFound

    reds = _print(examine(deployment(settings()).initialized(), expected=(StackError, JavaNotFound)))
    if reds:
        click.echo(f"\nA run cannot succeed until {reds} {'findings are' if reds > 1 else 'finding is'} fixed.")
        ctx.exit(1)
    click.echo("\nEverything that a run needs is there.")


def _print(sections: Iterable[tuple[str, Iterable[Diagnosis]]]) -> int:
    """Prints what was found, role by role, as it comes; gives the number of red findings."""
    reds = 0
    for role, diagnoses in sections:
        click.secho(role, bold=True)
        for one in diagnoses:
            mark, colour = _MARKS[one.ok]
            click.echo(f"  {click.style(mark, fg=colour)} {one.subject}: {one.found}")
            if one.remedy:
                click.echo(f"      {one.remedy}")
            reds += one.ok is False
    return reds
