"""Role: the shop's database, read in consistent snapshots. Any PostgreSQL, by URL; nothing is written to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC
from typing import TYPE_CHECKING, Any

from user_behaviour.manifests import timestamp
from user_behaviour.resources.copy_stream import copy_out

if TYPE_CHECKING:
    import psycopg2.extensions
    import pyarrow as pa


class SourceDatabase:
    """Gives snapshots of the shop's database. `url` is asked for at each connection, so that it may move."""

    def __init__(self, url: Callable[[], str]) -> None:
        self._url = url

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """One read-only transaction: all that is read in it is of the same moment."""
        import psycopg2

        connection = psycopg2.connect(self._url(), application_name="user_behaviour", keepalives_idle=30)
        try:
            connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
            with connection.cursor() as cursor:
                cursor.execute("set local timezone to 'UTC'")
                cursor.execute("select statement_timestamp()")
                ((moment,),) = cursor.fetchall()
            yield Snapshot(connection, timestamp(moment.astimezone(UTC)))
        finally:
            connection.close()


class Snapshot:
    """The source database at one moment; `as_of` says which."""

    def __init__(self, connection: psycopg2.extensions.connection, as_of: str) -> None:
        self._connection = connection
        self.as_of = as_of

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of a small query."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall()

    def stream(self, sql: str, parameters: Mapping[str, Any], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows of a query by COPY, as a stream of record batches of the schema."""
        yield from copy_out(self._connection, sql, parameters, schema)
