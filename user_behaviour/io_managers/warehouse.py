"""The warehouse IO manager: replaces ranges of days of a table, all in one transaction: lock, delete, insert, audit.

Takes the recipe `ReplaceDays`, Arrow tables, streams of record batches and pandas data frames; gives the last three,
of one day or of many. Every published day has a row in `audit.published_partition`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd
import pyarrow as pa

from user_behaviour.io_managers.frames import as_wanted, per_day, repeatable
from user_behaviour.io_managers.publishing import (
    PREVIEW_ROWS,
    Outcome,
    batch_id_of,
    days_to_read,
    days_to_write,
    finish,
    preview,
    table_of,
)
from user_behaviour.lake.conformity import (
    require_schema,
    require_values,
    schema_with_day,
    with_audit_column,
    with_day,
)
from user_behaviour.lake.held_back import MissingPartitionError
from user_behaviour.recipes import PerDay, ReplaceDays
from user_behaviour.tables.days import ranges
from user_behaviour.tables.table import Table
from user_behaviour.warehouse.warehouse import Warehouse, fetch

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812


class AuditError(Exception):
    """A law that the rows must keep is broken; the transaction was rolled back and the rows before it are in force."""


class WarehouseIOManager(dg.ConfigurableIOManager):
    """Stores an asset's partitions as the rows of a warehouse table that bear the partition's day."""

    warehouse: Warehouse

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Replaces the days of the output; days whose inputs are missing are held back."""
        table = table_of(context.asset_key, context.definition_metadata)
        days = days_to_write(context)
        outcome = Outcome()
        if isinstance(obj, ReplaceDays):
            missing = {day: error for read in obj.reads for day, error in read.missing.items()}
            outcome.held_back.update({day: error.reasons for day, error in missing.items()})
            days = [day for day in days if day not in missing]
        elif not isinstance(obj, (pa.Table, pa.RecordBatchReader, pd.DataFrame)):
            raise TypeError(
                f"{context.asset_key.to_user_string()} returned {type(obj).__name__}; the warehouse takes one of: "
                "ReplaceDays, pyarrow.Table, pyarrow.RecordBatchReader, pandas.DataFrame."
            )
        if days:
            warehouse = self.warehouse.labelled(f"{context.asset_key.to_user_string()} {context.run_id}")
            replacement = _Replacement(warehouse, table, batch_id_of(context))
            with repeatable(obj) as value:
                done = warehouse.transaction(lambda cursor: replacement.run(cursor, value(), days))
            outcome.published.update(done)
        finish(context, outcome)

    def load_input(self, context: dg.InputContext) -> Any:
        """Gives the rows of the days of the input as the type that the asset's parameter is annotated with."""
        upstream = context.upstream_output
        table = table_of(context.asset_key, upstream.definition_metadata if upstream else context.definition_metadata)
        days = days_to_read(context)
        warehouse = self.warehouse.labelled(_reader(context))
        _require_published(warehouse, table, days)
        stream = pa.RecordBatchReader.from_batches(schema_with_day(table), _rows(warehouse, table, days))
        wanted = context.dagster_type.typing_type
        if (given := as_wanted(stream, wanted)) is not None:
            return given
        raise TypeError(
            f"The warehouse cannot give {context.asset_key.to_user_string()} as {wanted}; annotate the parameter with "
            "one of: pyarrow.Table, pyarrow.RecordBatchReader, pandas.DataFrame."
        )


