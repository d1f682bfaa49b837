"""Role: the warehouse, a database of the PostgreSQL family. Transactions are retried whole, never by statement.

The algorithm is in `Warehouse`; a twin says how to connect, how to load rows in bulk and which errors are conflicts.
"""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import psycopg2
    import psycopg2.extensions
    import pyarrow as pa

Result = TypeVar("Result")

ATTEMPTS = 5


class Warehouse(ABC):
    """A database that several runs may write to at once."""

    @abstractmethod
    def connect(self) -> psycopg2.extensions.connection:
        """A new connection, with nothing done on it."""

    @abstractmethod
    def is_conflict(self, error: psycopg2.Error) -> bool:
        """Whether the whole transaction may succeed if it is tried again: a conflict, or a lost connection."""

    @abstractmethod
    def load(self, cursor: psycopg2.extensions.cursor, table: str, batches: Iterable[pa.RecordBatch]) -> int:
        """Appends rows to a table inside the cursor's transaction; gives their number. Columns go by name."""

    @abstractmethod
    def unload(self, sql: str, parameters: Mapping[str, Any], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows of a query as a stream in the schema."""

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The rows of a query in a read-only transaction, by column name."""
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            connection.set_session(readonly=True)
            cursor.execute(sql, parameters)
            return fetch(cursor)

    def transaction(self, work: Callable[[psycopg2.extensions.cursor], Result]) -> Result:
        """Runs the work in one transaction and commits it; on a conflict again from the start, on a new connection."""
        import psycopg2

        attempt = 1
        while True:
            try:
                with self._begun() as cursor:
                    return work(cursor)
            except psycopg2.Error as error:
                if attempt == ATTEMPTS or not self.is_conflict(error):
                    raise
                # Jitter, so that two runs that met do not meet again.
                time.sleep(random.uniform(0.5, 1.5) * 0.2 * 2**attempt)  # noqa: S311
                attempt += 1

    @contextmanager
    def _begun(self) -> Iterator[psycopg2.extensions.cursor]:
        with closing(self.connect()) as connection:
            with connection.cursor() as cursor:
                yield cursor
            connection.commit()


class PostgresWarehouse(Warehouse):
    """The warehouse on PostgreSQL. `url` is asked for at each connection, so that it may move."""

    def __init__(self, url: Callable[[], str]) -> None:
        self._url = url

    def connect(self) -> psycopg2.extensions.connection:
        import psycopg2

        return psycopg2.connect(
            self._url(),
            application_name="user_behaviour",
            # One view of the data for a whole transaction, as on Redshift: what is audited is what was summed.
            options=r"-c timezone=UTC -c default_transaction_isolation=repeatable\ read",
            keepalives_idle=30,
            client_encoding="UTF8",  # of the rows that COPY brings in and out
        )

    def is_conflict(self, error: psycopg2.Error) -> bool:
        from psycopg2 import errors

        return isinstance(error, (errors.SerializationFailure, errors.DeadlockDetected, errors.AdminShutdown)) or (
            error.pgcode is None and "closed the connection unexpectedly" in str(error)
        )

    def load(self, cursor: psycopg2.extensions.cursor, table: str, batches: Iterable[pa.RecordBatch]) -> int:
        import psycopg2

        from user_behaviour.resources.copy_stream import CopySource

        source = CopySource(batches)
        if (columns := source.columns) is None:
            return 0
        names = ", ".join(f'"{name}"' for name in columns)
        try:
            cursor.copy_expert(f"copy {table} ({names}) from stdin (format csv)", source, size=1 << 20)
        except psycopg2.Error as error:
            if source.error:
                raise source.error from error
            raise
        return source.rows

    def unload(self, sql: str, parameters: Mapping[str, Any], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        from user_behaviour.resources.copy_stream import copy_out

        with closing(self.connect()) as connection:
            connection.set_session(readonly=True)
            yield from copy_out(connection, sql, parameters, schema)


def fetch(cursor: psycopg2.extensions.cursor) -> list[dict[str, Any]]:
    """The rows of the statement just executed, by column name."""
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
