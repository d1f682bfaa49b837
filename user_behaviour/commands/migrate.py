"""`migrate`: brings the warehouse's tables to this version, or back to an older one, and says where they differ."""

from collections.abc import Sequence

import click

from user_behaviour.deployments import Deployment, deployment, settings
from user_behaviour.tables.schemas import EXTERNAL_TABLES, LAKE_TABLE_OF


@click.command()
@click.option("--rollback", type=click.IntRange(min=1), metavar="N", help="Take the last N migrations back.")
@click.option("--to", "target", metavar="ID", help="Make this migration the newest one, forwards or backwards.")
@click.option("--check", is_flag=True, help="Only report what is pending and what differs; status 1 if anything does.")
@click.option("--close", is_flag=True, help="Take from all other users what lets each of them write.")
@click.option("--yes", is_flag=True, help="Do not ask before migrations are taken back.")
@click.pass_context
def migrate(
    ctx: click.Context, rollback: int | None, target: str | None, *, check: bool, close: bool, yes: bool
) -> None:
    """Apply the warehouse's pending migrations, define its external tables, give its users their rights."""
    if sum(map(bool, (rollback, target, check, close))) > 1:
        raise click.UsageError("Give one of --rollback, --to, --check and --close.")
    deployed = deployment(settings()).initialized()
    if check:
        ctx.exit(_report(deployed))
    if rollback:
        _confirm(deployed.migrations.last(rollback), yes=yes)
        deployed.migrations.roll_back(rollback, click.echo)
    elif target:
        _confirm(deployed.migrations.newer_than(target), yes=yes)
        deployed.migrations.go_to(target, click.echo)
    else:
        done = deployed.migrations.apply(click.echo)
        _define_external_tables(deployed)
        _give_rights(deployed, close=close)
        known = deployed.migrations.files()
        click.echo(f"The warehouse is up to date: {len(done)} of {len(known)} migrations were new.")


def _report(deployed: Deployment) -> int:
    findings = deployed.drift.findings()
    for finding in findings:
        click.echo(finding)
    if not findings:
        click.echo(f"No drift: {len(deployed.migrations.applied())} migrations, and the tables are what they make.")
    return 1 if findings else 0


def _define_external_tables(deployed: Deployment) -> None:
    for table in EXTERNAL_TABLES:
        if deployed.external_tables.define(table, deployed.lake.dataset(LAKE_TABLE_OF[table.name])):
            click.echo(f"{table.name} is defined.")


def _give_rights(deployed: Deployment, *, close: bool) -> None:
    for user in deployed.users.let_in():
        click.echo(f"{user} has the rights that it needs.")
    if close:
        deployed.users.close_to_others()
        click.echo("Nobody else may make tables in public, or name a role of the warehouse.")


def _confirm(migrations: Sequence[str], *, yes: bool) -> None:
    if migrations and not yes:
        click.confirm(
            f"Take back {', '.join(migrations)}, with the tables that they made and the rows in them?", abort=True
        )
