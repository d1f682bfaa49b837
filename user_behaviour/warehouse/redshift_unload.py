"""Rows out of Redshift: a small result over the connection, a large one as Parquet files that UNLOAD writes.

What UNLOAD wrote lies below the exchange directory of the lake and is removed when its reader has finished or stopped.
"""

import json
import secrets
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg2.extensions
import pyarrow as pa
import pyarrow.parquet as pq
from psycopg2 import sql

from user_behaviour.lake.lake import Lake
from user_behaviour.tables.values import exact, unhex
from user_behaviour.warehouse.redshift_copy import EXCHANGE, RowCountError
from user_behaviour.warehouse.redshift_names import RoleParameter, require_uri


def fetched_rows(cursor: psycopg2.extensions.cursor, query: str, schema: pa.Schema) -> list[pa.RecordBatch]:
    """The rows of a query over the connection, all in memory; a value that does not fit is refused.

    Not by a cursor of the server, for which the leader node first collects the whole result.
    """
    cursor.execute(query)
    rows = cursor.fetchall()
    if not rows:
        return []
    columns = zip(zip(*rows, strict=True), schema, strict=True)
    return [pa.record_batch([_column(values, field) for values, field in columns], schema=schema)]


def _column(values: Sequence[Any], field: pa.Field) -> pa.Array:
    # VARBYTE comes in hexadecimal digits: docs.aws.amazon.com/redshift/latest/dg/r_VARBYTE_type.html
    return unhex(pa.array(values, pa.string())) if pa.types.is_binary(field.type) else exact(values, field)


def unloaded_rows(
    lake: Lake, cursor: psycopg2.extensions.cursor, *, query: str, schema: pa.Schema, iam_role: str
) -> Iterator[pa.RecordBatch]:
    """Has Redshift write the rows of the query to their own directory; gives them in their order, if it has one."""
    path = f"{EXCHANGE}/unload/{secrets.token_hex(8)}"
    unload = "unload ({}) to {} iam_role {} format as parquet manifest verbose parallel off maxfilesize 128 mb"
    directory = require_uri(f"{lake.uri(path)}/")
    try:
        # The query is a text within the statement: psycopg2 quotes it, as it does every value.
        values = (query, directory, RoleParameter(iam_role))
        cursor.execute(sql.SQL(unload).format(*map(sql.Literal, values)))
    except BaseException:
        lake.delete(path)
        raise
    return _written_rows(lake, path, schema)


def _written_rows(lake: Lake, path: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """All the rows that the manifest counts, or an error."""
    try:
        found = lake.read(f"{path}/manifest")
        if found is None:  # no row, no object
            return
        manifest = json.loads(found[0])
        rows = 0
        for entry in manifest["entries"]:
            name = entry["url"].removeprefix(f"{lake.uri(path)}/")
            for batch in _file(lake, f"{path}/{name}", schema):
                rows += batch.num_rows
                yield batch
        if rows != (counted := manifest["meta"]["record_count"]):
            raise RowCountError(f"UNLOAD wrote {counted} rows to {lake.uri(path)}, of which {rows} were found.")
    finally:
        lake.delete(path)


def _file(lake: Lake, path: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    with (
        lake.filesystem().open_input_file(path) as source,
        pq.ParquetFile(source, coerce_int96_timestamp_unit="us") as file,
    ):
        for batch in file.iter_batches():
            columns = zip(batch.columns, schema, strict=True)
            yield pa.record_batch([column.cast(field.type) for column, field in columns], schema=schema)
