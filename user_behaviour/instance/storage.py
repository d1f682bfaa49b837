"""Dagster's storage in PostgreSQL: stock dagster-postgres on one small connection pool, with three faults fixed.

The stock storages open a connection for every few statements, thousands in a run over a year of days. The faults are
of Dagster's concurrency pools and of planned checks, as of dagster 1.13; each method says which. The private names of
Dagster that are used are those that a subclass inherits. The module may go when Dagster pools connections itself:
github.com/dagster-io/dagster issues 18789, 19829 and 31694.
"""

from __future__ import annotations

import os
import select
import time
import weakref
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

import dagster as dg
import psycopg2
import sqlalchemy
from dagster import DagsterEventType, EventLogEntry
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin
from dagster_postgres import (
    DagsterPostgresStorage,
    PostgresEventLogStorage,
    PostgresRunStorage,
    PostgresScheduleStorage,
)
from dagster_postgres.utils import set_pg_statement_timeout
from sqlalchemy.engine import Engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from user_behaviour.instance.dead_runs import CODE_LOCATION_TAG, PROCESS_TAG, SESSION_TAG, session_tag
from user_behaviour.instance.pool_wait import PoolWait
from user_behaviour.instance.sessions import Session

# Two connections stay open in an idle process, ten are the most: `dagster dev` is five processes and each run is one
# more, and the server has 100 connections for them and for the pipeline itself.
POOL_SIZE = 2
POOL_MAX_OVERFLOW = 8
POOL_RECYCLE_SECONDS = 3600
PING_AFTER_SECONDS = 10.0
LAST_USE = "last use"
CONCURRENCY_POOLS_LOCK = 7_310_112  # any number that nothing else in the database locks
CLAIM_PAUSE_SECONDS = 0.5

_engines: weakref.WeakSet[Engine] = weakref.WeakSet()


class _Pooled:
    """Mixed into a stock storage: it takes its connections from a pool that it shares with the others."""

    def __init__(self, postgres_url: str, engine: Engine) -> None:
        super().__init__(postgres_url, should_autocreate_tables=False)  # type: ignore[call-arg]  # of the stock storage
        self._engine = engine
        self._there = set[str]()

    def dispose(self) -> None:
        super().dispose()  # type: ignore[misc]  # of the stock storage
        self._engine.dispose()

    def optimize_for_webserver(self, statement_timeout: int, pool_recycle: int, max_overflow: int) -> None:
        """Nothing: the stock storages would each take a pool of their own, of up to 21 connections."""


class PooledRunStorage(_Pooled, PostgresRunStorage):  # type: ignore[misc]  # dagster_postgres is untyped for mypy
    """On the shared pool; a run carries the session of the process that executes it."""

    def __init__(self, postgres_url: str, engine: Engine) -> None:
        super().__init__(postgres_url, engine)
        self._session = Session(engine)

    def add_run(self, dagster_run: dg.DagsterRun) -> Any:
        """Stock; but a run that is executed again takes its parent's tags, and not its parent's process.

        And a run of a command can be executed again in the UI, which asks for its origin and ends in a CheckError where
        there is none: `execute_in_process` gives none.
        """
        of_parent = {SESSION_TAG, PROCESS_TAG} if dagster_run.parent_run_id else {SESSION_TAG}
        run = dagster_run.with_tags({k: v for k, v in dagster_run.tags.items() if k not in of_parent})
        if run.remote_job_origin is None and (location := run.tags.get(CODE_LOCATION_TAG)):
            repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(location), "__repository__")
            run = run._replace(remote_job_origin=repository.get_job_origin(run.job_name))
        return super().add_run(run)

    def handle_run_event(self, run_id: str, event: dg.DagsterEvent, update_timestamp: datetime | None = None) -> None:
        """Stock; but the session is open and named before the run counts as started.

        The process that executes a run is the one that writes its start, whoever launched it.
        """
        if event.event_type == DagsterEventType.RUN_START:
            self.add_run_tags(run_id, session_tag(self._session))
        super().handle_run_event(run_id, event, update_timestamp)

    def dispose(self) -> None:
        self._session.close()
        super().dispose()


class PooledScheduleStorage(_Pooled, PostgresScheduleStorage):  # type: ignore[misc]
    """Stock, on the shared pool."""


