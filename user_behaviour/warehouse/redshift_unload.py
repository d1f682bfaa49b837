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

FETCH = 1000  # rows at a time: more are refused by a cluster of one node


def few_rows(
    cursor: psycopg2.extensions.cursor, query: str, *, schema: pa.Schema, most: int
) -> list[pa.RecordBatch] | None:
    """The rows of a query if there are at most `most` of them, else None; a value that does not fit is refused.

    By a cursor of the server: without one the result comes into memory as a whole, however large it is.
    """
    cursor.execute(f"declare few_rows cursor for {query}")
    rows: list[tuple[Any, ...]] = []
    last = False
    while not last and len(rows) <= most:
        cursor.execute(f"fetch forward {FETCH} from few_rows")
        fetched = cursor.fetchall()
        rows += fetched
        last = len(fetched) < FETCH
    cursor.execute("close few_rows")
    if len(rows) > most:
        return None
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
