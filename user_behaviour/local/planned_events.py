"""Dagster's storage of the local deployment: the pooled one, which writes the events of a run in bulk.

A run over 374 days of 7 assets plans 2,618 materializations, and a run here is a few seconds in all. The stock storage
writes each planned one with several statements (docs/adr/0004 has the figures); here all are one insert, and any batch
is an insert of arrays. What is written and how stays Dagster's own code. May go when Dagster does so in bulk itself:
its pull request 19862 did so for materializations only.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import sqlalchemy
from dagster import DagsterEventType
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection, Engine

from user_behaviour.instance.storage import PooledEventLogStorage, PooledPostgresStorage

if TYPE_CHECKING:
    from dagster import EventLogEntry

PLANNED = frozenset({DagsterEventType.ASSET_MATERIALIZATION_PLANNED, DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED})


class BulkEventLogStorage(PooledEventLogStorage):
    """A batch of planned events is one transaction of a few statements."""

    def __init__(self, postgres_url: str, engine: Engine) -> None:
        super().__init__(postgres_url, engine)
        self._open = threading.local()  # `connection`: that of the transaction which this thread is in

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Writes planned events in bulk, and leaves every other batch to the stock storage.

        One transaction, because Dagster answers any error here by storing the same events one by one: a half-written
        batch would then be there twice.
        """
        if not {event.dagster_event_type for event in events} <= PLANNED:
            super().store_event_batch(events)
            return
        insert = self.prepare_insert_event_batch(events)
        with self._one_transaction() as connection:
            event_ids = connection.execute(insert.returning(insert.table.c.id)).scalars().all()
            # Stock updates an asset's row once per event, of which only the last remains.
            last_of_asset = {}
            for event, event_id in zip(events, event_ids, strict=True):
                if event.dagster_event_type == DagsterEventType.ASSET_MATERIALIZATION_PLANNED:
                    last_of_asset[event.get_dagster_event().asset_key] = event, event_id
                else:
                    self.store_asset_check_event(event, event_id)
            for event, event_id in last_of_asset.values():
                self.store_asset_event(event, event_id)

    def prepare_insert_event_batch(self, events: Sequence[EventLogEntry]) -> Any:
        """Stock, of one array a column: SQLAlchemy takes a third of the time of a batch to write seven values a row."""
        table = super().prepare_insert_event_batch(events[:1]).table
        rows = [self._event_to_row(event) for event in events]
        columns = [sqlalchemy.literal([row[name] for row in rows], ARRAY(table.c[name].type)) for name in rows[0]]
        values = sqlalchemy.func.unnest(*columns).table_valued(*rows[0]).render_derived()
        return table.insert().from_select([*rows[0]], sqlalchemy.select(values))

    def index_connection(self) -> AbstractContextManager[Connection]:
        """That of the open transaction, if this thread is in one, else one of the pool."""
        connection: Connection | None = getattr(self._open, "connection", None)
        return nullcontext(connection) if connection is not None else super().index_connection()

    @contextmanager
    def _one_transaction(self) -> Iterator[Connection]:
        """A transaction in which the stock storage's methods take part."""
        with self.index_transaction() as connection:
            self._open.connection = connection
            try:
                yield connection
            finally:
                self._open.connection = None


class LocalPostgresStorage(PooledPostgresStorage):
    """The class that `storage: custom:` of the local dagster.yaml names."""

    event_log_storage_class = BulkEventLogStorage
