"""Role: the shop's database, read in consistent snapshots. Any PostgreSQL, by URL; nothing is written to it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC
from typing import TYPE_CHECKING, Any

import dagster as dg
import psycopg2
import psycopg2.extensions

from user_behaviour.lake.manifests import timestamp
from user_behaviour.tables.copy_stream import copy_out

if TYPE_CHECKING:
    import pyarrow as pa


class SnapshotError(Exception):
    """Something was asked of a snapshot at the wrong moment: while a stream is under way, or after the end."""


class SourceDatabase(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The shop's PostgreSQL, read in consistent snapshots."""

    @abstractmethod
    def dsn(self) -> str:
        """The libpq URL of the database; asked for at each connection, so that it may move."""

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """One read-only transaction: all that is read in it is of the same moment."""
        # UTF-8, since COPY writes in the encoding of the client, which is the database's unless one asks for another.
        connection = psycopg2.connect(
            self.dsn(), application_name="user_behaviour", keepalives_idle=30, client_encoding="UTF8"
        )
        try:
            connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
            with connection.cursor() as cursor:
                cursor.execute("set local timezone to 'UTC'")
                cursor.execute("select statement_timestamp()")
                ((moment,),) = cursor.fetchall()
            snapshot = Snapshot(connection, timestamp(moment.astimezone(UTC)))
            try:
                yield snapshot
            finally:
                snapshot.end()
        finally:
            connection.close()


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
        """The rows of a query by COPY, as a stream of record batches of the schema; one stream at a time."""
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
