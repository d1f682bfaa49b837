"""`export`: rows of a table that people read, as a CSV or Parquet file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from user_behaviour.commands.parameters import Day, day_range
from user_behaviour.deployments import deployment, settings
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.identifiers import listed, qualified, quoted
from user_behaviour.tables.marts import READABLE_TABLES
from user_behaviour.tables.table import Table

if TYPE_CHECKING:
    import pyarrow as pa

STANDARD_OUTPUT = "-"


class ReadableTable(click.ParamType):  # type: ignore[type-arg]  # generic only since click 8.3
    """A table or view of the warehouse, by its name; its schema may be left out."""

    name = "table"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Table:
        if isinstance(value, Table):
            return value
        found = [table for table in READABLE_TABLES if value in (table.name, table.name.partition(".")[2])]
        if not found:
            names = ", ".join(table.name for table in READABLE_TABLES)
            raise click.BadParameter(f"{value!r} is no table of the warehouse; choose one of: {names}.", ctx, param)
        return found[0]


@click.command()
@click.argument("table", type=ReadableTable())
@click.option("--from", "first", type=Day(), metavar="DAY", help="The first day; default: where the rows begin.")
@click.option("--to", "last", type=Day(), metavar="DAY", help="The last day; default: where the rows end.")
@click.option("--format", "form", type=click.Choice(["csv", "parquet"]), help="Default: that of FILE, else csv.")
@click.option(
    "--output", metavar="FILE", help="Default: TABLE.csv or TABLE.parquet in this directory; - is standard output."
)
def export(table: Table, first: date | None, last: date | None, form: str | None, output: str | None) -> None:
    """Write the rows of a table or view to a file, in the order of their days.

    Of a table by months: those in which the days lie. A file that is there is replaced when the last row is written.
    """
    if (first or last) and not table.partition_column:
        raise click.UsageError(f"{table.name} has no days; leave out --from and --to.")
    span = day_range(first or date.min, last or date.max.replace(day=30))
    schema = replace(table, columns=table.stored_columns).arrow_schema()
    found = _rows(table, schema, span)
    form = form or ("parquet" if (output or "").endswith(".parquet") else "csv")
    path = output or f"{table.name}.{form}"
    with _target(path) as target:
        rows = _written(found, schema, target, form)
    if path != STANDARD_OUTPUT:
        click.echo(f"{rows:,} rows of {table.name} in {path}")


def _rows(table: Table, schema: pa.Schema, span: DayRange) -> Iterator[pa.RecordBatch]:
    # Not as the user who can only read: on Redshift a large result leaves by UNLOAD, which that user may not use.
    warehouse = deployment(settings()).initialized().warehouse.labelled(f"export {table.name}")
    sql = f"select {listed(*schema.names)} from {qualified(table.name)}"
    order = [*table.key] or [*table.column_names]
    if day := table.partition_column:
        # A month begins before its days do.
        begin = "date_trunc('month', cast(%(first_day)s as date))" if day == "month" else "%(first_day)s"
        sql += f" where {quoted(day)} >= {begin} and {quoted(day)} < %(end_day)s"
        order = [day, *order]
    return warehouse.unload(f"{sql} order by {listed(*order)}", span.parameters(), schema)


def _written(rows: Iterator[pa.RecordBatch], schema: pa.Schema, target: IO[bytes], form: str) -> int:
    import pyarrow.csv
    import pyarrow.parquet as pq

    count = 0
    with pyarrow.csv.CSVWriter(target, schema) if form == "csv" else pq.ParquetWriter(target, schema) as writer:
        for batch in rows:
            writer.write_batch(batch)
            count += batch.num_rows
    return count


@contextmanager
def _target(path: str) -> Iterator[IO[bytes]]:
    """Standard output, a pipe, or a file that takes the place of another when it is whole."""
    if path == STANDARD_OUTPUT:
        if sys.stdout is None:
            raise click.UsageError("Standard output is closed; name a file with --output.")
        yield sys.stdout.buffer
        return
    if not Path(path).absolute().parent.is_dir():
        raise click.UsageError(f"There is no directory for {path}; make it, or name another file with --output.")
    if Path(path).is_dir():
        raise click.UsageError(f"{path} is a directory; name a file with --output.")
    if Path(path).is_symlink() or (Path(path).exists() and not Path(path).is_file()):
        with open(path, "wb") as target:  # a pipe or device, as /dev/stdout, must not be replaced
            yield target
        return
    part = Path(f"{path}.part")
    try:
        with part.open("wb") as target:
            yield target
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
