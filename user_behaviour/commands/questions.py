"""`query` and `explain`: what the warehouse says, and why."""

from __future__ import annotations

import csv
import sys
from datetime import date

import click

from user_behaviour.commands.parameters import Day
from user_behaviour.deployments import deployment, settings


@click.command()
@click.argument("sql")
@click.option("--csv", "as_csv", is_flag=True, help="CSV with a header, instead of a table.")
def query(sql: str, *, as_csv: bool) -> None:
    """Run a query that reads on the warehouse."""
    import psycopg2

    from user_behaviour.commands.queries import ask
    from user_behaviour.commands.tabular import print_table

    try:
        answer = ask(deployment(settings()).initialized().warehouse, sql)
    except psycopg2.Error as error:
        if click.get_current_context().obj:
            raise
        raise click.ClickException(error.diag.message_primary or str(error).strip()) from error
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(answer.columns)
        writer.writerows(answer.rows)
    else:
        print_table(answer.columns, answer.rows)
        click.echo(f"{len(answer.rows):,} rows" if len(answer.rows) != 1 else "1 row")


@click.command()
@click.option("--customer", type=int, required=True, metavar="NUMBER", help="The customer's number.")
@click.option("--day", type=Day(), required=True, metavar="DAY", help="The day.")
def explain(customer: int, day: date) -> None:
    """Trace a row of the metric to what it was made from, or say why there is none."""
    from user_behaviour.commands.explanation import explain as trace
    from user_behaviour.commands.explanation_text import print_explanation

    print_explanation(trace(deployment(settings()).initialized(), customer, day))
