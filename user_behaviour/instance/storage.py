"""The Dagster storage of both deployments: PostgreSQL through one small pool, planned events written in bulk.

A run over 374 days of 7 assets plans 2,618 materializations. Stock dagster-postgres writes each with statements and
connections of its own (25 s and more); here they are a few inserts (half a second). The rest is Dagster's own code.

This module is the only one that knows Dagster's private storage API, as of dagster 1.13. It may go when Dagster itself
pools connections and writes planned events in bulk: github.com/dagster-io/dagster issues 18789, 19829 and 31694; its
pull request 19862 did so for materializations only.
"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dagster import DagsterEventType
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster_postgres import (
    DagsterPostgresStorage,
    PostgresEventLogStorage,
    PostgresRunStorage,
    PostgresScheduleStorage,
)
from dagster_postgres.utils import (
    create_pg_engine,
    get_token_provider_from_config,
    pg_url_from_config,
    set_pg_statement_timeout,
)
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import text
from sqlalchemy.engine import Engine

if TYPE_CHECKING:
    from dagster import EventLogEntry
    from dagster._serdes import ConfigurableClassData
    from dagster._utils.concurrency import ConcurrencyClaimStatus

PLANNED = frozenset(
    {DagsterEventType.ASSET_MATERIALIZATION_PLANNED, DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED},
)

# Two connections stay open in an idle process, ten are the most: `dagster dev` is five processes and each run is one
# more, and the server has 100 connections for them and for the pipeline itself.
POOL_SIZE = 2
POOL_MAX_OVERFLOW = 8
POOL_RECYCLE_SECONDS = 3600
POOL_LOCK = 7_310_112  # any number that nothing else in the database locks
CLAIM_PAUSE_SECONDS = 0.5

_pools: weakref.WeakSet[Engine] = weakref.WeakSet()


class PooledPostgresStorage(DagsterPostgresStorage):  # type: ignore[misc]  # dagster_postgres is untyped for mypy
    """`storage: custom:` of dagster.yaml, with the configuration of the stock `storage: postgres:`."""

    def __init__(
        self,
        postgres_url: str,
        should_autocreate_tables: bool = True,
        inst_data: ConfigurableClassData | None = None,
        token_provider: Any = None,
    ) -> None:
        super().__init__(postgres_url, should_autocreate_tables, inst_data, token_provider)  # creates the tables
        engine = pooled_engine(postgres_url, token_provider)
        self._run_storage = PooledRunStorage(postgres_url, should_autocreate_tables=False)
        self._event_log_storage = BulkEventLogStorage(postgres_url, should_autocreate_tables=False)
        self._schedule_storage = PooledScheduleStorage(postgres_url, should_autocreate_tables=False)
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage._engine = engine

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> PooledPostgresStorage:
        return cls(
            pg_url_from_config(config_value),
            should_autocreate_tables=config_value.get("should_autocreate_tables", True),
            inst_data=inst_data,
            token_provider=get_token_provider_from_config(config_value),
        )


class _InThePool:
    """What a storage on the shared pool does otherwise than one with an engine of its own."""

    _engine: Engine

    def dispose(self) -> None:
        super().dispose()  # type: ignore[misc]  # of the stock storage that this is mixed into
        self._engine.dispose()

    def optimize_for_webserver(self, statement_timeout: int, pool_recycle: int, max_overflow: int) -> None:
        """Nothing: the stock storages would each take a pool of their own, of up to 21 connections."""


class PooledRunStorage(_InThePool, PostgresRunStorage):  # type: ignore[misc]
    """Stock, on the shared pool."""


class PooledScheduleStorage(_InThePool, PostgresScheduleStorage):  # type: ignore[misc]
    """Stock, on the shared pool."""


class BulkEventLogStorage(_InThePool, PostgresEventLogStorage):  # type: ignore[misc]
    """On the shared pool; a batch of planned events is one transaction of a few statements."""

    def optimize_for_webserver(
        self,
        statement_timeout: int,
        pool_recycle: int,  # noqa: ARG002
        max_overflow: int,  # noqa: ARG002
    ) -> None:
        """Gives the connections of the shared pool the webserver's statement timeout (ms); the pool stays small."""
        sqlalchemy_event.listen(
            self._engine, "connect", lambda connection, _: set_pg_statement_timeout(connection, statement_timeout)
        )
        self._engine.dispose()  # connections from before do not have it

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Writes planned events in bulk, and leaves every other batch to the stock storage.

        One transaction, because Dagster answers any error here by storing the same events one by one: a half-written
        batch would then be there twice.
        """
        if {event.dagster_event_type for event in events} <= PLANNED:
            self._store_planned(events)
        else:
            super().store_event_batch(events)

    def initialize_concurrency_limit_to_default(self, concurrency_key: str) -> bool:
        """Stock, one process at a time, and only for a pool that is not there.

        The stock storage inserts the pool and, where another process was first, goes on in the transaction that
        PostgreSQL has ended with that error (dagster 1.13): of two runs that first use a pool at once, one fails.
        """
        with self._connect() as connection:
            connection.execute(text("select pg_advisory_lock(:key)"), {"key": POOL_LOCK})
            try:
                if concurrency_key in self.get_concurrency_keys():
                    return True
                return bool(super().initialize_concurrency_limit_to_default(concurrency_key))
            finally:
                connection.execute(text("select pg_advisory_unlock(:key)"), {"key": POOL_LOCK})

    def claim_concurrency_slot(
        self, concurrency_key: str, run_id: str, step_key: str, priority: int | None = None
    ) -> ConcurrencyClaimStatus:
        """Stock, but a step that finds its concurrency pool full waits here.

        Dagster's in-process executor does not: `InstanceConcurrencyContext.interval_to_next_pending_claim_check`
        is never above zero, so it would spin and take a core from the run that it waits for.
        """
        status: ConcurrencyClaimStatus = super().claim_concurrency_slot(concurrency_key, run_id, step_key, priority)
        if status.is_claimed:
            return status
        time.sleep(CLAIM_PAUSE_SECONDS)
        waited: ConcurrencyClaimStatus = status.with_sleep_interval(0.0)
        return waited

    def _store_planned(self, events: Sequence[EventLogEntry]) -> None:
        rows = [self._event_to_row(event) for event in events]
        insert = SqlEventLogStorageTable.insert().returning(SqlEventLogStorageTable.c.id, sort_by_parameter_order=True)
        with self.index_transaction() as connection:
            event_ids = connection.execute(insert, rows).scalars().all()
            stored = list(zip(events, rows, event_ids, strict=True))
            if executions := [execution for event in stored for execution in _planned_check_executions(*event)]:
                connection.execute(AssetCheckExecutionsTable.insert(), executions)
            # Stock upserts an asset's row once per event; only the last remains. Sorted, so that two runs that plan
            # the same assets lock their rows in the same order.
            last = {row["asset_key"]: (event, event_id) for event, row, event_id in stored if row["asset_key"]}
            for asset_key in sorted(last):
                self._store_asset_event(connection, *last[asset_key])


def pooled_engine(postgres_url: str, token_provider: Any = None) -> Engine:
    """The engine of one process: few connections, tested before use, forgotten in a forked child."""
    engine: Engine = create_pg_engine(
        postgres_url,
        token_provider,
        isolation_level="AUTOCOMMIT",  # as the stock storages have it
        pool_size=POOL_SIZE,
        max_overflow=POOL_MAX_OVERFLOW,
        pool_recycle=POOL_RECYCLE_SECONDS,
        pool_pre_ping=True,  # the server may have been restarted since (`user-behaviour down`, `up`)
        pool_use_lifo=True,
    )
    _pools.add(engine)
    return engine


def _planned_check_executions(event: EventLogEntry, row: Mapping[str, Any], event_id: int) -> Iterator[dict[str, Any]]:
    """The rows that `SqlEventLogStorage._store_asset_check_evaluation_planned` would insert for the event."""
    if event.dagster_event_type != DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED:
        return
    planned = event.get_dagster_event().asset_check_planned_data
    subset = planned.partitions_subset
    for partition in subset.get_partition_keys() if subset else [None]:
        yield {
            "asset_key": planned.asset_key.to_string(),
            "check_name": planned.check_name,
            "partition": partition,
            "run_id": event.run_id,
            "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
            "evaluation_event": row["event"],
            "evaluation_event_timestamp": row["timestamp"],
            "evaluation_event_storage_id": event_id,
        }


def _forget_inherited_connections() -> None:
    """A forked child shares its parent's sockets: it must neither use nor close them."""
    for engine in _pools:
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forget_inherited_connections)
