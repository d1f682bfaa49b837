"""The warehouse IO manager: an asset's partitions are the rows of a warehouse table that bear the partition's day.

Here is what is written and read, of which days; how days are replaced in one transaction is in `replacement`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, ClassVar

import pyarrow as pa

from user_behaviour.io_managers.frames import FRAMES, Frame, as_frame, repeatable
from user_behaviour.io_managers.partitioned import Input, Output, PartitionedIOManager, named
from user_behaviour.io_managers.publishing import Outcome
from user_behaviour.io_managers.refusals import reasons, replaced
from user_behaviour.io_managers.replacement import Replacement, on_range
from user_behaviour.lake.conformity import schema_with_day
from user_behaviour.lake.held_back import MissingPartitionError
from user_behaviour.recipes import PublishedPartitions, RegisteredPartitions, ReplaceDays
from user_behaviour.tables.days import DayRange, ranges
from user_behaviour.tables.identifiers import listed, quoted
from user_behaviour.tables.table import Table
from user_behaviour.warehouse.published_days import PublishedDay, published_days
from user_behaviour.warehouse.warehouse import Warehouse


class WarehouseIOManager(PartitionedIOManager):
    """Stores an asset's partitions as the rows of a warehouse table that bear the partition's day."""

    takes: ClassVar = (named(ReplaceDays), *FRAMES)
    gives: ClassVar = (named(PublishedPartitions), *FRAMES)

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
            return warehouse.retried(lambda: Replacement(warehouse, output, days).attempt(again()))

        def why(span: DayRange, error: Exception) -> Sequence[str] | None:
            return reasons(warehouse, output, again(), span=span, error=error)

        return replaced(partitions, replace, why=why)

    def read(self, wanted: Input) -> Any:
        """Gives the rows of the days, with the partition column as the last, a `date`.

        Raises `MissingPartitionError` where a day was never published; as `PublishedPartitions`, says which were not.
        """
        warehouse = self.warehouse.labelled(wanted.label)
        partitions = _partitions(warehouse, wanted.table, wanted.days)
        if wanted.kind is PublishedPartitions:
            return partitions
        if missing := [*partitions.missing.values()]:
            raise missing[0]
        rows = _rows(warehouse, wanted.table, partitions.by_day)
        return as_frame(pa.RecordBatchReader.from_batches(schema_with_day(wanted.table), rows), wanted.kind)


def _not_there(
    output: Output, reads: Sequence[RegisteredPartitions | PublishedPartitions]
) -> dict[date, Sequence[str]]:
    """The days that lack an input, and why: all of them, where a day is missing that is read beside them."""
    held_back: dict[date, Sequence[str]] = _made_from_others(reads)
    for read in reads:
        output.require_days(read.table.name, [*read.by_day, *read.missing])
        for day, error in read.missing.items():
            held_back.update(dict.fromkeys([day] if day in output.days else output.days, error.reasons))
    return held_back


def _made_from_others(reads: Sequence[RegisteredPartitions | PublishedPartitions]) -> dict[date, Sequence[str]]:
    """The days of which one input is made from another batch of one that is read beside it, and which."""
    held_back: dict[date, Sequence[str]] = {}
    for made in (read for read in reads if isinstance(read, PublishedPartitions)):
        for of in (read for read in reads if read is not made):
            for day in made.by_day.keys() & of.by_day.keys():
                batch, in_force = made.by_day[day].sources.get(of.table.name), of.by_day[day].batch_id
                if batch not in (None, in_force):
                    held_back[day] = [
                        f"{made.table.name} of {day} is made from batch {batch} of {of.table.name}, in force is "
                        f"{in_force}; materialise it again first"
                    ]
    return held_back


def _partitions(warehouse: Warehouse, table: Table, days: Sequence[date]) -> PublishedPartitions:
    found = published_days(warehouse, table.name, DayRange(days[0], days[-1])) if days else {}
    missing = {
        day: MissingPartitionError(f"Partition {day} of {table.name} is not in the warehouse; materialise it first.")
        for day in days
        if day not in found
    }
    return PublishedPartitions(table, {day: found[day] for day in days if day in found}, missing)


def _rows(warehouse: Warehouse, table: Table, days: Mapping[date, PublishedDay]) -> Iterator[pa.RecordBatch]:
    """The rows of the days, as many of each as are recorded."""
    selected = on_range(f"select {listed(*table.column_names, table.partition_column)}", table)
    sql = f"{selected} order by {quoted(table.partition_column)}"
    for span in ranges(days):
        expected = sum(days[day].rows for day in span.days())
        yield from warehouse.unload(sql, span.parameters(), schema_with_day(table), expected=expected)
