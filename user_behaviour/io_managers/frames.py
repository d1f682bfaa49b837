"""Arrow tables, streams of record batches and pandas data frames, cut into the days of a run, and made from them.

A value for one day may have no partition column; a value for many days must have it, as `date`. pandas is imported
where a frame is asked for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import pyarrow as pa
import pyarrow.compute as pc

from user_behaviour.lake.conformity import AUDIT_COLUMN, SchemaError
from user_behaviour.tables.table import Table
from user_behaviour.tables.values import MisfitError, exact

if TYPE_CHECKING:
    import pandas as pd

Frame: TypeAlias = Union[pa.Table, pa.RecordBatchReader, "pd.DataFrame"]
DayRows: TypeAlias = tuple[date, Iterable[pa.RecordBatch]]
FRAMES = ("pyarrow.Table", "pyarrow.RecordBatchReader", "pandas.DataFrame")


class PartitionColumnError(Exception):
    """Rows cannot be told apart by day, or belong to days that the run does not write: no day can be trusted."""


def by_day(value: Frame, table: Table, days: Sequence[date]) -> Iterator[DayRows]:
    """Each day of the run, in order, with its rows, without the partition column; a day may have none.

    A stream must come in the order of days and is read as it is asked for: rows that nobody took of a day are passed
    over when the next is asked for. Raises `PartitionColumnError`, of a stream perhaps half-way.
    """
    is_arrow = isinstance(value, pa.Table | pa.RecordBatchReader)
    if table.partition_column not in (value.schema.names if is_arrow else value.columns):
        if len(days) > 1:
            raise PartitionColumnError(
                f"{table.name}: rows for {len(days)} days have no column {table.partition_column}; add it, as a date."
            )
        if not is_arrow:
            return iter([(days[0], _batch(value, table, days[0]))])
        return iter([(days[0], value.to_batches() if isinstance(value, pa.Table) else value)])
    if isinstance(value, pa.RecordBatchReader):
        return _days_of_stream(value, table, days)
    return (_days_of_table if isinstance(value, pa.Table) else _days_of_pandas)(value, table, days)


@contextmanager
def repeatable(value: Any) -> Iterator[Callable[[], Any]]:
    """Gives a function that gives the value as often as it is called; a stream is kept in a temporary file for that.

    A transaction that is retried needs its rows again, and must not wait for them while it holds its lock.
    """
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


def as_frame(stream: pa.RecordBatchReader, kind: Any) -> Any:
    """The stream as one of the types of `FRAMES`."""
    if kind is pa.RecordBatchReader:
        return stream
    if kind is pa.Table:
        return stream.read_all()
    import pandas as pd

    # As pandas' own integers: numpy's have no null, and the floats that stand in for them lose digits.
    integers = {pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype()}
    return stream.read_all().to_pandas(date_as_object=True, types_mapper=integers.get)


def _days_of_pandas(frame: pd.DataFrame, table: Table, days: Sequence[date]) -> Iterator[DayRows]:
    column = table.partition_column
    if [*frame.columns].count(column) > 1:
        raise PartitionColumnError(f"{table.name}: the data frame has more than one column {column}; drop the others.")
    try:
        of_rows = exact(frame[column], pa.field(column, pa.date32()))
    except MisfitError as error:
        raise PartitionColumnError(f"{table.name}: {error}; make it a date.") from error
    _days_in(of_rows, table, days)
    rows = frame.drop(columns=column)
    for day in days:
        yield day, _batch(rows[pc.equal(of_rows, day).to_numpy(zero_copy_only=False)], table, day)


def _batch(frame: pd.DataFrame, table: Table, day: date) -> Iterator[pa.RecordBatch]:
    """One day's rows, their columns by name; raises `SchemaError` when it is asked for, and so of its own day."""
    given = [*frame.columns]
    declared = [field for field in table.arrow_schema() if field.name in given or field.name != AUDIT_COLUMN]
    if len(given) != len(declared) or {*given} != {field.name for field in declared}:
        raise SchemaError(
            f"{table.name}, {day}: the columns of the data frame are ({', '.join(map(str, given))}), declared are "
            f"({', '.join(table.column_names)})."
        )
    try:
        yield pa.record_batch({field.name: exact(frame[field.name], field) for field in declared})
    except MisfitError as error:
        raise SchemaError(f"{table.name}, {day}: {error}; correct it, and run the day again.") from error


def _days_of_table(rows: pa.Table, table: Table, days: Sequence[date]) -> Iterator[DayRows]:
    column = table.partition_column
    _days_in(rows[column], table, days)
    for day in days:
        yield day, rows.filter(pc.equal(rows[column], day)).drop_columns([column]).to_batches()


def _days_of_stream(reader: pa.RecordBatchReader, table: Table, days: Sequence[date]) -> Iterator[DayRows]:
    # groupby passes over what is left of a day when the next one is asked for.
    groups = groupby(_pieces(reader, table, days), key=lambda piece: piece[0])
    group = next(groups, None)
    for day in days:
        if group is None or group[0] != day:
            yield day, ()
            continue
        yield day, (rows for _, rows in group[1])
        group = next(groups, None)


def _pieces(reader: pa.RecordBatchReader, table: Table, days: Sequence[date]) -> Iterator[tuple[date, pa.RecordBatch]]:
    """The batches of a stream, cut where a day ends; raises where a day comes back."""
    column, latest = table.partition_column, days[0]
    for batch in reader:
        for day in _days_in(batch[column], table, days):
            if day < latest:
                raise PartitionColumnError(f"{table.name}: rows of {day} came after rows of {latest}; sort by day.")
            latest = day
            yield day, batch.filter(pc.equal(batch[column], day)).drop_columns([column])


def _days_in(values: pa.Array | pa.ChunkedArray, table: Table, days: Sequence[date]) -> list[date]:
    """The days of a partition column, in the order in which they first come; all must be days of the run."""
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
