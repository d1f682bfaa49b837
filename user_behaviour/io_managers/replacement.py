"""The replacement of days of a warehouse table, in one transaction: lock, delete, insert, audit, record.

By SQL (`ReplaceDays`) or with rows from Python. What SQL reads of external tables it reads before the lock, into
temporary tables (docs/adr/0024). Every published day has a row in `audit.published_partition`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg
import pyarrow as pa
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from user_behaviour.io_managers.frames import Frame, by_day
from user_behaviour.io_managers.partitioned import Output
from user_behaviour.io_managers.publishing import PREVIEW, PREVIEW_ROWS, ROWS, business_first, plottable, preview
from user_behaviour.io_managers.restatement import Restatement
from user_behaviour.lake.conformity import AUDIT_COLUMN, require_schema, require_storable, with_audit_column, with_day
from user_behaviour.recipes import Extract, PublishedPartitions, RegisteredPartitions, ReplaceDays
from user_behaviour.tables.days import DayRange, ranges
from user_behaviour.tables.identifiers import listed, qualified, quoted
from user_behaviour.tables.table import Table
from user_behaviour.warehouse.published_days import PublishedDay, now, record_published, recorded_days
from user_behaviour.warehouse.warehouse import Warehouse, fetch

UNKNOWN_BATCH = "unknown"
"""Recorded of a day whose rows could not be seen; it is no batch, so that the day counts as outdated."""


class AuditError(Exception):
    """A law that the rows must keep is broken; the transaction was rolled back and the rows before it are in force."""


class FactsError(Exception):
    """A query of facts does not select one row a day, the day first; the transaction was rolled back."""


@dataclass(frozen=True)
class Replacement:
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
            before = self._recorded(cursor)
            if extracts and before != recorded:
                # A run replaced the days after this one had read, and may have read newer partitions: read them too.
                for extract in extracts:
                    cursor.execute(f"drop table {quoted(extract.name)}")
                self._read(cursor, extracts)
            metadata = self._run(cursor, value, before)
            connection.commit()
            return metadata

    def _recorded(self, cursor: Cursor) -> dict[date, PublishedDay]:
        found = recorded_days(cursor, self.table.name, self._span)
        return {day: published for day, published in found.items() if day in self.days}

    def _read(self, cursor: Cursor, extracts: Sequence[Extract]) -> None:
        for extract in extracts:
            parameters = self.output.parameters(self._span)
            cursor.execute(f"create temporary table {quoted(extract.name)} as {extract.select}", parameters)

    @property
    def _span(self) -> DayRange:
        """From the first of the days to the last, be there others between them: one statement reads them all."""
        return DayRange(self.days[0], self.days[-1])

    def _run(
        self, cursor: Cursor, value: ReplaceDays | Frame, before: Mapping[date, PublishedDay]
    ) -> dict[date, dict[str, Any]]:
        """Replaces the days by what the recipe selects, or by rows; gives the metadata of each day."""
        restatement = None
        if before and isinstance(value, ReplaceDays) and value.restatement:
            restatement = Restatement(value.restatement, self.table, before)
            restatement.keep_rows(cursor, self._span)
        for span in [] if isinstance(value, ReplaceDays) and value.keeps_rows else ranges(self.days):
            cursor.execute(on_range("delete", self.table), span.parameters())
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
        batch_id, moment = self.output.batch_id, now()
        written = {"rows": rows, "sources": sources, "facts": facts}
        record_published(cursor, self.table.name, batch_id, **written, before=before, moment=moment)
        metadata = {day: {ROWS: rows[day], "batch_id": batch_id, **plottable(facts[day])} for day in self.days}
        if restatement:
            for day, restated in restatement.record(cursor, batch_id, moment=moment, span=self._span, sources=sources):
                metadata[day] |= restated
        metadata[self.days[-1]][PREVIEW] = self._preview(cursor, self.days[-1])
        return metadata

    def _batches_read(
        self, cursor: Cursor, read: RegisteredPartitions | PublishedPartitions | Extract
    ) -> dict[date, str]:
        """The batch of each day, by the rows that were read.

        Since it was looked up, a day may have been registered anew. Raises `AuditError` where fewer or more rows of the
        registered batch were read than were registered: Redshift passes over a file that it cannot see.
        """
        if isinstance(read, PublishedPartitions):
            found = recorded_days(cursor, read.table.name, self._span)
            return {day: found[day].batch_id for day in self.days}
        inputs = read.of if isinstance(read, Extract) else read
        registered = {day: inputs.by_day[day] for day in self.days}
        if AUDIT_COLUMN not in inputs.table.column_names:
            return {day: found.batch_id for day, found in registered.items()}
        if not isinstance(read, Extract):
            batches = {day: UNKNOWN_BATCH if found.rows else found.batch_id for day, found in registered.items()}
            return batches | self._by_day(cursor, f"max({AUDIT_COLUMN})", inputs.table)
        column = quoted(inputs.table.partition_column)
        seen = f"select {column}, max({AUDIT_COLUMN}), sum(row_count) from {quoted(read.name)} group by {column}"
        cursor.execute(seen)
        rows_of = {day: (batch_id, rows) for day, batch_id, rows in cursor.fetchall()}
        batches = {}
        for day, expected in registered.items():
            batches[day], rows = rows_of.get(day, (expected.batch_id, 0))
            if batches[day] == expected.batch_id and rows != expected.rows:
                raise AuditError(
                    f"{self.table.name}, {day}: {rows} rows of {inputs.table.name} were read, {expected.rows} are "
                    "registered. Rolled back; the rows before are in force."
                )
        return batches

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
        if not recipe.facts:
            return {}
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
            cursor.execute(f"{on_range(f'select {day}, {aggregate}', table)} group by {day}", span.parameters())
            found |= dict(cursor.fetchall())
        return found

    def _preview(self, cursor: Cursor, day: date) -> dg.MarkdownMetadataValue:
        names = listed(*business_first(self.table.column_names))
        selected = on_range(f"select {names}", self.table)
        cursor.execute(f"{selected} order by {names} limit {PREVIEW_ROWS}", DayRange(day, day).parameters())
        return preview(fetch(cursor))


def on_range(verb: str, table: Table) -> str:
    """A statement about the rows of a range of days."""
    day = quoted(table.partition_column)
    return f"{verb} from {qualified(table.name)} where {day} >= %(first_day)s and {day} < %(end_day)s"
