"""Role: the catalog of external tables, which says at which batch of the lake each partition of a table points.

Whoever registers looks up the batch in force *after* it holds the partition, so that of two runs the later one never
leaves the older batch behind.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from user_behaviour.days import DayRange, ranges
from user_behaviour.manifests import Manifest, timestamp
from user_behaviour.resources.conformity import require_values, with_day
from user_behaviour.tables import Table

if TYPE_CHECKING:
    import psycopg2.extensions
    import pyarrow as pa

    from user_behaviour.resources.dataset import Dataset
    from user_behaviour.resources.warehouse import Warehouse


@dataclass(frozen=True)
class Registration:
    """A partition as the catalog has it."""

    day: date
    location: str
    batch_id: str
    rows: int


class ExternalTables(ABC):
    """The partitions of external tables."""

    @abstractmethod
    def register(self, table: Table, dataset: Dataset, days: Sequence[date]) -> dict[date, Registration]:
        """Points the partitions of the days at the batches in force; the days must be in the data set."""

    @abstractmethod
    def registered(self, table: Table, span: DayRange) -> dict[date, Registration]:
        """The registered partitions of a range of days."""


class WarehouseExternalTables(ExternalTables):
    """External tables as ordinary tables of the warehouse: to register a partition is to load its rows.

    It must not be kinder than Glue and Spectrum are: rows are there only for registered partitions, files whose types
    are not the declared ones are refused.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def register(self, table: Table, dataset: Dataset, days: Sequence[date]) -> dict[date, Registration]:
        def work(cursor: psycopg2.extensions.cursor) -> dict[date, Registration]:
            cursor.execute("lock table spectrum.registered_partition in exclusive mode")
            manifests = {day: dataset.current(day) for day in days}
            wanted = {day: _registration(dataset, manifest) for day, manifest in manifests.items()}
            stale = self._stale(cursor, table, wanted)
            for span in ranges(stale):
                parameters = (span.first, span.end)
                day = table.partition_column
                cursor.execute(f"delete from {table.name} where {day} >= %s and {day} < %s", parameters)
            self._warehouse.load(cursor, table.name, _rows(table, dataset, [manifests[day] for day in stale]))
            self._record(cursor, table, [wanted[day] for day in stale])
            return wanted

        return self._warehouse.transaction(work)

    def registered(self, table: Table, span: DayRange) -> dict[date, Registration]:
        rows = self._warehouse.rows(_REGISTERED, {"table": table.name, "first_day": span.first, "end_day": span.end})
        return {row["day"]: Registration(**row) for row in rows}

    @staticmethod
    def _stale(cursor: psycopg2.extensions.cursor, table: Table, wanted: Mapping[date, Registration]) -> list[date]:
        span = {"table": table.name, "first_day": min(wanted), "end_day": DayRange(max(wanted), max(wanted)).end}
        cursor.execute(_REGISTERED, span)
        found = {row[0]: Registration(*row) for row in cursor.fetchall()}
        return sorted(day for day, registration in wanted.items() if found.get(day) != registration)

    @staticmethod
    def _record(cursor: psycopg2.extensions.cursor, table: Table, registrations: Sequence[Registration]) -> None:
        from psycopg2.extras import execute_values

        moment = timestamp(datetime.now(UTC))
        execute_values(
            cursor,
            _RECORD,
            [(table.name, r.day, r.location, r.batch_id, r.rows, moment) for r in registrations],
            page_size=1000,
        ) if registrations else None


def _registration(dataset: Dataset, manifest: Manifest) -> Registration:
    directory = dataset.batch_directory(manifest.day, manifest.batch_id)
    return Registration(manifest.day, f"{dataset.lake.uri(directory)}/", manifest.batch_id, manifest.rows)


def _rows(table: Table, dataset: Dataset, manifests: Sequence[Manifest]) -> Iterator[pa.RecordBatch]:
    for manifest in manifests:
        for batch in with_day(dataset.read(manifest), table, manifest.day):
            require_values(batch.select(list(table.column_names)), table)
            yield batch


_REGISTERED = """
select insert_date as day, location, batch_id, row_count as rows
from spectrum.registered_partition
where table_name = %(table)s and insert_date >= %(first_day)s and insert_date < %(end_day)s
"""
_RECORD = """
insert into spectrum.registered_partition
    (table_name, insert_date, location, batch_id, row_count, registered_at)
values %s
on conflict (table_name, insert_date) do update set
    location = excluded.location,
    batch_id = excluded.batch_id,
    row_count = excluded.row_count,
    registered_at = excluded.registered_at
"""
