"""Rows out of Redshift: a small result over the connection, a large one as Parquet files that UNLOAD writes.

What UNLOAD wrote lies below the staging prefix of the lake and is removed when its reader is through, or has left.
"""

import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import psycopg2.extensions
import pyarrow as pa
import pyarrow.parquet as pq
from psycopg2 import sql

from user_behaviour.lake.lake import Lake
from user_behaviour.warehouse.redshift_copy import STAGING, RowCountError
from user_behaviour.warehouse.redshift_names import require_uri, role_in_sql

FETCH = 1000  # rows at a time: more are refused by a cluster of one node


@dataclass(frozen=True)
class FewRows:
    """A result that is in memory."""

    columns: Sequence[str]
    rows: Sequence[tuple[Any, ...]]

    @classmethod
    def of(cls, cursor: psycopg2.extensions.cursor, query: str, *, most: int) -> Self | None:
        """The rows of a query if there are at most `most` of them, else None.

        By a cursor of the server: without one the result comes into memory as a whole, however large it is.
        """
        cursor.execute(f"declare few_rows cursor for {query}")
        rows: list[tuple[Any, ...]] = []
        last = False
        while not last and len(rows) <= most:
            cursor.execute(f"fetch forward {FETCH} from few_rows")
            columns = [column.name for column in cursor.description or ()]
            fetched = cursor.fetchall()
            rows += fetched
            last = len(fetched) < FETCH
        cursor.execute("close few_rows")
        return cls(columns, rows) if len(rows) <= most else None

    def read(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows in the schema; a value that does not fit its type is refused."""
        if self.rows:
            values = dict(zip(self.columns, zip(*self.rows, strict=True), strict=True))
            yield pa.record_batch([pa.array(values[f.name], f.type) for f in schema], schema=schema)

    def close(self) -> None:
        """Nothing is kept anywhere."""


@dataclass(frozen=True)
class UnloadedRows:
    """The files of one UNLOAD, in a directory of their own."""

    lake: Lake
    path: str = field(default_factory=lambda: f"{STAGING}/unload/{secrets.token_hex(8)}")

    def unload(self, cursor: psycopg2.extensions.cursor, query: str, *, iam_role: str) -> None:
        """Has Redshift write the rows of the query; in their order, if it has one."""
        # The query is a text within the statement: psycopg2 quotes it, as it does every value.
        cursor.execute(
            sql.SQL(
                "unload ({}) to {} iam_role {} format as parquet manifest verbose parallel off maxfilesize 128 mb"
            ).format(
                sql.Literal(query), sql.Literal(require_uri(f"{self.lake.uri(self.path)}/")), role_in_sql(iam_role)
            )
        )

    def read(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows in the order in which they were written; all that the manifest counts, or an error."""
        found = self.lake.read(f"{self.path}/manifest")
        if found is None:  # no row, no object
            return
        manifest = json.loads(found[0])
        rows = 0
        for entry in manifest["entries"]:
            for batch in self._file(entry["url"], schema):
                rows += batch.num_rows
                yield batch
        if rows != (counted := manifest["meta"]["record_count"]):
            raise RowCountError(
                f"UNLOAD wrote {counted} rows to {self.lake.uri(self.path)}, of which {rows} were found."
            )

    def close(self) -> None:
        """Removes the files."""
        self.lake.delete(self.path)

    def _file(self, url: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        name = url.removeprefix(f"{self.lake.uri(self.path)}/")
        with (
            self.lake.filesystem().open_input_file(f"{self.path}/{name}") as source,
            pq.ParquetFile(source, coerce_int96_timestamp_unit="us") as file,
        ):
            for batch in file.iter_batches(columns=schema.names):
                yield pa.record_batch([batch[f.name].cast(f.type) for f in schema], schema=schema)
