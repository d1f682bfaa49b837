"""`query` and `explain`: what the warehouse says, and why."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TextIO

import click

from user_behaviour.commands.as_of import TABLE, Moment, go_back, meaning_the_session
from user_behaviour.commands.parameters import Day
from user_behaviour.deployments import deployment, settings

if TYPE_CHECKING:
    from user_behaviour.warehouse.warehouse import Warehouse


@click.command()
@click.argument("sql", required=False)
@click.option("--file", type=click.File(encoding="utf-8"), help="Read the query from a file; - is standard input.")
@click.option("--csv", "as_csv", is_flag=True, help="CSV with a header, instead of a table.")
@click.option("--as-of", type=Moment(), metavar="MOMENT", help="The metric as it was published then, UTC.")
@click.pass_context
def query(ctx: click.Context, sql: str | None, file: TextIO | None, as_of: datetime | None, *, as_csv: bool) -> None:
    """Run a query on the warehouse, as a user who can only read; one that writes is refused.

    With --as-of 2011-12-09, or 2011-12-09T14:30, the table of the metric has the figures that were published at that
    moment; all else, views over it too, is as it is now. What was superseded is kept as long as superseded batches of
    the lake (30 days after the purge is switched on).
    """
    if (sql is None) == (file is None):
        raise click.UsageError("Give the query, or a file that holds it with --file; one of the two.")
    sql = file.read() if file else sql or ""
    import psycopg2

    from user_behaviour.commands.terminal import print_table

    deployed = deployment(settings()).initialized()
    try:
        columns, rows = answer(deployed.warehouse.reader(), sql, as_of)
    except psycopg2.Error as error:
        if ctx.obj:
            raise
        # A home of version 0.2.0 has no such user until it is brought up again.
        is_old = settings().deployment == "local" and "user_behaviour_reader" in str(error)
        advice = "\nCall `user-behaviour up` once." if is_old else ""
        raise click.ClickException((error.diag.message_primary or str(error).strip()) + advice) from error
    if as_of and TABLE not in sql.lower():
        click.echo(f"As it is now: --as-of goes back in {TABLE} alone, which this query does not name.", err=True)
    if as_csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows([columns, *rows])
    else:
        print_table(columns, rows)
        click.echo(f"{len(rows):,} rows" if len(rows) != 1 else "1 row")


@click.command()
@click.option("--customer", type=int, required=True, metavar="NUMBER", help="The customer's number.")
@click.option("--day", type=Day(), required=True, metavar="DAY", help="The day.")
def explain(customer: int, day: date) -> None:
    """Trace a row of the metric to what it was made from, or say why there is none."""
    from user_behaviour.commands.explanation import explanation
    from user_behaviour.commands.explanation_text import print_explanation

    deployed = deployment(settings()).initialized()
    print_explanation(explanation(deployed, customer, day))


def answer(
    warehouse: Warehouse, sql: str, as_of: datetime | None = None
) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
    """The names of the columns and the rows; of a warehouse whose user has no right to write anything."""
    with warehouse.session() as connection, connection.cursor() as cursor:
        if as_of:
            go_back(connection, as_of)
            sql = meaning_the_session(sql)
        cursor.execute(sql)
        if cursor.description is None:
            return (), ()
        return [column.name for column in cursor.description], cursor.fetchall()
