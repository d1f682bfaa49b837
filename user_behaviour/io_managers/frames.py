"""Arrow tables, streams of record batches and data frames as days of a lake data set, and back.

A value for one day may have no partition column; a value for many days must have it, as `date`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from user_behaviour.manifests import timestamp
from user_behaviour.recipes import DayBatch, HeldBackError, PerDay
from user_behaviour.resources.conformity import AUDIT_COLUMN
from user_behaviour.tables import Table

if TYPE_CHECKING:
    import pyarrow as pa


class PartitionColumnError(HeldBackError):
    """Rows cannot be told apart by day, or belong to days that the run does not write."""


def per_day(value: Any, table: Table, days: Sequence[date]) -> PerDay:
    """The value as a recipe: each day of the run gets its rows; a day without rows becomes an empty partition."""
    import pyarrow as pa

    as_of = timestamp(datetime.now(UTC))
    if isinstance(value, pa.RecordBatchReader):
        in_order = _Runs(value, table, days)
        return PerDay(lambda: nullcontext(lambda day: DayBatch(as_of, in_order.of(day))))
    arrow = value if isinstance(value, pa.Table) else _from_pandas(value, table, days)
    by_day = _split(arrow, table, days)
    return PerDay(lambda: nullcontext(lambda day: DayBatch(as_of, by_day(day))))


def _from_pandas(frame: Any, table: Table, days: Sequence[date]) -> pa.Table:
    import pyarrow as pa

    schema = table.arrow_schema()
    wanted = [field for field in schema if field.name in frame.columns or field.name != AUDIT_COLUMN]
    if table.partition_column in frame.columns:
        wanted.append(pa.field(table.partition_column, pa.date32()))
    absent = [field.name for field in wanted if field.name not in frame.columns]
    if absent:
        raise PartitionColumnError(f"{table.name}: the data frame for {days[0]} has no column {', '.join(absent)}.")
    return pa.Table.from_pandas(frame, schema=pa.schema(wanted), preserve_index=False)


def _split(arrow: pa.Table, table: Table, days: Sequence[date]) -> Callable[[date], list[pa.RecordBatch]]:
    import pyarrow.compute as pc

    column = table.partition_column
    if column not in arrow.column_names:
        if len(days) > 1:
            raise PartitionColumnError(
                f"{table.name}: rows for {len(days)} days have no column {column}; add it, as a date."
            )
        return lambda _: arrow.to_batches()
    _require_days(set(pc.unique(arrow[column]).to_pylist()), table, days)
    rows = arrow.drop_columns([column])
    return lambda day: rows.filter(pc.equal(arrow[column], day)).to_batches()


def _require_days(found: set[date], table: Table, days: Sequence[date]) -> None:
    if foreign := found - set(days):
        raise PartitionColumnError(
            f"{table.name}: rows of {min(foreign)} came in a run of {days[0]} to {days[-1]}; filter them out."
        )


class _Runs:
    """A stream whose rows come in the order of days, cut into days; holds one batch at a time."""

    def __init__(self, reader: pa.RecordBatchReader, table: Table, days: Sequence[date]) -> None:
        self._pieces = self._cut(reader, table, days)
        self._next: tuple[date, pa.RecordBatch] | None = next(self._pieces, None)

    def of(self, day: date) -> Iterator[pa.RecordBatch]:
        """The rows of a day; days must be asked for in order."""
        while self._next and self._next[0] == day:
            yield self._next[1]
            self._next = next(self._pieces, None)

    @staticmethod
    def _cut(reader: pa.RecordBatchReader, table: Table, days: Sequence[date]) -> Iterator[tuple[date, pa.RecordBatch]]:
        import pyarrow.compute as pc

        column, latest = table.partition_column, days[0]
        for batch in reader:
            if column not in batch.schema.names:
                if len(days) > 1:
                    raise PartitionColumnError(f"{table.name}: the stream has no column {column}; add it, as a date.")
                yield days[0], batch
                continue
            present = pc.unique(batch[column]).to_pylist()
            _require_days(set(present), table, days)
            for day in present:
                if day < latest:
                    raise PartitionColumnError(f"{table.name}: rows of {day} came after rows of {latest}; sort by day.")
                latest = day
                yield day, batch.drop_columns([column]).filter(pc.equal(batch[column], day))
