"""`approve`: somebody's word for a delivery that would empty a day or shrink it, and which deliveries wait for one."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from user_behaviour.deployments import deployment, settings
from user_behaviour.tables.days import ranges
from user_behaviour.tables.schemas import LAKE_TABLES

if TYPE_CHECKING:
    from user_behaviour.lake.approvals import Approvals
    from user_behaviour.lake.manifests import Rejection


@click.command()
@click.argument("deliveries", nargs=-1, metavar="[DELIVERY…]")
@click.option("--why", default="", metavar="TEXT", help="How it is known to be right; kept with the approval.")
@click.option("--by", metavar="NAME", help="Who says so; default: the user of this machine.")
def approve(deliveries: tuple[str, ...], why: str, by: str | None) -> None:
    """Let in deliveries that would empty a day, or leave under a tenth of its rows; without any, list those that wait.

    A DELIVERY is named as in the message that holds it back: raw_reviews/2010-12-05/3fa9c1d2b0e4. The beginning of
    that, as raw_reviews/2010-12-05, stands for all that wait there.
    """
    from user_behaviour.lake.approvals import Approvals

    lake = deployment(settings()).initialized().lake
    approvals = {table.name: Approvals(lake.dataset(table)) for table in LAKE_TABLES}
    waiting = {name: one for each in approvals.values() for name, one in each.waiting().items()}
    if not deliveries:
        _list(waiting)
        return
    if not why.strip():
        raise click.UsageError("Say how it is known to be right: --why TEXT; it is kept with the approval.")
    _approve({name: waiting[name] for asked in deliveries for name in _named(asked, waiting)}, approvals, why, by=by)


def _list(waiting: Mapping[str, Rejection]) -> None:
    for name, rejection in waiting.items():
        click.echo(f"{name}: {'; '.join(rejection.reasons).partition('; if ')[0]}")
    if not waiting:
        click.echo("No delivery waits for an approval.")


def _named(asked: str, waiting: Mapping[str, Rejection]) -> list[str]:
    found = [name for name in waiting if f"{name}/".startswith(f"{asked.rstrip('/')}/")]
    if not found:
        raise click.UsageError(
            f"{asked} does not wait for an approval; without arguments the command lists those that do. Run the day "
            "again where its delivery is another by now, or is approved."
        )
    return found


def _approve(chosen: Mapping[str, Rejection], approvals: Mapping[str, Approvals], why: str, *, by: str | None) -> None:
    for rejection in chosen.values():
        approvals[rejection.dataset].approve(rejection, by=by or user_name(), why=why.strip())
    _list(chosen)
    click.echo(f"{len(chosen)} approved. To let them in:")
    for span in ranges(rejection.day for rejection in chosen.values()):
        click.echo(f"  user-behaviour run --from {span.first} --to {span.last}")


def user_name() -> str:
    """The user of this machine."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # of a user that has no name, as in a container
        return f"user {os.getuid()}"
