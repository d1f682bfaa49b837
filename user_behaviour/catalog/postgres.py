"""Twin of the catalog: ordinary tables of a PostgreSQL warehouse, filled when a partition is registered."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

import psycopg2.extensions
from psycopg2.extras import execute_values

from user_behaviour.catalog.external_tables import (
    SEEN_CHARACTERS,
    CatalogError,
    ExternalTables,
    Registration,
    declared_columns,
    fitting_rows,
    registration,
    shown,
)
from user_behaviour.lake.conformity import with_day
from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.manifests import timestamp
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.identifiers import qualified, quoted
from user_behaviour.tables.table import Table, spelling
from user_behaviour.warehouse.warehouse import Warehouse

MANY_DAYS = 30


class PostgresExternalTables(ExternalTables):
    """External tables as ordinary tables of a PostgreSQL warehouse: to register a partition is to load its rows."""

    # It must not be kinder than Glue and Spectrum are: rows are there only for registered partitions, files whose types
    # are not the declared ones are refused.

    warehouse: Warehouse

    def define(self, table: Table, dataset: Dataset) -> bool:  # noqa: ARG002
        """Compares only: the migrations make the tables of this twin."""
        if not (found := self.columns(table)):
            raise CatalogError(f"{table.name} does not exist; the migrations make it: `user-behaviour migrate`.")
        if found != (declared := declared_columns(table)):
            raise CatalogError(
                f"{table.name} has the columns {shown(found)}; declared are {shown(declared)}. Write a migration that "
                "brings it there, or take the change to the schema back."
            )
        return False

    def columns(self, table: Table) -> list[tuple[str, str]]:
        found = self.warehouse.rows(_COLUMNS, table.identity)
        return [(row["name"], spelling(row["type"])) for row in found]

    def register(self, table: Table, dataset: Dataset, days: Sequence[date]) -> dict[date, Registration]:
        def work(cursor: psycopg2.extensions.cursor) -> dict[date, Registration]:
            cursor.execute("lock table spectrum.registered_partition in exclusive mode")
            manifests = {manifest.day: manifest for manifest in dataset.in_force(days)}
            wanted = {day: registration(dataset, manifest) for day, manifest in manifests.items()}
            stale = self._stale(cursor, table, wanted)
            cursor.execute(_delete(table), {"days": stale})
            rows = (row for day in stale for row in with_day(fitting_rows(table, dataset, manifests[day]), table, day))
            self.warehouse.load(cursor, table.name, rows)
            if len(stale) >= MANY_DAYS:
                # Without statistics, joins of what was just loaded are planned as if it were a few rows; and block
                # ranges that nothing summarized are read whenever a day is looked for.
                cursor.execute(f"analyze {qualified(table.name)}", ())
                cursor.execute(_SUMMARIZE, {"table": qualified(table.name)})
            moment, records = timestamp(datetime.now(UTC)), [wanted[day] for day in stale]
            values = [(table.name, r.day, r.location, r.batch_id, r.rows, moment) for r in records]
            execute_values(cursor, _RECORD, values, page_size=1000)
            return wanted

        return self.warehouse.transaction(work)

    def registered(self, table: Table, span: DayRange) -> dict[date, Registration]:
        rows = self.warehouse.rows(_REGISTERED, {"table": table.name, **span.parameters()})
        return {row["day"]: Registration(**row) for row in rows}

    def deregister(self, table: Table, days: Sequence[date]) -> None:
        def work(cursor: psycopg2.extensions.cursor) -> None:
            cursor.execute("lock table spectrum.registered_partition in exclusive mode")
            of_days = {"table": table.name, "days": list(days)}
            cursor.execute(_delete(table), of_days)
            cursor.execute(_FORGET, of_days)

        self.warehouse.transaction(work)

    def seen(self, table: Table, span: DayRange) -> dict[date, str]:
        """What is registered: here the warehouse is the catalog."""
        return {day: found.location[:SEEN_CHARACTERS] for day, found in self.registered(table, span).items()}

    @staticmethod
    def _stale(cursor: psycopg2.extensions.cursor, table: Table, wanted: Mapping[date, Registration]) -> list[date]:
        cursor.execute(_REGISTERED, {"table": table.name, **DayRange(min(wanted), max(wanted)).parameters()})
        found = {row[0]: Registration(*row) for row in cursor.fetchall()}
        return sorted(day for day, registration in wanted.items() if found.get(day) != registration)


def _delete(table: Table) -> str:
    return f"delete from {qualified(table.name)} where {quoted(table.partition_column)} = any(%(days)s::date[])"


_COLUMNS = """
select attname as name, format_type(atttypid, atttypmod) as type
from pg_attribute
inner join pg_class on pg_class.oid = attrelid
inner join pg_namespace on pg_namespace.oid = relnamespace
where nspname = %(schema)s and relname = %(table)s and attnum > 0 and not attisdropped
order by attnum
"""

_FORGET = """
delete from spectrum.registered_partition
where table_name = %(table)s and insert_date = any(%(days)s::date[])
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

_SUMMARIZE = """
select brin_summarize_new_values(indexrelid)
from pg_index
inner join pg_class on pg_class.oid = indexrelid
inner join pg_am on pg_am.oid = relam
where indrelid = %(table)s::regclass and amname = 'brin'
"""
