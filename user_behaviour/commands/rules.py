"""`rules`: the business rules in force, and who put them there."""

from __future__ import annotations

import click

from user_behaviour.deployments import deployment, settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As a file that `plan --rules FILE` takes.")
def rules(*, as_json: bool) -> None:
    """List the quantity rules in force, with when, by whom, why and by which plan each was recorded.

    A purchase line counts if its quantity is above that of the rule of its day. To change one: `plan`, then `apply`.
    """
    from user_behaviour.rules import RuleFile

    found = RuleFile(deployment(settings()).initialized().lake).read()
    if as_json:
        click.echo(found.to_json())
        return
    for rule in found.rules:
        click.echo(f"{rule.name}  {rule.recorded or 'built in'}")