class PooledEventLogStorage(_Pooled, PostgresEventLogStorage):  # type: ignore[misc]
    """On the shared pool, with the faults fixed."""

    def __init__(self, postgres_url: str, engine: Engine) -> None:
        super().__init__(postgres_url, engine)
        self._pool_wait = PoolWait()

    def optimize_for_webserver(
        self,
        statement_timeout: int,
        pool_recycle: int,  # noqa: ARG002
        max_overflow: int,  # noqa: ARG002
    ) -> None:
        """Gives the connections of the shared pool the webserver's statement timeout (ms); the pool stays small."""
        sqlalchemy.event.listen(
            self._engine, "connect", lambda connection, _: set_pg_statement_timeout(connection, statement_timeout)
        )
        self._engine.dispose()  # connections from before do not have it

    def has_table(self, table_name: str) -> bool:
        """Stock, until it is there: the stock storage looks it up in the catalog for every check."""
        if table_name not in self._there and super().has_table(table_name):
            self._there.add(table_name)
        return table_name in self._there

    def has_asset_key_col(self, column_name: str) -> bool:
        """Stock, until it is there: the stock storage looks it up in the catalog several times for every asset."""
        if column_name not in self._there and super().has_asset_key_col(column_name):
            self._there.add(column_name)
        return column_name in self._there

    def initialize_concurrency_limit_to_default(self, concurrency_key: str) -> bool:
        """Stock, one process at a time, and only for a concurrency pool that is not there.

        The stock storage inserts the pool and, where another process was first, goes on in the transaction that
        PostgreSQL has ended with that error: of two runs that first use a pool at once, one fails.
        """
        with self.index_connection() as connection:
            connection.execute(sqlalchemy.text("select pg_advisory_lock(:key)"), {"key": CONCURRENCY_POOLS_LOCK})
            try:
                if concurrency_key in self.get_concurrency_keys():
                    return True
                return bool(super().initialize_concurrency_limit_to_default(concurrency_key))
            finally:
                connection.execute(sqlalchemy.text("select pg_advisory_unlock(:key)"), {"key": CONCURRENCY_POOLS_LOCK})

    def claim_concurrency_slot(
        self, concurrency_key: str, run_id: str, step_key: str, priority: int | None = None
    ) -> Any:  # Dagster does not export the type of a claim
        """Stock, but a step that finds its concurrency pool full waits here.

        Dagster's in-process executor does not: `InstanceConcurrencyContext.interval_to_next_pending_claim_check`
        is never above zero, so it would spin and take a core from the run that it waits for. The run says what it
        waits for, and does not wait for the dead.
        """
        claim = super().claim_concurrency_slot(concurrency_key, run_id, step_key, priority)
        if claim.is_claimed:
            return claim
        self._pool_wait.look(self._instance, concurrency_key, run_id, step_key)
        time.sleep(CLAIM_PAUSE_SECONDS)
        return claim.with_sleep_interval(0.0)

    def store_asset_check_event(self, event: EventLogEntry, event_id: int | None) -> None:
        """Stock, but a check is planned once a run, and not once for each day of the run.

        Checks here have no partitions (docs/adr/0009): their one result would leave the plan of every day open, which
        Dagster shows as an empty "Execution failed" in the history of the check, and 10,098 rows a year's run.
        """
        if event.dagster_event_type == DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED:
            planned = event.get_dagster_event()
            check = planned.asset_check_planned_data
            once = type(check)(asset_key=check.asset_key, check_name=check.check_name)
            event = event._replace(dagster_event=planned._replace(event_specific_data=once))
        super().store_asset_check_event(event, event_id)


class PooledPostgresStorage(DagsterPostgresStorage):  # type: ignore[misc]
    """The class that `storage: custom:` of dagster.yaml names; its one setting is `postgres_url`, with the driver."""

    event_log_storage_class: ClassVar[type[PooledEventLogStorage]] = PooledEventLogStorage

    def __init__(self, postgres_url: str, inst_data: Any = None) -> None:
        super().__init__(postgres_url, inst_data=inst_data)  # creates the tables
        engine = pooled_engine(postgres_url)
        self._run_storage = PooledRunStorage(postgres_url, engine)
        self._event_log_storage = self.event_log_storage_class(postgres_url, engine)
        self._schedule_storage = PooledScheduleStorage(postgres_url, engine)

    @classmethod
    def config_type(cls) -> Mapping[str, Any]:
        return {"postgres_url": dg.StringSource}

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Mapping[str, Any]) -> PooledPostgresStorage:
        return cls(config_value["postgres_url"], inst_data)


def pooled_engine(postgres_url: str) -> Engine:
    """The engine of one process: few connections, looked at before use, forgotten in a forked child."""
    engine = sqlalchemy.create_engine(
        postgres_url,
        isolation_level="AUTOCOMMIT",  # as the stock storages have it
        pool_size=POOL_SIZE,
        max_overflow=POOL_MAX_OVERFLOW,
        pool_recycle=POOL_RECYCLE_SECONDS,
        pool_use_lifo=True,
    )
    sqlalchemy.event.listen(engine, "checkout", _require_connected)
    sqlalchemy.event.listen(engine, "checkin", _note_use)
    _engines.add(engine)
    return engine


def _require_connected(connection: Any, record: ConnectionPoolEntry, _: PoolProxiedConnection) -> None:
    """Has a connection replaced that the server has ended: it may have been restarted (`user-behaviour down`, `up`).

    SQLAlchemy's own `pool_pre_ping` asks the server before every statement, which was two in five of all requests. A
    server that ends a session says so on its socket; only what lay idle is asked, since a network may drop it silently.
    """
    said = select.poll()
    said.register(connection, select.POLLIN)
    if said.poll(0) or time.monotonic() - record.info.get(LAST_USE, 0.0) > PING_AFTER_SECONDS:
        try:
            with connection.cursor() as cursor:
                cursor.execute("select 1")
        except psycopg2.Error as error:
            raise sqlalchemy.exc.DisconnectionError(str(error)) from error


def _note_use(_: Any, record: ConnectionPoolEntry) -> None:
    record.info[LAST_USE] = time.monotonic()


def _forget_inherited_connections() -> None:
    """A forked child shares its parent's sockets: it must neither use nor close them."""
    for engine in _engines:
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_forget_inherited_connections)
