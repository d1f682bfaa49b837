"""A catalog and a warehouse of their own for tests of triggers: what is registered and published, written by hand."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import dagster as dg
import psycopg2
from dagster._core.definitions.sensor_definition import SensorExecutionData

from user_behaviour.catalog.postgres import PostgresExternalTables
from user_behaviour.definitions import defs
from user_behaviour.lake.lake import Lake
from user_behaviour.local.stack import Stack
from user_behaviour.migrations.migrations import MIGRATIONS, Migrations
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.schemas import MOVIE_REVIEW_CLEAN_STAGE, USER_BEHAVIOR_METRIC, USER_PURCHASE_STAGING
from user_behaviour.triggers.sensors import vendor_files
from user_behaviour.vendor.drop import VendorDrop
from user_behaviour.warehouse.postgres import PostgresWarehouse, PostgresWarehouseByUrl
from user_behaviour_tests.databases import new_database

PURCHASES, REVIEWS = USER_PURCHASE_STAGING.name, MOVIE_REVIEW_CLEAN_STAGE.name


@dataclass(frozen=True)
class Catalog:
    """The warehouse's audit tables and external partitions; sensors look at all days, so the database is not shared."""

    warehouse: PostgresWarehouse

    @property
    def external_tables(self) -> PostgresExternalTables:
        return PostgresExternalTables(warehouse=self.warehouse)

    def register(self, table: str, days: Iterable[str], batch: str) -> None:
        rows = [(table, day, f"file:///lake/{batch}/", batch) for day in days]
        self._execute(
            "insert into spectrum.registered_partition values (%s, %s, %s, %s, 1, now()) on conflict "
            "(table_name, insert_date) do update set location = excluded.location, batch_id = excluded.batch_id",
            rows,
        )

    def publish(self, days: Iterable[str], sources: Mapping[str, str]) -> None:
        """What the warehouse IO manager records of a run of the metric."""
        rows = [(USER_BEHAVIOR_METRIC.name, day) for day in days]
        self._execute("delete from audit.published_partition where table_name = %s and insert_date = %s", rows)
        self._execute(
            "insert into audit.published_partition values (%s, %s, 'm', now(), 1, %s, '{}')",
            [(*row, json.dumps(sources)) for row in rows],
        )

    def clear(self) -> None:
        self._execute("truncate spectrum.registered_partition, audit.published_partition", [()])

    def _execute(self, sql: str, rows: Iterable[tuple[str, ...]]) -> None:
        def work(cursor: psycopg2.extensions.cursor) -> None:
            cursor.executemany(sql, list(rows))

        self.warehouse.transaction(work)


@contextmanager
def new_catalog(stack: Stack) -> Iterator[Catalog]:
    """A database beside the warehouse, with its schema, for as long as it is entered."""
    with new_database(stack.endpoints().warehouse) as url:
        warehouse = PostgresWarehouseByUrl(url=url)
        Migrations(warehouse, MIGRATIONS / "postgres").apply()
        yield Catalog(warehouse)


def tick_of_vendor_files(
    drop: VendorDrop, lake: Lake, cursor: str | None, *, instance: dg.DagsterInstance | None = None
) -> SensorExecutionData:
    """One evaluation of the sensor, as the daemon's; saving the cursor of the answer is the caller's."""
    roles = {"vendor_drop": drop, "lake": lake}
    with dg.build_sensor_context(instance=instance, cursor=cursor, definitions=defs, resources=roles) as context:
        return vendor_files.evaluate_tick(context)


def span_of(tags: Mapping[str, str]) -> DayRange:
    """The days that a run with the tags runs over."""
    span = DayRange.of_tags(tags)
    assert span is not None
    return span


def dates(*texts: str) -> list[date]:
    return [date.fromisoformat(text) for text in texts]


def days_of(result: SensorExecutionData) -> list[date]:
    """The days that the runs of a tick run over."""
    return [day for request in result.run_requests or () for day in span_of(request.tags).days()]
