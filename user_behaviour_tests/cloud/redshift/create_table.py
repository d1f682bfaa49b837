"""CREATE TABLE of local tables, and a column more or less: what is Redshift's own is kept, the rest is PostgreSQL's.

DISTSTYLE, DISTKEY, SORTKEY and ENCODE are shown by pg_class_info and svv_redshift_columns; keys are not enforced;
VARCHAR(n) counts bytes. https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_TABLE_NEW.html, …/r_ALTER_TABLE.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from user_behaviour_tests.cloud.redshift import wire
from user_behaviour_tests.cloud.redshift.backend import SYSTEM_SCHEMA
from user_behaviour_tests.cloud.redshift.column_types import column_type
from user_behaviour_tests.cloud.redshift.dialect import BYTES_CONSTRAINT
from user_behaviour_tests.cloud.redshift.errors import SqlError, unsupported
from user_behaviour_tests.cloud.redshift.grammar import Reader, quoted
from user_behaviour_tests.cloud.redshift.lexer import Sql

if TYPE_CHECKING:
    from user_behaviour_tests.cloud.redshift.session import Session

_AFTER_TYPE = ("default", "encode", "distkey", "sortkey", "not", "null", "unique", "primary", "check", ",", ")")
_KEYS = ("primary", "unique", "foreign", "constraint", "check")


@dataclass
class Layout:
    """What a statement said for Redshift alone, and which columns are not null; what it did not say is AUTO."""

    diststyle: str = "AUTO"
    distkey: str = ""
    sortkey: list[str] = field(default_factory=list)
    encodings: dict[str, str] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)


def concerns(sql: Sql) -> bool:
    """Not a temporary table out of a query, which PostgreSQL makes alike: r_CREATE_TABLE_AS.html."""
    is_query = sql.low(1) in ("temp", "temporary") and sql.low(4) == "as"
    is_create = sql.starts("create") and "table" in (sql.low(1), sql.low(2), sql.low(3))
    return (is_create and not is_query) or sql.starts("alter", "table")


def execute(session: Session, sql: Sql) -> Iterator[wire.Message]:
    layout = Layout()
    name, text = (_altered if sql.starts("alter") else _translated)(Reader(sql), layout)
    alone = not session.in_transaction
    if alone:
        session.backend.run("begin")
    failed = False
    for message in session.backend.exchange(text):
        failed = failed or message.kind == b"E"
        yield message
    if not failed:
        session.backend.run(_remembering(name, layout))
    if alone:
        session.backend.run("rollback" if failed else "commit")


def _translated(reader: Reader, layout: Layout) -> tuple[str, str]:
    """The table's name, and the statement for PostgreSQL."""
    reader.expect("create")
    kind = "create temp table" if reader.accept("temp") or reader.accept("temporary") else "create table"
    reader.expect("table")
    if reader.accept("if", "not", "exists"):
        kind += " if not exists"
    schema, table = reader.qualified_name()
    name = f'"{schema}"."{table}"' if schema else f'"{table}"'
    columns: dict[str, str] = {}
    reader.expect("(")
    while True:
        if reader.sql.low(reader.at) in _KEYS:
            _key(reader, layout)
        else:
            column = reader.name()
            columns[column] = _column(reader, layout, column)
        if not reader.accept(","):
            break
    reader.expect(")")
    while reader.token is not None:
        _distribution_or_order(reader, layout)
    items = [f"{text} not null" if column in layout.required else text for column, text in columns.items()]
    return name, f"{kind} {name} ({', '.join(items)})"


def _altered(reader: Reader, layout: Layout) -> tuple[str, str]:
    """One column added, with no key and none that is required, or dropped."""
    reader.expect("alter", "table")
    schema, table = reader.qualified_name()
    name = f'"{schema}"."{table}"' if schema else f'"{table}"'
    if reader.accept("drop", "column"):
        text = f"alter table {name} drop column {quoted(reader.name())}"
    else:
        reader.expect("add", "column")
        column = reader.name()
        text = f"alter table {name} add column {_column(reader, layout, column)}"
        if layout.required or layout.distkey or layout.sortkey:
            raise unsupported("ALTER TABLE ADD COLUMN: no key, and by the stand-in nothing that is not null")
    reader.end()
    return name, text


def _key(reader: Reader, layout: Layout) -> None:
    """A key of the table: the columns of a primary key are not null, and nothing is enforced."""
    if reader.accept("primary", "key"):
        layout.required.update(reader.names())
    elif reader.accept("unique"):
        reader.names()
    else:
        raise unsupported("Check constraints are not supported, nor foreign keys by the stand-in")


def _column(reader: Reader, layout: Layout, name: str) -> str:
    """The definition of a column for PostgreSQL, but for NOT NULL; the length of a text as a check of its bytes."""
    written = reader.text_until(*_AFTER_TYPE)
    try:
        type_ = column_type(written)
    except SqlError as error:
        raise unsupported(f'Column "{name}" has unsupported type "{written}".') from error
    text = f"{quoted(name)} {'bytea' if type_.base == 'varbyte' else type_}"
    if type_.length is not None:
        constraint = quoted(f"{BYTES_CONSTRAINT}{type_.length}_{name}")
        text += f" constraint {constraint} check (octet_length({quoted(name)}) <= {type_.length})"
    while reader.token is not None and reader.token.text not in (",", ")"):
        if reader.accept("default"):
            text += f" default {reader.text_until(*_AFTER_TYPE)}"
        else:
            _attribute(reader, layout, name)
    return text


def _attribute(reader: Reader, layout: Layout, name: str) -> None:
    """NOT NULL is enforced; a key, of which there may be any number, is not."""
    if reader.accept("encode"):
        layout.encodings[name] = reader.name()
    elif reader.accept("distkey"):
        layout.diststyle, layout.distkey = "KEY", name
    elif reader.accept("sortkey"):
        layout.sortkey = [name]
    elif reader.accept("not", "null") or reader.accept("primary", "key"):
        layout.required.add(name)
    elif reader.next_is("check"):
        raise unsupported("Check constraints are not supported")
    elif not (reader.accept("null") or reader.accept("unique")):
        raise reader.error()


def _distribution_or_order(reader: Reader, layout: Layout) -> None:
    if reader.accept("diststyle"):
        layout.diststyle = reader.name().upper()
        if layout.diststyle not in ("EVEN", "KEY", "ALL", "AUTO"):
            raise SqlError(f'syntax error at or near "{layout.diststyle}"', "42601")
    elif reader.accept("distkey"):
        layout.diststyle, (layout.distkey,) = "KEY", reader.names()
    elif reader.accept("compound", "sortkey") or reader.accept("sortkey"):
        layout.sortkey = reader.names()
    else:
        raise reader.error()


def _remembering(name: str, layout: Layout) -> str:
    """Keeps the layout in the client's transaction; of a table that was there before, the old one and new encodings."""
    keys = "array[" + ", ".join(f"'{key}'" for key in layout.sortkey) + "]::text[]"
    return (
        f"insert into {SYSTEM_SCHEMA}.table_attributes select '{name}'::regclass, '{layout.diststyle}', "
        f"'{layout.distkey}', {keys}, '{json.dumps(layout.encodings)}' on conflict (relation) do update set "
        f"encodings = excluded.encodings || {SYSTEM_SCHEMA}.table_attributes.encodings"
    )
