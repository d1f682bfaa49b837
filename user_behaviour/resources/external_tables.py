"""Role: the catalog of external tables, which says at which batch of the lake each partition of a table points.

Of two runs the later one never leaves the older batch behind: whoever registers looks up the batch in force after it
holds the partition, or, where a catalog has nothing to hold, once more after it has written (`partition_catalog`).
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


class CatalogError(Exception):
    """The catalog refused, or has a table otherwise than it is declared."""


@dataclass(frozen=True)
class Registration:
    """A partition as the catalog has it; `location` ends with `/`."""

    day: date
    location: str
    batch_id: str
    rows: int


class ExternalTables(ABC):
    """The definitions of external tables, and their partitions."""

    @abstractmethod
    def define(self, table: Table, dataset: Dataset) -> bool:
        """Creates the table over the data set, or brings it up to its declared columns; True if anything changed.

        Partitions stay as they are. Raises `CatalogError` where the table differs in a way that cannot be changed.
        """

    @abstractmethod
    def register(self, table: Table, dataset: Dataset, days: Sequence[date]) -> dict[date, Registration]:
        """Points the partitions of the days at the batches in force; the days must be in the data set."""

    @abstractmethod
    def registered(self, table: Table, span: DayRange) -> dict[date, Registration]:
        """The registered partitions of a range of days."""

    @abstractmethod
    def deregister(self, table: Table, days: Sequence[date]) -> None:
        """Takes the partitions of the days out of the catalog; the lake keeps its files. Days without one are fine."""

    @abstractmethod
    def seen(self, table: Table, span: DayRange) -> dict[date, str]:
        """The location of each partition as the warehouse sees it, cut to the first `SEEN_CHARACTERS`."""


class WarehouseExternalTables(ExternalTables):
    """External tables as ordinary tables of the warehouse: to register a partition is to load its rows.

    It must not be kinder than Glue and Spectrum are: rows are there only for registered partitions, files whose types
    are not the declared ones are refused.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def define(self, table: Table, dataset: Dataset) -> bool:  # noqa: ARG002
        """Compares only: the migrations make the tables of this twin."""
        found = [(row["name"], spelling(row["type"])) for row in self._warehouse.rows(_COLUMNS, {"table": table.name})]
        if not found:
            raise CatalogError(f"{table.name} does not exist; the migrations make it: `user-behaviour migrate`.")
        if found != (declared := declared_columns(table)):
            raise CatalogError(
                f"{table.name} has the columns {shown(found)}; declared are {shown(declared)}. Write a migration that "
                "brings it there, or take the change to the schema back."
            )
        return False

    def register(self, table: Table, dataset: Dataset, days: Sequence[date]) -> dict[date, Registration]:
        def work(cursor: psycopg2.extensions.cursor) -> dict[date, Registration]:
            cursor.execute("lock table spectrum.registered_partition in exclusive mode")
            manifests = {day: dataset.current(day) for day in days}
            wanted = {day: registration(dataset, manifest) for day, manifest in manifests.items()}
            stale = self._stale(cursor, table, wanted)
            for span in ranges(stale):
                parameters = (span.first, span.end)
                day = table.partition_column
                cursor.execute(f"delete from {table.name} where {day} >= %s and {day} < %s", parameters)
            rows = (row for day in stale for row in with_day(fitting(table, dataset, manifests[day]), table, day))
            self._warehouse.load(cursor, table.name, rows)
            if len(stale) >= MANY_DAYS:
                # Without statistics, joins of what was just loaded are planned as if it were a few rows.
                cursor.execute(f"analyze {table.name}")
            self._record(cursor, table, [wanted[day] for day in stale])
            return wanted

        return self._warehouse.transaction(work)

    def registered(self, table: Table, span: DayRange) -> dict[date, Registration]:
        rows = self._warehouse.rows(_REGISTERED, {"table": table.name, "first_day": span.first, "end_day": span.end})
        return {row["day"]: Registration(**row) for row in rows}

    def deregister(self, table: Table, days: Sequence[date]) -> None:
        def work(cursor: psycopg2.extensions.cursor) -> None:
            cursor.execute("lock table spectrum.registered_partition in exclusive mode")
            for span in ranges(days):
                parameters = {"table": table.name, "first_day": span.first, "end_day": span.end}
                day = table.partition_column
                cursor.execute(
                    f"delete from {table.name} where {day} >= %(first_day)s and {day} < %(end_day)s", parameters
                )
                cursor.execute(_FORGET, parameters)

        self._warehouse.transaction(work)

    def seen(self, table: Table, span: DayRange) -> dict[date, str]:
        """What is registered: here the warehouse is the catalog."""
        return {day: found.location[:SEEN_CHARACTERS] for day, found in self.registered(table, span).items()}

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


def registration(dataset: Dataset, manifest: Manifest) -> Registration:
    """The partition that points at a batch."""
    directory = dataset.batch_directory(manifest.day, manifest.batch_id)
    return Registration(manifest.day, f"{dataset.lake.uri(directory)}/", manifest.batch_id, manifest.rows)


def fitting(table: Table, dataset: Dataset, manifest: Manifest) -> Iterator[pa.RecordBatch]:
    """The rows of a batch as a stream; raises `SchemaError` where they do not fit the external table."""
    for batch in dataset.read(manifest):
        rows = batch.select(list(table.column_names))
        require_values(rows, table)
        yield rows


def declared_columns(table: Table) -> list[tuple[str, str]]:
    """Name and type of each column, the partition's day last."""
    return [*((column.name, spelling(column.type)) for column in table.columns), (table.partition_column, "date")]


def spelling(type_: str) -> str:
    """A type as `Column.type` spells it, whichever of its names a catalog uses."""
    named, _, sizes = type_.lower().partition("(")
    return _SPELLINGS.get(named.strip(), named.strip()) + (f"({sizes.replace(' ', '')}" if sizes else "")


def shown(columns: Sequence[tuple[str, str]]) -> str:
    """Columns in a sentence."""
    return f"({', '.join(' '.join(column) for column in columns)})"


MANY_DAYS = 30
SEEN_CHARACTERS = 128
"""svv_external_partitions shows no more: docs.aws.amazon.com/redshift/latest/dg/r_SVV_EXTERNAL_PARTITIONS.html"""

_SPELLINGS = {
    "bool": "boolean",
    "bytea": "binary",
    "character varying": "varchar",
    "int4": "int",
    "int8": "bigint",
    "integer": "int",
    "numeric": "decimal",
    "timestamp without time zone": "timestamp",
}
_COLUMNS = """
select attname as name, format_type(atttypid, atttypmod) as type
from pg_attribute
where attrelid = to_regclass(%(table)s) and attnum > 0 and not attisdropped
order by attnum
"""
_FORGET = """
delete from spectrum.registered_partition
where table_name = %(table)s and insert_date >= %(first_day)s and insert_date < %(end_day)s
"""
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
