"""How rows and files are checked against the table that they are to belong to, and brought into its schema."""

import re
from collections.abc import Iterable, Iterator
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from user_behaviour.lake.footers import Footer
from user_behaviour.lake.held_back import HeldBackError
from user_behaviour.tables.table import Column, Table
from user_behaviour.tables.values import shown

_NUL = re.compile(rb"\0")
AUDIT_COLUMN = "batch_id"


class SchemaError(HeldBackError):
    """A day's rows or files do not fit the declared schema."""


def with_audit_column(batch: pa.RecordBatch, table: Table, batch_id: str) -> pa.RecordBatch:
    """Inserts the column `batch_id` where the table declares it, or replaces it."""
    if AUDIT_COLUMN not in table.column_names:
        return batch
    values = pa.repeat(pa.scalar(batch_id), batch.num_rows)
    named = pa.field(AUDIT_COLUMN, pa.string(), nullable=False)
    position = batch.schema.get_field_index(AUDIT_COLUMN)
    if position >= 0:
        return batch.set_column(position, named, values)
    return batch.add_column(min(table.column_names.index(AUDIT_COLUMN), batch.num_columns), named, values)


def require_schema(found: pa.Schema, table: Table, where: str) -> None:
    """Names, order and types must be the declared ones: Redshift Spectrum widens nothing."""
    expected = table.arrow_schema()
    if [(f.name, f.type) for f in found] != [(f.name, f.type) for f in expected]:
        shown, declared = (", ".join(f"{f.name} {f.type}" for f in schema) for schema in (found, expected))
        raise SchemaError(f"{table.name}, {where}: the columns are ({shown}), declared are ({declared}).")


def require_values(batch: pa.RecordBatch, table: Table, where: str) -> None:
    """No null where none may be, and each value one that its column's type holds, wherever it is stored."""
    for column, values in zip(table.columns, batch.columns, strict=True):
        if not column.nullable and values.null_count:
            raise SchemaError(
                f"{table.name}, {where}: {column.name} is null in {values.null_count} rows, and may not be."
            )
        for fault in filter(None, (_too_long(column, values), _out_of_range(column, values))):
            raise SchemaError(f"{table.name}, {where}: {fault}.")
        try:
            values.validate(full=True)
        except pa.ArrowInvalid as error:
            raise SchemaError(f"{table.name}, {where}: {column.name} is no {column.type}: {error}.") from error


def require_storable(batch: pa.RecordBatch, table: Table, where: str) -> None:
    """`require_values`, and no text that a database would refuse."""
    require_values(batch, table, where)
    for column, values in zip(table.columns, batch.columns, strict=True):
        if column.max_bytes is not None and _holds_nul(values):
            at = pc.index(pc.match_substring(values, "\0"), value=True).as_py()
            raise SchemaError(
                f"{table.name}, {where}: {column.name} is {shown(values[at].as_py())}; no database holds the character "
                "with the number 0, so take it out."
            )


def longest_texts(batch: pa.RecordBatch, table: Table) -> dict[str, int | None]:
    """Of each text column the bytes of its longest value; None where one holds the character with the number 0."""
    found: dict[str, int | None] = {}
    for column, values in zip(table.columns, batch.columns, strict=True):
        if column.max_bytes is not None:
            found[column.name] = None if _holds_nul(values) else pc.max(pc.binary_length(values)).as_py() or 0
    return found


def _holds_nul(values: pa.Array) -> bool:
    """Whether a text holds the character 0; all bytes are looked at together first, which is ten times as fast."""
    content = values.buffers()[2]
    if content is None or not _NUL.search(content):
        return False
    return bool(pc.any(pc.match_substring(values, "\0")).as_py())


def _too_long(column: Column, values: pa.Array) -> str:
    """What is wrong with the longest text, which Redshift would cut."""
    sizes = pc.binary_length(values) if column.max_bytes is not None else pa.nulls(0, pa.int32())
    longest = pc.max(sizes)
    if (longest.as_py() or 0) <= (column.max_bytes or 0):
        return ""
    value = values[pc.index(sizes, longest).as_py()].cast(pa.binary()).as_py().decode(errors="backslashreplace")
    return (
        f"{column.name} holds {longest} bytes, {column.type} takes {column.max_bytes}: {shown(value)}; "
        "shorten it where it comes from, or declare more bytes, and run the day again"
    )


def _out_of_range(column: Column, values: pa.Array) -> str:
    """What is wrong with a moment that no calendar of Python's has; databases begin and end elsewhere each."""
    if (allowed := _YEARS.get(column.type)) is None:
        return ""
    least, most = (pc.min_max(values)[end] for end in ("min", "max"))
    for found in (least, most):
        if found.is_valid and not allowed[0] <= found.value <= allowed[1]:
            return f"{column.name} is {found.cast(pa.string())}; the years 1 to 9999 can be stored"
    return ""


_YEARS = {"date": (-719_162, 2_932_896), "timestamp": (-62_135_596_800_000_000, 253_402_300_799_999_999)}


def require_file(footer: Footer, table: Table, where: str) -> None:
    """A file must have the declared schema, and no null where none may be."""
    require_schema(footer.schema, table, where)
    _require_no_nulls(footer, table, where)


def require_footer(footer: Footer, table: Table, day: date) -> None:
    """A file of a day must be one that `conform` brings into the table's schema."""
    conform(pa.RecordBatch.from_pylist([], schema=footer.schema), table, day)
    _require_no_nulls(footer, table, str(day))


def _require_no_nulls(footer: Footer, table: Table, where: str) -> None:
    for column in table.columns:
        if (nulls := footer.nulls.get(column.name, 0)) and not column.nullable:
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
