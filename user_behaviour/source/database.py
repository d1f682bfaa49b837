"""Role: the shop's database, read in consistent snapshots. Any PostgreSQL, by URL; nothing is written to it."""

from abc import abstractmethod
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any

import dagster as dg
import psycopg2
import pyarrow as pa
from psycopg2 import errors

from user_behaviour.diagnosis import Diagnosis, bad, good, in_short, login_refused, unknown, verified
from user_behaviour.lake.held_back import HeldBackError
from user_behaviour.lake.manifests import timestamp
from user_behaviour.source.columns import readings
from user_behaviour.tables.copy_stream import copy_out
from user_behaviour.tables.statements import statement
from user_behaviour.tables.table import Table
from user_behaviour.tables.values import MisfitError


@contextmanager
def values_of(rows: str) -> Iterator[None]:
    """Where a value cannot be read, or computed by the source's own view, what is read is held back.

    `rows` names the table and day of it. The snapshot goes on.
    """
    try:
        yield
    except (MisfitError, psycopg2.DataError) as error:
        found = in_short(error) if isinstance(error, psycopg2.Error) else str(error)
        raise HeldBackError(f"{rows}: {found}; correct it in the source, and run the day again") from error


class SnapshotError(Exception):
    """Something was asked of a snapshot at the wrong moment: while a stream is under way, or after the end."""


class SourceDatabase(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The shop's PostgreSQL, read in consistent snapshots."""

    @abstractmethod
    def dsn(self) -> str:
        """The libpq URL of the database; asked for at each connection, so that it may move."""

    @contextmanager
    def snapshot(self) -> Iterator["Snapshot"]:
        """One read-only transaction: all that is read in it is of the same moment."""
        # UTF-8, since COPY writes in the encoding of the client, which is the database's unless one asks for another.
        connection = psycopg2.connect(
            self.dsn(), application_name="user_behaviour", keepalives_idle=30, client_encoding="UTF8"
        )
        with closing(connection):
            connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
            with connection.cursor() as cursor:
                cursor.execute("set local timezone to 'UTC'")
                cursor.execute("select statement_timestamp()")
                ((moment,),) = cursor.fetchall()
            snapshot = Snapshot(connection, timestamp(moment))
            try:
                yield snapshot
            finally:
                snapshot.end()

    def self_check(self, table: Table | None = None) -> Iterator[Diagnosis]:
        """Has the server plan the extraction, which checks names and privileges and runs nothing.

        The types of the source's columns are compared with those that `table` declares.
        """
        yield from verified(self.dsn(), settings="USER_BEHAVIOUR_SOURCE_URL")
        try:
            with self.snapshot() as snapshot:
                ((user, database),) = snapshot.rows("select current_user, current_database()", {})
                yield good("login", f"{user} on {database}")
                try:
                    snapshot.rows(f"explain {statement('landing/raw_purchases.sql')}", _A_MOMENT)
                except psycopg2.ProgrammingError as error:
                    yield _unreadable(error, user)
                    return
                yield good(PURCHASES, "can be read, with every column that the extraction wants")
                if table:
                    yield from readings(table, dict(snapshot.rows(_TYPES, {"table": PURCHASES})))
                yield _index(snapshot)
        except psycopg2.OperationalError as error:
            yield login_refused(error, settings="USER_BEHAVIOUR_SOURCE_URL")


class Snapshot:
    """The source database at one moment; `as_of` says which."""

    def __init__(self, connection: psycopg2.extensions.connection, as_of: str) -> None:
        self._connection = connection
        self._stream: Generator[pa.RecordBatch] | None = None
        self._ended = False
        self.as_of = as_of

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of a small query."""
        self._require_idle()
        with self._connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall()

    def stream(self, sql: str, parameters: Mapping[str, Any], schema: pa.Schema) -> Generator[pa.RecordBatch]:
        """The rows of a query by COPY, as a stream of record batches of the schema, which names its columns in order.

        One stream at a time.
        """
        self._require_idle()
        self._stream = copy_out(self._connection, sql, parameters, schema)
        try:
            yield from self._stream
        finally:
            self._stream.close()
            self._stream = None
        if self._ended:
            raise SnapshotError("The snapshot ended while a stream of it was read; read the stream to its end in it.")

    def end(self) -> None:
        """Ends the stream that is under way, if there is one: it must not outlive the connection."""
        self._ended = True
        if self._stream:
            self._stream.close()

    def _require_idle(self) -> None:
        # libpq throws away what is left of a COPY when another statement comes: rows would be lost without a word.
        if self._stream:
            raise SnapshotError("A stream of the snapshot is under way; read the stream to its end, or close it.")


PURCHASES = "retail.user_purchase"
_A_MOMENT = dict.fromkeys(("first_moment", "end_moment"), datetime(2010, 12, 1))  # noqa: DTZ001  # UTC without a zone
# One row an index of the table that begins with the date.
_INDEXES = """
select c.relname
from pg_index as i
inner join pg_class as c on c.oid = i.indexrelid
inner join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
where i.indrelid = %(table)s::regclass and a.attname = 'invoice_date' and i.indisvalid
"""
# One row a column: its name, and its type, or what a domain is of.
_TYPES = """
select attname, case typtype when 'd' then format_type(typbasetype, typtypmod) else format_type(atttypid, atttypmod) end
from pg_attribute
inner join pg_type on pg_type.oid = atttypid
where attrelid = %(table)s::regclass and attnum > 0 and not attisdropped
"""


def _unreadable(error: psycopg2.ProgrammingError, user: str) -> Diagnosis:
    if isinstance(error, errors.InsufficientPrivilege):
        remedy = f"As the owner: grant usage on schema retail to {user}; grant select on {PURCHASES} to {user};"
    else:
        remedy = f"Create {PURCHASES} as sql/schema/shop.sql does, as a view if need be, or correct the database."
    return bad(PURCHASES, in_short(error), remedy)


def _index(snapshot: Snapshot) -> Diagnosis:
    if found := snapshot.rows(_INDEXES, {"table": PURCHASES}):
        return good("index", f"{found[0][0]} serves a range of invoice_date")
    return unknown(
        "index",
        "none on invoice_date: each run reads the whole table",
        f"Better: create index on {PURCHASES} (invoice_date);",
    )