class _Replacement:
    """The replacement of days of one table, inside one transaction."""

    def __init__(self, warehouse: Warehouse, table: Table, batch_id: str) -> None:
        self._warehouse = warehouse
        self._table = table
        self._batch_id = batch_id

    def run(self, cursor: Cursor, obj: Any, days: Sequence[date]) -> dict[date, dict[str, Any]]:
        """Replaces the days and gives the metadata of each."""
        # Alone and first: on Redshift a snapshot taken before the lock would not see what the lock waited for.
        cursor.execute("lock table audit.writer_lock")
        facts: dict[date, dict[str, Any]] = {day: {} for day in days}
        for span in ranges(days):
            cursor.execute(self._on_range("delete from {table}"), self._parameters(span))
            if isinstance(obj, ReplaceDays):
                cursor.execute(obj.insert, self._parameters(span))
                self._audit(cursor, obj, self._parameters(span))
                cursor.execute(obj.facts, self._parameters(span))
                for row in fetch(cursor):
                    facts[row.pop(self._table.partition_column)] = {k: _plain(v) for k, v in row.items()}
        if not isinstance(obj, ReplaceDays):
            self._warehouse.load(cursor, self._table.name, self._frames(obj, days))
        reads = obj.reads if isinstance(obj, ReplaceDays) else ()
        sources = {day: {read.table: read.batches[day] for read in reads} for day in days}
        rows = self._counts(cursor, days)
        self._record(cursor, rows, sources, facts)
        shown = self._preview(cursor, days[-1])
        return {
            day: {
                "dagster/partition_row_count": rows[day],
                "batch_id": self._batch_id,
                **facts[day],
                **({"preview": shown} if day == days[-1] else {}),
            }
            for day in days
        }

    def _parameters(self, span: Any) -> dict[str, Any]:
        return {"first_day": span.first, "end_day": span.end, "batch_id": self._batch_id}

    def _on_range(self, statement: str) -> str:
        day = self._table.partition_column
        return f"{statement.format(table=self._table.name)} where {day} >= %(first_day)s and {day} < %(end_day)s"

    def _audit(self, cursor: Cursor, recipe: ReplaceDays, parameters: Mapping[str, Any]) -> None:
        for law in recipe.audit:
            cursor.execute(law, parameters)
            if broken := fetch(cursor):
                first = broken[0]
                raise AuditError(
                    f"{self._table.name}: {len(broken)} broken laws, first on {first['insert_date']}: {first['law']}: "
                    f"found {first['found']}, expected {first['expected']}. Rolled back; the rows before are in force."
                )

    def _frames(self, obj: Any, days: Sequence[date]) -> Iterator[pa.RecordBatch]:
        recipe: PerDay = per_day(obj, self._table, days)
        with recipe.open() as batch_of:
            for day in days:
                for rows in batch_of(day).batches:
                    batch = with_audit_column(rows, self._table, self._batch_id)
                    require_schema(batch.schema, self._table, str(day))
                    require_values(batch, self._table)
                    yield from with_day([batch], self._table, day)

    def _counts(self, cursor: Cursor, days: Sequence[date]) -> dict[date, int]:
        counts = dict.fromkeys(days, 0)
        day = self._table.partition_column
        for span in ranges(days):
            cursor.execute(
                self._on_range(f"select {day} as day, count(*) as rows from {{table}}") + f" group by {day}",
                self._parameters(span),
            )
            counts.update({row["day"]: row["rows"] for row in fetch(cursor)})
        return counts

    def _preview(self, cursor: Cursor, day: date) -> dg.MarkdownMetadataValue:
        names = ", ".join(self._table.column_names)
        cursor.execute(
            f"select {names} from {self._table.name} where {self._table.partition_column} = %s limit {PREVIEW_ROWS}",
            (day,),
        )
        return preview(fetch(cursor))

    def _record(
        self,
        cursor: Cursor,
        rows: Mapping[date, int],
        sources: Mapping[date, Mapping[str, str]],
        facts: Mapping[date, Mapping[str, Any]],
    ) -> None:
        from psycopg2.extras import execute_values

        for span in ranges(rows):
            cursor.execute(
                "delete from audit.published_partition "
                "where table_name = %s and insert_date >= %s and insert_date < %s",
                (self._table.name, span.first, span.end),
            )
        moment = datetime.now(UTC).replace(tzinfo=None)  # the column has no zone, and is in UTC
        values = [
            (self._table.name, day, self._batch_id, moment, count, json.dumps(sources[day]), json.dumps(facts[day]))
            for day, count in rows.items()
        ]
        execute_values(
            cursor,
            "insert into audit.published_partition "
            "(table_name, insert_date, batch_id, written_at, row_count, sources, facts) values %s",
            values,
            page_size=1000,
        )


def _plain(value: Any) -> int | float | str:
    """Counts as they are; exact amounts as texts, which keep their digits."""
    return value if isinstance(value, (int, float)) else str(value)


def _reader(context: dg.InputContext) -> str:
    """Who asks for an input: the asset that is read, and the run; outside of a run there is none."""
    try:
        run = context.step_context.run_id
    except dg.DagsterInvariantViolationError:
        run = ""
    return f"{context.asset_key.to_user_string()} {run}".strip()


def _require_published(warehouse: Warehouse, table: Table, days: Sequence[date]) -> None:
    found = warehouse.rows(
        "select insert_date from audit.published_partition "
        "where table_name = %(table)s and insert_date >= %(first)s and insert_date <= %(last)s",
        {"table": table.name, "first": days[0], "last": days[-1]},
    )
    if absent := sorted(set(days) - {row["insert_date"] for row in found}):
        raise MissingPartitionError(
            f"Partition {absent[0]} of {table.name} is not in the warehouse; materialise it first."
        )


def _rows(warehouse: Warehouse, table: Table, days: Sequence[date]) -> Iterator[pa.RecordBatch]:
    names = ", ".join((*table.column_names, table.partition_column))
    day = table.partition_column
    for span in ranges(days):
        yield from warehouse.unload(
            f"select {names} from {table.name} where {day} >= %(first_day)s and {day} < %(end_day)s order by {day}",
            {"first_day": span.first, "end_day": span.end},
            schema_with_day(table),
        )
