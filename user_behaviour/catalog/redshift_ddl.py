"""The statements by which Redshift's own catalog of external tables is changed. Pure: values in, statements out.

External DDL takes no bound parameters, so each value is quoted here: names as identifiers, days and places as literals
after a look at what they may hold. Grammar: docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html and
r_CREATE_EXTERNAL_TABLE.html
"""

import re
from collections.abc import Sequence
from datetime import date

from psycopg2 import sql

from user_behaviour.catalog.external_tables import CatalogError, Registration
from user_behaviour.tables.identifiers import quoted
from user_behaviour.tables.table import Column, Table, spelling
from user_behaviour.warehouse.redshift_names import require_identifier, require_uri

_TYPE = re.compile(r"boolean|int|bigint|date|timestamp|varchar\(\d+\)|decimal\(\d+,\d+\)")


def create_table(table: Table, location: str) -> sql.Composed:
    """The external table over Parquet files; there is no IF NOT EXISTS."""
    columns = sql.SQL(", ").join(_column(column) for column in table.columns)
    return sql.SQL(
        "create external table {table} ({columns}) partitioned by ({day} date) stored as parquet location {location}"
    ).format(table=_table(table), columns=columns, day=_name(table.partition_column), location=_place(location))


def add_column(table: Table, column: Column) -> sql.Composed:
    """One more column at the end: one a statement, without constraints."""
    return sql.SQL("alter table {} add column {}").format(_table(table), _column(column))


def add_partitions(table: Table, registrations: Sequence[Registration]) -> sql.Composed:
    """Adds those of the partitions that are not there; one that is stays where it points."""
    parts = [
        sql.SQL("partition ({}) location {}").format(_value(table, r.day), _place(r.location)) for r in registrations
    ]
    return sql.SQL("alter table {} add if not exists {}").format(_table(table), sql.SQL(" ").join(parts))


def set_location(table: Table, registration: Registration) -> sql.Composed:
    """Points a partition that is there at another place."""
    return sql.SQL("alter table {} partition ({}) set location {}").format(
        _table(table), _value(table, registration.day), _place(registration.location)
    )


def drop_partition(table: Table, day: date) -> sql.Composed:
    """Takes a partition out of the catalog; its files stay. There is no IF EXISTS."""
    return sql.SQL("alter table {} drop partition ({})").format(_table(table), _value(table, day))


def _table(table: Table) -> sql.Composable:
    return sql.SQL(".").join(_name(part) for part in table.name.split("."))


def _column(column: Column) -> sql.Composable:
    if not _TYPE.fullmatch(type_ := spelling(column.type)):
        raise CatalogError(f"Column {column.name} is {column.type!r}, which the external tables here do not hold.")
    return sql.SQL("{} {}").format(_name(column.name), sql.SQL(type_))


def _name(name: str) -> sql.Composable:
    return sql.SQL(quoted(require_identifier(name)))


def _value(table: Table, day: date) -> sql.Composable:
    """The partition of a day. As text: psycopg2 writes a date as '…'::date, which the grammar does not have."""
    return sql.SQL("{}={}").format(_name(table.partition_column), _literal(day.isoformat()))


def _place(location: str) -> sql.Composable:
    if not location.endswith("/"):  # else the name of a manifest
        raise CatalogError(f"{location!r} cannot be the location of an external table; write a / at its end.")
    return _literal(require_uri(location))


def _literal(text: str) -> sql.Composable:
    """A text without quote, backslash or line end, which is itself whatever standard_conforming_strings is.

    `sql.Literal` makes it E'…' on Redshift, whose strings are not the standard's.
    """
    return sql.SQL("'{}'").format(sql.SQL(text))
