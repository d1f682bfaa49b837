"""Arrow tables, streams of record batches and data frames as days of a lake data set, and back.

A value for one day may have no partition column; a value for many days must have it, as `date`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from user_behaviour.lake.conformity import AUDIT_COLUMN
from user_behaviour.lake.manifests import timestamp
from user_behaviour.recipes import DayBatch, PerDay
from user_behaviour.tables.table import Table

if TYPE_CHECKING:
    import pyarrow as pa


class PartitionColumnError(Exception):
    """Rows cannot be told apart by day, or belong to days that the run does not write: no day can be trusted."""


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


@contextmanager
def repeatable(value: Any) -> Iterator[Callable[[], Any]]:
    """Gives a function that gives the value as often as it is called; a stream is kept in a temporary file for that.

    A transaction that is tried again needs its rows again, and should not wait for whoever makes them.
    """
    import pyarrow as pa

    if not isinstance(value, pa.RecordBatchReader):
        yield lambda: value
        return
    with tempfile.TemporaryFile() as file:
        with pa.ipc.new_stream(file, value.schema) as writer:
            for batch in value:
                writer.write_batch(batch)

        def again() -> pa.RecordBatchReader:
            file.seek(0)
            return pa.ipc.open_stream(file)

        yield again


def as_wanted(stream: pa.RecordBatchReader, wanted: Any) -> Any:
    """The stream as the type that an asset's parameter asks for; None for a type that rows cannot be given as."""
    import pandas as pd
    import pyarrow as pa

    if wanted is pa.RecordBatchReader:
        return stream
    if wanted is pa.Table:
        return stream.read_all()
    if wanted is pd.DataFrame:
        return stream.read_all().to_pandas(date_as_object=True)
    return None


def _from_pandas(frame: Any, table: Table, days: Sequence[date]) -> pa.Table:
    import pyarrow as pa

    schema = table.arrow_schema()
    wanted = [field for field in schema if field.name in frame.columns or field.name != AUDIT_COLUMN]
    if table.partition_column in frame.columns:
        wanted.append(pa.field(table.partition_column, pa.date32()))
    absent = [field.name for field in wanted if field.name not in frame.columns]
    if absent:
        raise PartitionColumnError(f"{table.name}: the data frame for {days[0]} has no column {', '.join(absent)}.")
    # Nulls are judged day by day, as those of every other value are; pyarrow would refuse the whole frame.
    nullable = pa.schema([(field.name, field.type) for field in wanted])
    return pa.Table.from_pandas(frame, schema=nullable, preserve_index=False)


def _split(arrow: pa.Table, table: Table, days: Sequence[date]) -> Callable[[date], list[pa.RecordBatch]]:
    import pyarrow.compute as pc

    column = table.partition_column
    if column not in arrow.column_names:
        if len(days) > 1:
            raise PartitionColumnError(
                f"{table.name}: rows for {len(days)} days have no column {column}; add it, as a date."
            )
        return lambda _: arrow.to_batches()
    _days_in(arrow[column], table, days)
    rows = arrow.drop_columns([column])
    return lambda day: rows.filter(pc.equal(arrow[column], day)).to_batches()


def _days_in(values: Any, table: Table, days: Sequence[date]) -> list[date]:
    """The days of a partition column, in the order in which they first come; all must be days of the run."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if values.type != pa.date32():
        raise PartitionColumnError(f"{table.name}: {table.partition_column} is {values.type}; make it a date.")
    if values.null_count:
        raise PartitionColumnError(f"{table.name}: {values.null_count} rows have no {table.partition_column}.")
    found: list[date] = pc.unique(values).to_pylist()
    if foreign := set(found) - set(days):
        raise PartitionColumnError(
            f"{table.name}: rows of {min(foreign)} came in a run of {days[0]} to {days[-1]}; filter them out."
        )
    return found


class _Runs:
    """A stream whose rows come in the order of days, cut into days; holds one batch at a time."""

    def __init__(self, reader: pa.RecordBatchReader, table: Table, days: Sequence[date]) -> None:
        self._pieces = self._cut(reader, table, days)
        self._next: tuple[date, pa.RecordBatch] | None = next(self._pieces, None)

    def of(self, day: date) -> Iterator[pa.RecordBatch]:
        """The rows of a day; days must be asked for in order. What nobody took of the days before is passed over."""
        while self._next and self._next[0] < day:
            self._next = next(self._pieces, None)
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
            for day in _days_in(batch[column], table, days):
                if day < latest:
                    raise PartitionColumnError(f"{table.name}: rows of {day} came after rows of {latest}; sort by day.")
                latest = day
                yield day, batch.drop_columns([column]).filter(pc.equal(batch[column], day))
