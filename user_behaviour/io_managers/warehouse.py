"""The warehouse IO manager: replaces ranges of days of a table in one transaction: lock, delete, insert, audit.

One day or many, by SQL (`ReplaceDays`) or with rows from Python. What SQL reads of external tables it reads before the
lock, into temporary tables. Every published day has a row in `audit.published_partition`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

import dagster as dg
import pyarrow as pa
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from user_behaviour.io_managers.frames import FRAMES, Frame, as_frame, by_day, repeatable
from user_behaviour.io_managers.partitioned import Input, Output, PartitionedIOManager
from user_behaviour.io_managers.publishing import (
    PREVIEW,
    PREVIEW_ROWS,
    ROWS,
    Outcome,
    business_first,
    plottable,
    preview,
)
from user_behaviour.io_managers.refusals import reasons, replaced
from user_behaviour.lake.conformity import (
    AUDIT_COLUMN,
    require_schema,
    require_storable,
    schema_with_day,
    with_audit_column,
    with_day,
)
from user_behaviour.lake.held_back import MissingPartitionError
from user_behaviour.recipes import Extract, RegisteredPartitions, ReplaceDays
from user_behaviour.tables.days import DayRange, ranges
from user_behaviour.tables.identifiers import listed, qualified, quoted
from user_behaviour.tables.table import Table
from user_behaviour.warehouse.published_days import published_rows, record_published
from user_behaviour.warehouse.warehouse import Warehouse, fetch

UNKNOWN_BATCH = "unknown"
"""Recorded of a day whose rows could not be seen; it is no batch, so that the day counts as outdated."""


class AuditError(Exception):
    """A law that the rows must keep is broken; the transaction was rolled back and the rows before it are in force."""


class FactsError(Exception):
    """A query of facts does not select one row a day, the day first; the transaction was rolled back."""


class WarehouseIOManager(PartitionedIOManager):
    """Stores an asset's partitions as the rows of a warehouse table that bear the partition's day."""

    takes: ClassVar = {"ReplaceDays": ReplaceDays, **FRAMES}
    gives: ClassVar = FRAMES

    warehouse: Warehouse

    def write(self, output: Output, value: ReplaceDays | Frame) -> Outcome:
        """Replaces all of the days; those whose inputs are missing, or whose values do not fit, are held back.

        Raises `AuditError`, `FactsError`, `WrongDaysError`, and `PartitionColumnError` of rows that cannot be told
        apart by day.
        """
        outcome = Outcome(held_back=_not_there(output, value.inputs) if isinstance(value, ReplaceDays) else {})
        whole = set(output.whole(outcome.held_back))
        if partitions := [days for days in output.partitions.values() if whole.issuperset(days)]:
            with repeatable(value) as again:
                done = self._replaced(output, partitions, again)
            outcome.published.update(done.published)
            outcome.held_back.update(done.held_back)
        return outcome

    def _replaced(self, output: Output, partitions: Sequence[Sequence[date]], again: Callable[[], Any]) -> Outcome:
        warehouse = self.warehouse.labelled(output.label)

        def replace(days: Sequence[date]) -> dict[date, dict[str, Any]]:
            return warehouse.retried(lambda: _Replacement(warehouse, output, days).attempt(again()))

        def why(span: DayRange, error: Exception) -> Sequence[str] | None:
            return reasons(warehouse, output, again(), span=span, error=error)

        return replaced(partitions, replace, why=why)

    def read(self, wanted: Input) -> Any:
        """Gives the rows of the days, with the partition column as the last, a `date`.

        Raises `MissingPartitionError` where a day was never published.
        """
        warehouse = self.warehouse.labelled(wanted.label)
        rows = _rows(warehouse, wanted.table, _published(warehouse, wanted.table, wanted.days))
        return as_frame(pa.RecordBatchReader.from_batches(schema_with_day(wanted.table), rows), wanted.kind)


@dataclass(frozen=True)
class _Replacement:
    """The replacement of some days of an output, inside one transaction."""

    warehouse: Warehouse
    output: Output
    days: Sequence[date]

    @property
    def table(self) -> Table:
        return self.output.table

    def attempt(self, value: ReplaceDays | Frame) -> dict[date, dict[str, Any]]:
        """Two transactions of one session: reads what is read before the lock, and replaces the days under it."""
        with self.warehouse.session() as connection, connection.cursor() as cursor:
            recorded = {}
            if extracts := value.extracts if isinstance(value, ReplaceDays) else []:
                recorded = self._recorded(cursor)
                self._read(cursor, extracts)
                connection.commit()
            # Alone and first: on Redshift a snapshot taken before the lock would not see what the lock waited for.
            cursor.execute("lock table audit.writer_lock")
            if extracts and self._recorded(cursor) != recorded:
                # A run replaced the days after this one had read, and may have read newer partitions: read them too.
                for extract in extracts:
                    cursor.execute(f"drop table {quoted(extract.name)}")
                self._read(cursor, extracts)
            metadata = self._run(cursor, value)
            connection.commit()
            return metadata

    def _recorded(self, cursor: Cursor) -> dict[date, Any]:
        """Which run wrote each day, and when."""
        cursor.execute(
            "select insert_date, batch_id, written_at from audit.published_partition "
            "where table_name = %(table)s and insert_date >= %(first_day)s and insert_date < %(end_day)s",
            {"table": self.table.name, **self._hull.parameters()},
        )
        return {day: written for day, *written in cursor.fetchall() if day in self.days}

    def _read(self, cursor: Cursor, extracts: Sequence[Extract]) -> None:
        for extract in extracts:
            parameters = self.output.parameters(self._hull)
            cursor.execute(f"create temporary table {quoted(extract.name)} as {extract.select}", parameters)

    @property
    def _hull(self) -> DayRange:
        return DayRange(self.days[0], self.days[-1])

    def _run(self, cursor: Cursor, value: ReplaceDays | Frame) -> dict[date, dict[str, Any]]:
        """Replaces the days by what the recipe selects, or by rows; gives the metadata of each day."""
        for span in ranges(self.days):
            cursor.execute(_on_range("delete", self.table), span.parameters())
        facts: dict[date, dict[str, Any]] = {day: {} for day in self.days}
        sources: dict[date, dict[str, str]] = {day: {} for day in self.days}
        if isinstance(value, ReplaceDays):
            # Before the rows are: if the catalog knows no transactions and a partition moves in between, the day counts
            # as outdated, and not as made from a batch that came too late for it.
            for read in value.reads:
                table = read.of.table if isinstance(read, Extract) else read.table
                for day, batch in self._batches_read(cursor, read).items():
                    sources[day][table.name] = batch
            for span in ranges(self.days):
                facts |= self._insert(cursor, value, self.output.parameters(span))
        else:
            self.warehouse.load(cursor, self.table.name, self._conforming(value))
        rows = dict.fromkeys(self.days, 0) | self._by_day(cursor, "count(*)", self.table)
        batch_id = self.output.batch_id
        record_published(cursor, self.table.name, batch_id, rows=rows, sources=sources, facts=facts)
        metadata = {day: {ROWS: rows[day], "batch_id": batch_id, **plottable(facts[day])} for day in self.days}
        metadata[self.days[-1]][PREVIEW] = self._preview(cursor, self.days[-1])
        return metadata

    def _batches_read(self, cursor: Cursor, read: RegisteredPartitions | Extract) -> dict[date, str]:
        """The batch of each day, by the rows that were read.

        Since it was looked up, a day may have been registered anew. Raises `AuditError` where fewer or more rows of the
        registered batch were read than were registered: Redshift passes over a file that it cannot see.
        """
        inputs = read.of if isinstance(read, Extract) else read
        registered = {day: inputs.by_day[day] for day in self.days}
        if AUDIT_COLUMN not in inputs.table.column_names:
            return {day: found.batch_id for day, found in registered.items()}
        if not isinstance(read, Extract):
            batches = {day: UNKNOWN_BATCH if found.rows else found.batch_id for day, found in registered.items()}
            return batches | self._by_day(cursor, f"max({AUDIT_COLUMN})", inputs.table)
        day = quoted(inputs.table.partition_column)
        cursor.execute(f"select {day}, max({AUDIT_COLUMN}), sum(row_count) from {quoted(read.name)} group by {day}")
        there = {found: (batch_id, rows) for found, batch_id, rows in cursor.fetchall()}
        seen = {found: there.get(found, (one.batch_id, 0)) for found, one in registered.items()}
        for found, (batch_id, rows) in seen.items():
            if batch_id == registered[found].batch_id and rows != registered[found].rows:
                raise AuditError(
                    f"{self.table.name}, {found}: {rows} rows of {inputs.table.name} were read, "
                    f"{registered[found].rows} are registered. Rolled back; the rows before are in force."
                )
        return {found: batch_id for found, (batch_id, _) in seen.items()}

    def _insert(self, cursor: Cursor, recipe: ReplaceDays, parameters: Mapping[str, Any]) -> dict[date, dict[str, Any]]:
        """Fills an emptied range and holds it against the laws; gives the facts of its days."""
        cursor.execute(recipe.insert, parameters)
        for law in recipe.audit:
            cursor.execute(law, parameters)
            if broken := fetch(cursor):
                first = broken[0]
                raise AuditError(
                    f"{self.table.name}: {len(broken)} broken laws, first on {first['insert_date']}: {first['law']}: "
                    f"found {first['found']}, expected {first['expected']}. Rolled back; the rows before are in force."
                )
        cursor.execute(recipe.facts, parameters)
        found: dict[date, dict[str, Any]] = {}
        for row in fetch(cursor):
            (name, day), *facts = row.items()
            if type(day) is not date or day in found:
                raise FactsError(
                    f"{self.table.name}: the facts begin with {name} = {day!r}, where each row must begin with a date, "
                    "and with another one than the rows before. Rolled back; correct the query."
                )
            found[day] = dict(facts)
        return found

    def _conforming(self, value: Any) -> Iterator[pa.RecordBatch]:
        for day, batches in by_day(value, self.table, self.output.days):
            for rows in batches if day in self.days else ():
                batch = with_audit_column(rows, self.table, self.output.batch_id)
                require_schema(batch.schema, self.table, str(day))
                require_storable(batch, self.table, str(day))
                yield from with_day([batch], self.table, day)

    def _by_day(self, cursor: Cursor, aggregate: str, table: Table) -> dict[date, Any]:
        """An aggregate over the rows of each day that has any."""
        found: dict[date, Any] = {}
        day = quoted(table.partition_column)
        for span in ranges(self.days):
            cursor.execute(f"{_on_range(f'select {day}, {aggregate}', table)} group by {day}", span.parameters())
            found |= dict(cursor.fetchall())
        return found

    def _preview(self, cursor: Cursor, day: date) -> dg.MarkdownMetadataValue:
        names = listed(*business_first(self.table.column_names))
        selected = _on_range(f"select {names}", self.table)
        cursor.execute(f"{selected} order by {names} limit {PREVIEW_ROWS}", DayRange(day, day).parameters())
        return preview(fetch(cursor))


def _not_there(output: Output, reads: Sequence[RegisteredPartitions]) -> dict[date, Sequence[str]]:
    """The days that lack an input, and why: all of them, where a day is missing that is read beside them."""
    held_back: dict[date, Sequence[str]] = {}
    for read in reads:
        output.require_days(read.table.name, [*read.by_day, *read.missing])
        for day, error in read.missing.items():
            held_back.update(dict.fromkeys([day] if day in output.days else output.days, error.reasons))
    return held_back


def _published(warehouse: Warehouse, table: Table, days: Sequence[date]) -> dict[date, int]:
    """The number of rows of each of the days."""
    found = published_rows(warehouse, table.name, DayRange(days[0], days[-1])) if days else {}
    if absent := sorted(set(days) - set(found)):
        raise MissingPartitionError(
            f"Partition {absent[0]} of {table.name} is not in the warehouse; materialise it first."
        )
    return {day: found[day] for day in days}


def _rows(warehouse: Warehouse, table: Table, days: Mapping[date, int]) -> Iterator[pa.RecordBatch]:
    """The rows of the days, of each of which so many are published."""
    selected = _on_range(f"select {listed(*table.column_names, table.partition_column)}", table)
    sql = f"{selected} order by {quoted(table.partition_column)}"
    for span in ranges(days):
        expected = sum(days[day] for day in span.days())
        yield from warehouse.unload(sql, span.parameters(), schema_with_day(table), expected=expected)


def _on_range(verb: str, table: Table) -> str:
    """A statement about the rows of a range of days."""
    day = quoted(table.partition_column)
    return f"{verb} from {qualified(table.name)} where {day} >= %(first_day)s and {day} < %(end_day)s"
