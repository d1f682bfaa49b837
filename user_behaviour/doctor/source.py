"""Role: the shop's database. The server plans the extraction, and so checks names and privileges; it runs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from user_behaviour.doctor.findings import Finding, Role
from user_behaviour.doctor.queries import in_short, login_refused
from user_behaviour.source.database import Snapshot, SourceDatabase
from user_behaviour.tables.statements import statement

SOURCE = Role("source")
_TABLE = "retail.user_purchase"
_NO_ROWS = dict.fromkeys(("first_moment", "end_moment"), datetime(2010, 12, 1))  # noqa: DTZ001  # UTC without a zone
# One row an index of the table that begins with the date.
_INDEXES = """
select c.relname
from pg_index as i
inner join pg_class as c on c.oid = i.indexrelid
inner join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
where i.indrelid = %(table)s::regclass and a.attname = 'invoice_date' and i.indisvalid
"""


def examine_source(source: SourceDatabase) -> Iterator[Finding]:
    """Whether the purchases can be read, with every column that the extraction wants."""
    import psycopg2

    try:
        with source.snapshot() as snapshot:
            ((user, database),) = snapshot.rows("select current_user, current_database()", {})
            yield SOURCE.good("login", f"{user} on {database}")
            yield (readable := _readable(snapshot, user))
            if readable.ok:
                yield _index(snapshot)
    except psycopg2.OperationalError as error:
        yield login_refused(SOURCE, error, settings="USER_BEHAVIOUR_SOURCE_URL")


def _readable(snapshot: Snapshot, user: str) -> Finding:
    import psycopg2
    from psycopg2 import errors

    try:
        snapshot.rows(f"explain {statement('landing/raw_purchases.sql')}", _NO_ROWS)
    except psycopg2.ProgrammingError as error:
        if isinstance(error, errors.InsufficientPrivilege):
            remedy = f"As the owner: grant usage on schema retail to {user}; grant select on {_TABLE} to {user};"
        else:
            remedy = f"Create {_TABLE} as sql/schema/shop.sql does, as a view if need be, or correct the database."
        return SOURCE.bad(_TABLE, in_short(error), remedy)
    return SOURCE.good(_TABLE, "can be read, with every column that the extraction wants")


def _index(snapshot: Snapshot) -> Finding:
    if found := snapshot.rows(_INDEXES, {"table": _TABLE}):
        return SOURCE.good("index", f"{found[0][0]} serves a range of invoice_date")
    return SOURCE.unknown(
        "index",
        "none on invoice_date: each run reads the whole table",
        f"Better: create index on {_TABLE} (invoice_date);",
    )
