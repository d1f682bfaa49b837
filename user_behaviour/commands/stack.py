"""`up`, `down` and `status`: the embedded stack; on AWS `status` alone, which says where things are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from user_behaviour.deployments import embedded_stack, settings
from user_behaviour.settings import PREFIX, AwsSettings, SettingError, Settings

if TYPE_CHECKING:
    from user_behaviour.local.stack import Stack, StackStatus


@click.command()
def up() -> None:
    """Start the embedded stack."""
    stack = own_stack()
    was_running = stack.status().running
    stack.up()
    click.echo("The stack was running." if was_running else "The stack is started.")
    click.echo(description(stack.status(), settings().home))


@click.command()
def down() -> None:
    """Stop the embedded stack; all data are kept."""
    stopped = own_stack().down()
    click.echo("The stack is stopped." if stopped else "The stack was not running.")


@click.command()
def status() -> None:
    """Say where things are, with the URL for psql or a BI tool; of the embedded stack also whether it runs."""
    given = settings()
    click.echo(description_of_aws(given, given.aws) if given.aws else description(own_stack().status(), given.home))


def own_stack() -> Stack:
    """The embedded stack; `SettingError` where the deployment has none."""
    if (stack := embedded_stack(settings())) is None:
        raise SettingError(
            f"The {settings().deployment} deployment has no embedded stack and no sample data; this command is for "
            "the local one (USER_BEHAVIOUR_DEPLOYMENT)."
        )
    return stack


def description(found: StackStatus, home: Path) -> str:
    """The stack in a few lines: where it listens, what it holds, where its files are."""
    lines = [("home", str(home))]
    if found.running and found.endpoints:
        lines.append(("PostgreSQL", f"{found.version}, process {found.pid}, 127.0.0.1:{found.port}"))
        lines.append(("to read", f"{found.endpoints.reader}  (for psql or a BI tool: it cannot write)"))
        for name, what in (("shop", "source"), ("warehouse", "warehouse"), ("dagster", "Dagster's storage")):
            size = found.sizes.get(name, 0) / 1e6
            lines.append((what, f"{getattr(found.endpoints, name)}  (the owner's, {size:,.0f} MB)"))
    else:
        state = "not running; start it with `user-behaviour up`" if found.version else "not set up; `user-behaviour up`"
        lines.append(("PostgreSQL", state))
    lines += [_calendar(settings()), ("lake", str(home / "lake")), ("vendor files", str(home / "vendor"))]
    return _aligned(lines)


def description_of_aws(settings: Settings, aws: AwsSettings) -> str:
    """Where the parts of the aws deployment are, by its settings; no password is in it, and nothing is asked."""
    at = f"{aws.redshift_host}:{aws.redshift_port}/{aws.redshift_database}"
    password = f"{PREFIX}REDSHIFT_READER_PASSWORD"
    reader = f"postgresql://{aws.redshift_reader_user}@{at}?sslmode=verify-full  (password: {password})"
    lines = [
        ("home", str(settings.home)),
        ("to read", reader if aws.redshift_reader_password else f"nobody yet; docs/aws.md says how, see {password}"),
        ("warehouse", at),
        _calendar(settings),
        ("lake", str(aws.lake)),
        ("vendor files", str(aws.vendor_drop)),
    ]
    return _aligned(lines)


def _calendar(settings: Settings) -> tuple[str, str]:
    return "partitions", f"{settings.first_day} to {settings.last_day or 'yesterday'}"


def _aligned(lines: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"{label + ':':<19}{value}" for label, value in lines)
