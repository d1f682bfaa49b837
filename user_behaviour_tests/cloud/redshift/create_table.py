"""CREATE TABLE and ALTER TABLE of local tables: what is Redshift's own is taken out and kept, the rest is PostgreSQL's.

DISTSTYLE, DISTKEY, SORTKEY, ENCODE and BACKUP are shown by pg_table_def and svv_table_info; keys are not enforced;
VARCHAR(n) counts bytes. https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_TABLE_NEW.html, r_ALTER_TABLE.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from user_behaviour_tests.cloud.redshift import alter_table, dialect, table_parts, wire
from user_behaviour_tests.cloud.redshift.backend import SYSTEM_SCHEMA
from user_behaviour_tests.cloud.redshift.errors import unsupported
from user_behaviour_tests.cloud.redshift.grammar import Reader
from user_behaviour_tests.cloud.redshift.lexer import Sql, parse
from user_behaviour_tests.cloud.redshift.table_parts import Attributes

if TYPE_CHECKING:
    from user_behaviour_tests.cloud.redshift.session import Session


def concerns(sql: Sql) -> bool:
    words = [sql.low(at) for at in range(4)]
    return (words[0] == "create" and "table" in words) or words[:2] == ["alter", "table"]


def execute(session: Session, sql: Sql) -> Iterator[wire.Message]:
    dialect.refuse(sql)
    alone = not session.in_transaction
    reader = Reader(sql)
    attributes = Attributes()
    if sql.low(0) == "create":
        name, text = _create(session, reader, attributes)
    else:
        name, text = alter_table.translated(session, reader, attributes)
    if alone:
        session.backend.run("begin")
    failed = False
    for message in session.backend.exchange(text):
        failed = failed or message.kind == b"E"
        yield message
    if not failed:
        session.backend.run(f"select {SYSTEM_SCHEMA}.count_bytes()")
        _remember(session, name, attributes, new=sql.low(0) == "create")
    if alone:
        session.backend.run("rollback" if failed else "commit")


def _create(session: Session, reader: Reader, attributes: Attributes) -> tuple[str, str]:
    """The table's name, and the statement for PostgreSQL."""
    reader.expect("create")
    _ = reader.accept("local")
    kind = "create temp table" if reader.accept("temp") or reader.accept("temporary") else "create table"
    reader.expect("table")
    if reader.accept("if", "not", "exists"):
        kind += " if not exists"
    name = table_parts.name(reader)
    items = _items(reader, attributes) if reader.next_is("(") else []
    _table_attributes(reader, attributes)
    if reader.accept("as"):
        rest = reader.sql.text[reader.sql.tokens[reader.at].start :]
        query = session.readable(parse(rest, conforming=reader.sql.conforming)).text
        return name, f"{kind} {name} as {query}"
    reader.end()
    if not items:
        raise reader.error()
    return name, f"{kind} {name} ({', '.join(items)})"


def _items(reader: Reader, attributes: Attributes) -> list[str]:
    reader.expect("(")
    columns: list[tuple[str, str]] = []
    likes: list[str] = []
    while True:
        if reader.next_is("like"):
            likes.append(reader.text_until(",", ")"))
        elif reader.sql.low(reader.at) in table_parts.KEYS and reader.token is not None and reader.token.kind == "word":
            table_parts.key(reader, attributes)
        elif reader.next_is("check"):
            raise unsupported("Check constraints are not supported")
        else:
            columns.append(table_parts.column(reader, attributes))
        if not reader.accept(","):
            break
    reader.expect(")")
    required = {name: " not null" if name in attributes.required else "" for name, _ in columns}
    return [*(f"{text}{required[name]}" for name, text in columns), *likes]


def _table_attributes(reader: Reader, attributes: Attributes) -> None:
    while reader.token is not None and not reader.next_is("as"):
        if reader.accept("backup"):
            if not reader.accept("yes"):
                reader.expect("no")
        elif reader.accept("encode", "auto"):
            continue
        else:
            table_parts.distribution_or_order(reader, attributes)


def _remember(session: Session, name: str, attributes: Attributes, *, new: bool) -> None:
    """Keeps the attributes in the client's transaction; an ALTER adds to what is known."""
    table = f"{SYSTEM_SCHEMA}.table_attributes"
    keys = "array[" + ", ".join(f"'{key}'" for key in attributes.sortkey) + "]::text[]"
    encodings = json.dumps(attributes.encodings)
    if new:
        session.backend.run(
            f"insert into {table} select to_regclass('{name}'), '{attributes.diststyle}', '{attributes.distkey}', "
            f"{keys}, '{encodings}' where to_regclass('{name}') is not null on conflict do nothing"
        )
        return
    changes = [f"encodings = encodings || '{encodings}'"]
    if attributes.sortkey:
        changes.append(f"sortkey = {keys}")
    if attributes.diststyle != "AUTO":
        changes.append(f"diststyle = '{attributes.diststyle}', distkey = '{attributes.distkey}'")
    session.backend.run(f"update {table} set {', '.join(changes)} where relation = to_regclass('{name}')")
