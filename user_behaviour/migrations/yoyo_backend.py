"""yoyo's backend on the warehouse of the role: its connection, its lock, its tables, in statements Redshift knows too.

Imports yoyo and psycopg2, so it is itself imported late, by `migrations`. The ledger's tables are in the schema `audit`
under the names that yoyo gives them, so that its own command can read them.
"""

from __future__ import annotations

import platform
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import psycopg2.extensions
from yoyo.backends.contrib.redshift import RedshiftBackend
from yoyo.migrations import Migration, default_migration_table

from user_behaviour.migrations.migrations import digest, without_comments

if TYPE_CHECKING:
    from user_behaviour.warehouse.warehouse import Warehouse

SCHEMA = "audit"
LOCK_MINUTES = 10
_LOCK_COLUMNS = "locked int, ctime timestamp, pid int"


class WarehouseBackend(RedshiftBackend):  # type: ignore[misc]
    """The Redshift backend serves PostgreSQL as well: it does without savepoints and enforced keys."""

    has_transactional_ddl = True
    _driver = psycopg2
    _is_locked = False
    log_migration_sql = (
        "INSERT INTO {0.log_table_quoted} (id, migration_hash, migration_id, operation, username, hostname, "
        "created_at_utc, {quoted.comment}) VALUES (:id, :migration_hash, :migration_id, :operation, :username, "
        ":hostname, :created_at_utc, :comment)"
    )

    def __init__(self, warehouse: Warehouse, parameters: Mapping[str, object]) -> None:
        # Not yoyo's own, which connects by URL: the role knows about IAM, TLS and secrets.
        self._warehouse = warehouse
        self.DatabaseError = psycopg2.DatabaseError
        self.migration_table = default_migration_table
        self._connection = warehouse.connect()
        self._connection.autocommit = True  # yoyo sends its own BEGIN
        self._cursor_factory = _filling(self._connection.cursor_factory, parameters)
        self._make_lock_table()

    def cursor(self) -> psycopg2.extensions.cursor:
        cursor: psycopg2.extensions.cursor = self._connection.cursor(cursor_factory=self._cursor_factory)
        return cursor

    def quote_identifier(self, s: str) -> str:
        # Not yoyo's way, a search path: it would move what a migration names without a schema.
        quoted: str = super().quote_identifier(s)
        ledger = (self.migration_table, self.log_table, self.version_table, self.lock_table)
        return f"{SCHEMA}.{quoted}" if s in ledger else quoted

    def list_tables(self, **_options: str) -> list[str]:
        found = self.execute("select tablename from pg_tables where schemaname = :schema", {"schema": SCHEMA})
        return [name for (name,) in found.fetchall()]

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Held by a session of its own, and gone with it; yoyo's is a row, which a process that is killed leaves."""
        if self._is_locked:
            yield
            return
        with closing(self._warehouse.connect()) as holder, holder.cursor() as cursor:
            cursor.execute("set statement_timeout to %s", (int(LOCK_MINUTES * 60_000),))
            cursor.execute(f"lock table {self.lock_table_quoted}")
            self._is_locked = True
            try:
                yield
            finally:
                self._is_locked = False

    def rollback(self) -> None:
        if self._connection.closed:  # then the server has rolled back, and its error is the one to report
            self._in_transaction = False
        else:
            super().rollback()

    def savepoint_rollback(self, id: str) -> None:  # noqa: A002
        """Nothing: the error that led here ends the whole transaction."""

    @contextmanager
    def disable_transactions(self) -> Iterator[None]:
        yield  # autocommit is on

    def get_log_data(self, migration: Migration = None, operation: str = "apply") -> dict[str, object]:
        return {
            "id": str(uuid.uuid4()),
            "migration_id": migration and migration.id,
            "migration_hash": migration and migration.hash,
            "username": self._connection.info.user,
            "hostname": platform.node(),
            "created_at_utc": datetime.now(UTC).replace(tzinfo=None),
            "operation": operation,
            "comment": migration and digest(Path(migration.path)),  # yoyo's own hash is of the id
        }

    def _make_lock_table(self) -> None:
        """What has to be there before the lock can be taken."""
        if self.lock_table in self.list_tables():
            return
        for attempts_left in (2, 1, 0):
            try:
                with closing(self._connection.cursor()) as cursor:
                    cursor.execute(f"create schema if not exists {SCHEMA}")
                    cursor.execute(f"create table if not exists {self.lock_table_quoted} ({_LOCK_COLUMNS})")
            except psycopg2.DatabaseError:
                # Another process made one of the two at this moment; `if not exists` does not see what is uncommitted.
                if not attempts_left:
                    raise
            else:
                return


def _filling(factory: Any, parameters: Mapping[str, object]) -> Any:
    """Cursors that give the statements of migration files the values of their placeholders, quoted by the client."""

    class Filling(factory or psycopg2.extensions.cursor):  # type: ignore[misc]
        def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002
            # A comment after the last statement comes as a statement of its own, which the driver would refuse.
            if not isinstance(query, str) or without_comments(query):
                super().execute(query, parameters if vars is None else vars)

    return Filling
