"""Rows into Redshift: record batches as Parquet files in the exchange directory of the lake, then COPY by a manifest.

COPY takes the columns of Parquet by position; the list of columns in the statement is that of the files.
"""

import json
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg2.extensions
import pyarrow as pa
import pyarrow.parquet as pq

from user_behaviour.lake.lake import Lake
from user_behaviour.tables.identifiers import listed, qualified
from user_behaviour.warehouse.redshift_names import RoleParameter, require_identifier, require_uri

# No underscore before it: Redshift skips files of such names, and of directories its documentation says nothing.
EXCHANGE = "exchange"
FILE_BYTES = 32 << 20  # of Arrow in memory; the file is smaller


class RowCountError(Exception):
    """Redshift moved another number of rows than there are."""


@dataclass(frozen=True)
class StagedRows:
    """Files that wait for COPY. `directory` is an URI with `/` at its end; no columns where there are no rows."""

    directory: str
    columns: tuple[str, ...]
    rows: int

    def copied(self, cursor: psycopg2.extensions.cursor, table: str, *, iam_role: str) -> None:
        """Appends the rows to the table, in the cursor's transaction."""
        manifest = f"{self.directory}manifest"
        cursor.execute(
            f"copy {qualified(table)} ({listed(*self.columns)}) from %s iam_role %s format as parquet manifest",
            (manifest, RoleParameter(iam_role)),
        )
        cursor.execute("select pg_last_copy_count()")
        ((loaded,),) = cursor.fetchall()
        if loaded != self.rows:
            raise RowCountError(f"COPY loaded {loaded} rows into {table}, of {self.rows} in {manifest}.")


@contextmanager
def staged(lake: Lake, table: str, batches: Iterable[pa.RecordBatch]) -> Iterator[StagedRows]:
    """Writes the rows below the lake's exchange prefix, and removes them at the end, whatever happens."""
    for part in table.split("."):
        require_identifier(part)
    path = f"{EXCHANGE}/{table}/{secrets.token_hex(8)}"
    directory = require_uri(f"{lake.uri(path)}/")
    columns: tuple[str, ...] = ()
    rows = 0
    entries: list[dict[str, object]] = []
    try:
        for content in _files(batches):
            columns = tuple(content.schema.names)
            rows += content.num_rows
            name = f"part-{len(entries):05}.parquet"
            file = _as_parquet(content)
            lake.write(f"{path}/{name}", file)
            entries.append({"url": f"{directory}{name}", "mandatory": True, "meta": {"content_length": len(file)}})
        if rows:
            lake.write(f"{path}/manifest", json.dumps({"entries": entries}).encode())
        yield StagedRows(directory, columns, rows)
    finally:
        lake.delete(path)


def _files(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The rows in portions of a file each; one portion is in memory at a time."""
    gathered: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        if not batch.num_rows:
            continue
        gathered.append(batch)
        size += batch.nbytes
        if size >= FILE_BYTES:
            yield pa.Table.from_batches(gathered)
            gathered, size = [], 0
    if gathered:
        yield pa.Table.from_batches(gathered)


def _as_parquet(table: pa.Table) -> bytes:
    target = pa.BufferOutputStream()
    # Redshift takes nanoseconds for something else; a value that microseconds cannot hold is refused here.
    pq.write_table(table, target, compression="snappy", coerce_timestamps="us")
    return bytes(target.getvalue())
