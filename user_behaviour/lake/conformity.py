"""How rows and files are checked against the table that they are to belong to, and brought into its schema."""

from collections.abc import Iterable, Iterator
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from user_behaviour.lake.held_back import HeldBackError
from user_behaviour.tables.table import Table

AUDIT_COLUMN = "batch_id"


class SchemaError(HeldBackError):
    """A day's rows or files do not fit the declared schema."""


def with_audit_column(batch: pa.RecordBatch, table: Table, batch_id: str) -> pa.RecordBatch:
    """Appends the column `batch_id`, or replaces it, where the table declares one."""
    if AUDIT_COLUMN not in table.column_names:
        return batch
    values = pa.repeat(pa.scalar(batch_id), batch.num_rows)
    named = pa.field(AUDIT_COLUMN, pa.string(), nullable=False)
    position = batch.schema.get_field_index(AUDIT_COLUMN)
    return batch.append_column(named, values) if position < 0 else batch.set_column(position, named, values)


def require_schema(found: pa.Schema, table: Table, where: str) -> None:
    """Names, order and types must be the declared ones: Redshift Spectrum widens nothing."""
    expected = table.arrow_schema()
    if [(f.name, f.type) for f in found] != [(f.name, f.type) for f in expected]:
        shown, declared = (", ".join(f"{f.name} {f.type}" for f in schema) for schema in (found, expected))
        raise SchemaError(f"{table.name}, {where}: the columns are ({shown}), declared are ({declared}).")


def require_values(batch: pa.RecordBatch, table: Table) -> None:
    """No null where none may be, and no text longer than its `varchar(n)` bytes, which Redshift would cut."""
    for column, values in zip(table.columns, batch.columns, strict=True):
        if not column.nullable and values.null_count:
            raise SchemaError(f"{table.name}: {column.name} is null in {values.null_count} rows, and may not be.")
        if column.max_bytes is not None:
            longest = pc.max(pc.binary_length(values)).as_py()
            if longest is not None and longest > column.max_bytes:
                raise SchemaError(
                    f"{table.name}: {column.name} holds {longest} bytes, {column.type} takes {column.max_bytes}."
                )


def require_file(metadata: pq.FileMetaData, table: Table, where: str) -> None:
    """A file's footer must show the declared schema, and no null where none may be."""
    require_schema(metadata.schema.to_arrow_schema(), table, where)
    for position, column in enumerate(table.columns):
        chunks = [metadata.row_group(n).column(position).statistics for n in range(metadata.num_row_groups)]
        nulls = sum(chunk.null_count for chunk in chunks if chunk is not None and chunk.has_null_count)
        if nulls and not column.nullable:
            raise SchemaError(f"{table.name}, {where}: {column.name} is null in {nulls} rows, and may not be.")


def conform(batch: pa.RecordBatch, table: Table, day: date) -> pa.RecordBatch:
    """The batch of a day in the table's schema: columns by name, nullable ones that an old file lacks as nulls.

    The declared nullability too: Spark declares every column optional. Nothing is widened, since Redshift Spectrum
    widens nothing: `SchemaError` names the day and what to do.
    """
    said, remedy = f"{table.name}, {day}:", "Materialise the day again, or take the change to the columns back."
    schema = table.arrow_schema()
    arrays = []
    for field in schema:
        position = batch.schema.get_field_index(field.name)
        if position < 0 and not field.nullable:
            raise SchemaError(f"{said} the file has no column {field.name}, which may not be null. {remedy}")
        if position >= 0 and batch.schema.field(position).type != field.type:
            found = batch.schema.field(position).type
            raise SchemaError(f"{said} {field.name} is {found} in the file, declared is {field.type}. {remedy}")
        if position >= 0 and not field.nullable and (nulls := batch.column(position).null_count):
            raise SchemaError(f"{said} {field.name} is null in {nulls} rows, and may not be. {remedy}")
        arrays.append(pa.nulls(batch.num_rows, field.type) if position < 0 else batch.column(position))
    return pa.record_batch(arrays, schema=schema)


def with_day(batches: Iterable[pa.RecordBatch], table: Table, day: date) -> Iterator[pa.RecordBatch]:
    """The rows of a day with the partition column appended."""
    field = pa.field(table.partition_column, pa.date32(), nullable=False)
    for batch in batches:
        yield batch.append_column(field, pa.repeat(pa.scalar(day, pa.date32()), batch.num_rows))


def schema_with_day(table: Table) -> pa.Schema:
    """The table's schema with the partition column at the end."""
    return table.arrow_schema().append(pa.field(table.partition_column, pa.date32(), nullable=False))
