"""`up`, `down`, `status` and `dev`: the embedded stack, and the Dagster UI on it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from user_behaviour.deployments import CHECKOUT, settings
from user_behaviour.local.stack import Stack

if TYPE_CHECKING:
    from user_behaviour.local.stack import StackStatus


@click.command()
def up() -> None:
    """Start the embedded stack."""
    stack = Stack(settings().home)
    was_running = stack.status().running
    stack.up()
    click.echo("The stack was running." if was_running else "The stack is started.")
    click.echo(description(stack.status(), settings().home))


@click.command()
def down() -> None:
    """Stop the embedded stack; all data are kept."""
    stopped = Stack(settings().home).down()
    click.echo("The stack is stopped." if stopped else "The stack was not running.")


@click.command()
def status() -> None:
    """Describe the embedded stack, with the URLs for psql or a BI tool."""
    click.echo(description(Stack(settings().home).status(), settings().home))


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="The port on 127.0.0.1.")
def dev(port: int) -> None:
    """Start the Dagster UI and its daemon on 127.0.0.1, until Ctrl-C."""
    # The runs are processes of their own: beta notices of Dagster and PySpark are for us, and not for who watches.
    environment = {**os.environ, **dagster_environment(), "PYTHONWARNINGS": "ignore"}
    click.echo(f"Dagster at http://127.0.0.1:{port} in some seconds; Ctrl-C ends it, and leaves the stack up.")
    # Dagster takes this process's place, so that signals reach it and nothing is left if it is killed. It copies how
    # it finds SIGINT, and a shell's background jobs find it ignored: they could then only be killed.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    arguments = ["dev", "--host", "127.0.0.1", "--port", str(port), "--workspace", str(CHECKOUT / "workspace.yaml")]
    command = [sys.executable, "-m", "dagster", *arguments]
    sys.stdout.flush()
    os.execve(sys.executable, command, environment)  # noqa: S606


def dagster_environment() -> dict[str, str]:
    """Starts the stack if it is down, and gives the environment in which Dagster uses it."""
    from user_behaviour.local.instance import prepare

    home = settings().home
    return prepare(home / "dagster", dagster_url=Stack(home).up().dagster)


def description(found: StackStatus, home: Path) -> str:
    """The stack in some lines."""
    lines = [("home", str(home))]
    if found.running and found.endpoints:
        lines.append(("PostgreSQL", f"{found.version}, process {found.pid}, 127.0.0.1:{found.port}"))
        for name, what in (("shop", "source"), ("warehouse", "warehouse"), ("dagster", "Dagster's storage")):
            size = found.sizes.get(name, 0) / 1e6
            lines.append((what, f"{getattr(found.endpoints, name)}  ({size:,.0f} MB)"))
    else:
        state = "not running; start it with `user-behaviour up`" if found.version else "not set up; `user-behaviour up`"
        lines.append(("PostgreSQL", state))
    lines += [("lake", str(home / "lake")), ("vendor files", str(home / "vendor"))]
    return "\n".join(f"{label + ':':<19}{value}" for label, value in lines)
