"""ALTER TABLE of local tables, as far as Redshift has it: https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html.

Gives the statement for PostgreSQL; what only Redshift's side is to know goes into the attributes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from user_behaviour_tests.cloud.redshift import table_parts
from user_behaviour_tests.cloud.redshift.column_types import column_type
from user_behaviour_tests.cloud.redshift.errors import SqlError, unsupported
from user_behaviour_tests.cloud.redshift.grammar import Reader
from user_behaviour_tests.cloud.redshift.table_parts import Attributes

if TYPE_CHECKING:
    from user_behaviour_tests.cloud.redshift.session import Session

NO_CHANGE = "set without oids"  # of PostgreSQL's own: for what only Redshift's side is to know


def translated(session: Session, reader: Reader, attributes: Attributes) -> tuple[str, str]:
    reader.expect("alter", "table")
    name = table_parts.name(reader)
    if reader.accept("add", "column") or (
        reader.next_is("add") and reader.sql.low(reader.at + 1) not in table_parts.KEYS
    ):
        _ = reader.accept("add")
        column, text = table_parts.column(reader, attributes)
        reader.end()
        required = " not null" if column in attributes.required else ""
        return name, f"alter table {name} add column {text}{required}"
    if reader.accept("add"):
        table_parts.key(reader, attributes)
        changes = [f'alter column "{column}" set not null' for column in sorted(attributes.required)]
        return name, f"alter table {name} {', '.join(changes) or NO_CHANGE}"
    if reader.accept("alter"):
        return name, _altered(session, reader, attributes, name)
    return name, reader.sql.text


def _altered(session: Session, reader: Reader, attributes: Attributes, name: str) -> str:
    """ALTER COLUMN …, or ALTER DISTKEY, DISTSTYLE, SORTKEY, which PostgreSQL need not know."""
    if not reader.accept("column"):
        table_parts.distribution_or_order(reader, attributes)
        reader.end()
        return f"alter table {name} {NO_CHANGE}"
    if session.in_transaction:
        raise SqlError("ALTER TABLE ALTER COLUMN cannot run inside a transaction block", "25001")
    column = reader.name()
    if reader.accept("encode"):
        attributes.encodings[column] = reader.name()
        return f"alter table {name} {NO_CHANGE}"
    reader.expect("type")
    wanted = column_type(reader.text_until())
    if wanted.base != "character varying":
        raise unsupported(f'ALTER COLUMN TYPE is supported only for VARCHAR columns, not to "{wanted}"')
    return f'alter table {name} alter column "{column}" type {wanted}'
