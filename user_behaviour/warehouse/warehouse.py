"""Role: the warehouse, a database of the PostgreSQL family. Transactions are retried whole, never by statement.

The algorithm is in `Warehouse`; a twin says how to connect, how rows go in and out in bulk, and which errors of its own
are transient.
"""

import random
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from time import sleep
from typing import Any, ClassVar, Self, TypeVar

import dagster as dg
import psycopg2
import pyarrow as pa
from psycopg2 import errors
from pydantic import PrivateAttr

from user_behaviour.diagnosis import Diagnosis, bad, halves, login_refused
from user_behaviour.warehouse.privileges import beyond_reading, login, privileges

Result = TypeVar("Result")

ATTEMPTS = 5
# What libpq says, without an error code, of a connection that could not be made or did not last.
LOST = (
    "ssl syscall error",
    "closed the connection unexpectedly",
    "ssl connection has been closed unexpectedly",
    "could not receive data",
    "could not send data",
    "connection timed out",
    "timeout expired",
    "connection refused",
    "connection reset",
    "connection already closed",
    "terminating connection",
)


class NoReaderError(Exception):
    """There is no user of the warehouse who can only read."""


class WarehouseDataError(Exception):
    """The data, and not the statement, made the warehouse fail; trying again would end alike."""


class Warehouse(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The database that analysts read, and that several runs may write to at once."""

    login_settings: ClassVar[Mapping[str, str]] = {"settings": "the URL of the warehouse"}
    """The settings that say how to log in, for the message of a refused login."""

    _label: str = PrivateAttr(default="")

    @property
    def label(self) -> str:
        """The asset and run that its sessions work for; empty where there are none."""
        return self._label

    def labelled(self, label: str) -> Self:
        """The same warehouse, with that label."""
        labelled = self.model_copy()
        labelled._label = label
        return labelled

    @abstractmethod
    def connect(self) -> psycopg2.extensions.connection:
        """A new connection, with no transaction begun on it."""

    def reader(self) -> "Warehouse":
        """The same warehouse for somebody's own queries: by a user who can only read. Raises `NoReaderError`."""
        raise NoReaderError(f"{type(self).__name__} has no user who can only read; ask by a client of its own.")

    @abstractmethod
    def load(self, cursor: psycopg2.extensions.cursor, table: str, batches: Iterable[pa.RecordBatch]) -> int:
        """Appends rows to a table inside the cursor's transaction; gives their number. Columns go by name."""

    @abstractmethod
    def unload(
        self, sql: str, parameters: Mapping[str, Any], schema: pa.Schema, *, expected: int | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The rows of a query as a stream. Its columns are those of the schema, in its order, whatever their names.

        `expected` is the number of rows, by which a twin may choose their way; unknown counts as many.
        """

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The rows of a query, by column name; whatever else it does is rolled back.

        In an ordinary transaction: Redshift refuses to read an external table first in a read-only one.
        """

        def read() -> list[dict[str, Any]]:
            with self.session() as connection, connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                return fetch(cursor)

        return self.retried(read)

    def transaction(self, work: Callable[[psycopg2.extensions.cursor], Result]) -> Result:
        """Runs the work in one transaction and commits it; on a conflict again from the start, on a new connection.

        A connection that is lost at the commit leaves open whether it was carried out: the work must be one that may
        be done twice, as the replacement of a range of days is.
        """

        def attempt() -> Result:
            with self.session() as connection:
                with connection.cursor() as cursor:
                    result = work(cursor)
                connection.commit()
                return result

        return self.retried(attempt)

    def self_check(self, needed: Mapping[str, Sequence[str]]) -> Iterator[Diagnosis]:
        """The login first, then whether its user may do on each table what `needed` says.

        Not by `rows`, which would retry a failure that is the very answer.
        """
        try:
            connection = self.connect()
        except psycopg2.OperationalError as error:
            yield login_refused(error, **self.login_settings)
            return
        with closing(connection):
            connection.autocommit = True
            yield login(connection)
            yield from self.server_check(connection)
            yield from privileges(connection, needed)

    def reader_check(self, published: Sequence[str]) -> Iterator[Diagnosis]:
        """Whether the reader may read what is published, and nothing more."""
        try:
            reader = self.reader()
            connection = reader.connect()
        except NoReaderError as error:
            yield bad("login", *halves(str(error)))
            return
        except psycopg2.OperationalError as error:
            yield login_refused(error, **reader.login_settings)
            return
        with closing(connection):
            connection.autocommit = True
            yield login(connection)
            yield from privileges(connection, dict.fromkeys(published, ("select",)))
            yield beyond_reading(connection, also=reader.may_unload(connection))

    def may_unload(self, connection: psycopg2.extensions.connection) -> Sequence[str]:  # noqa: ARG002 (for twins to use)
        """What the session's user may write elsewhere than to tables, in words."""
        return ()

    @abstractmethod
    def server_check(self, connection: psycopg2.extensions.connection) -> Iterator[Diagnosis]:
        """What the twin knows to ask of its server."""

    def retried(self, attempt: Callable[[], Result]) -> Result:
        """Calls `attempt`, at most `ATTEMPTS` times, for as long as it fails with a transient error."""
        number = 1
        while True:
            try:
                return attempt()
            except psycopg2.Error as error:
                if number == ATTEMPTS or not self.is_transient(error):
                    raise
                # Jitter, so that two runs that met do not meet again.
                sleep(random.uniform(0.5, 1.5) * 0.2 * 2**number)  # noqa: S311
                number += 1

    @contextmanager
    def session(self) -> Iterator[psycopg2.extensions.connection]:
        """A connection that is closed at the end; what was not committed is undone."""
        with closing(self.connect()) as connection:
            yield connection

    def is_transient(self, error: psycopg2.Error) -> bool:
        """Whether the same may succeed if all of it is tried again: a conflict, or a lost connection."""
        if error.pgcode is None:
            return any(text in str(error).lower() for text in LOST)
        return isinstance(error, (errors.SerializationFailure, errors.DeadlockDetected, errors.AdminShutdown))

    def is_of_the_values(self, error: Exception) -> bool:
        """Whether values made it fail, and not the statement or the server: other days may succeed."""
        return isinstance(error, (WarehouseDataError, psycopg2.DataError, psycopg2.IntegrityError))


def fetch(cursor: psycopg2.extensions.cursor) -> list[dict[str, Any]]:
    """The rows of the statement just executed, by column name."""
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
