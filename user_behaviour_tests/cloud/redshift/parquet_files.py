"""Parquet files as Redshift reads them, for COPY and for Spectrum: strictly typed, then rows as CSV for PostgreSQL."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from user_behaviour_tests.cloud.redshift.column_types import TargetColumn, described, fits
from user_behaviour_tests.cloud.redshift.errors import SqlError
from user_behaviour_tests.cloud.redshift.journal import Query, ScanError


@dataclass(eq=False)
class ScanFailure(Exception):
    """A file that cannot be scanned: the column at fault (empty: the whole file), Redshift's code, and the reason."""

    uri: str
    column: str
    code: int
    context: str

    def logged(self, query: Query) -> ScanError:
        return ScanError(query.query_id, query.session_id, self.uri, self.column, self.code, self.context)

    def sql_error(self, query_id: int) -> SqlError:
        """The error as the client sees it: the context is cut off, the whole is in svl_s3log."""
        rule = "-" * 47
        detail = (
            f"\n  {rule}\n  error:  Spectrum Scan Error\n  code:      {self.code}\n"
            f"  context:   {self.context[:100]}\n  query:     {query_id}\n"
            f"  location:  dory_util.cpp:1777\n  process:   worker_thread [pid=1]\n  {rule}\n"
        )
        return SqlError("Spectrum Scan Error", "XX000", detail)


def opened(data: bytes, uri: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(io.BytesIO(data))
    except pa.ArrowInvalid as error:
        raise ScanFailure(uri, "", 15001, f"File '{_https(uri)}' has an invalid version number: {error}") from error


def by_name(file: pq.ParquetFile, columns: Sequence[TargetColumn], uri: str) -> pa.Table:
    """The columns of an external table: found by name, null where the file has none."""
    present = {file.schema.column(at).name.lower(): at for at in range(len(file.schema))}
    for column in columns:
        if (at := present.get(column.name)) is not None:
            _require_fit(file.schema.column(at), column, uri)
    table = file.read()
    arrays = {}
    for column in columns:
        at = present.get(column.name)
        arrays[column.name] = pa.nulls(len(table), pa.string()) if at is None else table.column(at)
    return pa.table(arrays) if arrays else table.select([])


def by_position(file: pq.ParquetFile, columns: Sequence[TargetColumn], uri: str) -> pa.Table:
    """The columns of a COPY: in the file's order, as many as the target has."""
    if len(file.schema) != len(columns):
        context = (
            f"File '{_https(uri)}' has an incompatible Parquet schema: the number of columns in the target table "
            f"({len(columns)}) and in the data file ({len(file.schema)}) must match"
        )
        raise ScanFailure(uri, "", 15007, context)
    for at, column in enumerate(columns):
        _require_fit(file.schema.column(at), column, uri)
    return file.read().rename_columns([column.name for column in columns])


def shortened(table: pa.Table, columns: Sequence[TargetColumn]) -> pa.Table:
    """External tables cut text that is too long, and say nothing."""
    for at, column in enumerate(columns):
        if (length := column.type.length) is None or column.name not in table.column_names:
            continue
        array = table.column(at)
        if (pc.max(pc.binary_length(array)).as_py() or 0) > length:
            cut = [None if v is None else v.encode()[:length].decode(errors="ignore") for v in array.to_pylist()]
            table = table.set_column(at, column.name, pa.array(cut, pa.string()))
    return table


def csv(table: pa.Table) -> bytes:
    """The rows as COPY reads them: null is nothing, the empty text is "", bytes are hexadecimal."""
    for at, field in enumerate(table.schema):
        if pa.types.is_binary(field.type):
            texts = [None if value is None else rf"\x{value.hex()}" for value in table.column(at).to_pylist()]
            table = table.set_column(at, field.name, pa.array(texts, pa.string()))
    sink = io.BytesIO()
    pyarrow.csv.write_csv(table, sink, pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed"))
    return sink.getvalue()


def _require_fit(column: Any, wanted: TargetColumn, uri: str) -> None:
    if not fits(column, wanted.type):
        context = (
            f"File '{_https(uri)}' has an incompatible Parquet schema for column '{uri}.{wanted.name}'. "
            f"Column type: {str(wanted.type).upper()}, Parquet schema:\\n{described(column)} [i:0 d:1 r:0]\\n"
        )
        raise ScanFailure(uri, wanted.name, 15007, context)


def _https(uri: str) -> str:
    return uri.replace("s3://", "https://s3.amazonaws.com/")
