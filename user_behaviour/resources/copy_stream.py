"""Rows in and out of PostgreSQL by COPY as streams of Arrow record batches; memory stays at a block."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg2.extensions
    import pyarrow as pa

BLOCK_BYTES = 4 << 20


def copy_out(
    connection: psycopg2.extensions.connection, sql: str, parameters: Mapping[str, Any], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """The rows of a query, in the schema. COPY pushes and the CSV reader pulls: a pipe and a thread stand between."""
    import pyarrow as pa
    import pyarrow.csv

    with connection.cursor() as cursor:
        query = cursor.mogrify(sql, parameters).decode().strip().rstrip(";")
    reading, writing = os.pipe()
    copying = _CopyOut(connection, f"copy ({query}) to stdout (format csv, header true)", writing)
    copying.start()
    with os.fdopen(reading, "rb") as source:
        try:
            yield from pyarrow.csv.open_csv(
                source,
                read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
                parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
                convert_options=_conversion(schema),
            )
        except pa.ArrowInvalid as error:
            copying.join()
            # A broken COPY shows as broken CSV; its own error says more.
            raise copying.error or error from error
        finally:
            source.close()
            copying.join()
    if copying.error:
        raise copying.error


def _conversion(schema: pa.Schema) -> Any:
    import pyarrow.csv

    # COPY's CSV writes null as nothing and the empty text as "".
    return pyarrow.csv.ConvertOptions(
        column_types=schema,
        include_columns=schema.names,
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        true_values=["t"],
        false_values=["f"],
    )


class _CopyOut(threading.Thread):
    """Runs COPY TO STDOUT into the writing end of a pipe."""

    def __init__(self, connection: psycopg2.extensions.connection, sql: str, descriptor: int) -> None:
        super().__init__(daemon=True, name="copy")
        self._connection = connection
        self._sql = sql
        self._descriptor = descriptor
        self.error: Exception | None = None

    def run(self) -> None:
        import psycopg2

        try:
            with os.fdopen(self._descriptor, "wb") as target, self._connection.cursor() as cursor:
                cursor.copy_expert(self._sql, target, size=1 << 16)
        except BrokenPipeError:
            # The reader has left; there is nothing to tell it.
            self._connection.cancel()
        except (psycopg2.Error, OSError) as error:
            self.error = error


class CopySource:
    """Record batches as the file that COPY FROM STDIN (format csv) reads; counts the rows on the way."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self._batches = iter(batches)
        first = next(self._batches, None)
        self.columns: list[str] | None = first.schema.names if first is not None else None
        if first is not None:
            self._batches = chain([first], self._batches)
        self._rest = io.BytesIO()
        self.rows = 0

    def readline(self, _size: int = -1, /) -> bytes:
        """Not used by COPY, but part of what its type asks for."""
        raise NotImplementedError("COPY reads blocks")

    def read(self, size: int = BLOCK_BYTES, /) -> bytes:
        """The next bytes; empty at the end."""
        while not (content := self._rest.read(size)):
            batch = next(self._batches, None)
            if batch is None:
                return b""
            self._rest = io.BytesIO(_as_csv(batch))
            self.rows += batch.num_rows
        return content


def _as_csv(batch: pa.RecordBatch) -> bytes:
    import pyarrow as pa
    import pyarrow.csv

    target = pa.BufferOutputStream()
    # Texts are quoted and nulls are not, which is how COPY tells "" from null.
    pyarrow.csv.write_csv(batch, target, pyarrow.csv.WriteOptions(include_header=False))
    return bytes(target.getvalue())
