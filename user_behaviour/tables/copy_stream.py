"""Rows in and out of PostgreSQL by COPY as streams of Arrow record batches; memory stays at a block."""

import io
import os
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any, BinaryIO

import psycopg2
import psycopg2.extensions
import pyarrow as pa
import pyarrow.csv

from user_behaviour.tables.ahead import ahead
from user_behaviour.tables.values import parsed, unhex

BLOCK_BYTES = 4 << 20


class BrokenStreamError(Exception):
    """A stream ended before its last row, and not by an error of the database."""


def copy_out(
    connection: psycopg2.extensions.connection, sql: str, parameters: Mapping[str, Any], schema: pa.Schema
) -> Generator[pa.RecordBatch]:
    """The rows of a query whose columns are those of the schema, in its order; names of the query do not matter.

    COPY pushes and the reader pulls: a pipe and a thread stand between. Raises `MisfitError` at a value that its column
    does not hold; the transaction can go on after it, as after an error of the query.
    """
    with connection.cursor() as cursor:
        query = cursor.mogrify(sql, parameters).decode().strip().rstrip(";")
    reading, writing = os.pipe()
    # The parenthesis on a line of its own: a query may end with a comment.
    copying = _CopyOut(connection, f"copy ({query}\n) to stdout (format csv)", writing)
    copying.start()
    with os.fdopen(reading, "rb") as source:
        try:
            yield from _parsed(source, schema)
        except BaseException as error:
            # A broken COPY can show as broken CSV; its own error says more.
            if copying.error and isinstance(error, pa.ArrowInvalid):
                copying.finish()
            copying.abandon(source)
            raise
    copying.finish()


def _parsed(source: BinaryIO, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """What COPY writes, block by block.

    Not by Arrow's own stream over a file of Python's: Arrow's threads let go of the file so late that a process which
    ends just then is aborted ("terminate called without an active exception", seen with pyarrow 26 in 1 of 25 exits).
    """
    for block in _whole_rows(source):
        columns = _columns(block, schema)
        yield pa.record_batch(columns, schema=schema)  # with what is declared not to be null


def _columns(block: bytes, schema: pa.Schema) -> list[pa.Array]:
    """A block's values in the types of the schema; one by one where they do not all fit as they are written."""
    with suppress(pa.ArrowInvalid):
        columns = _read(block, [pa.string() if pa.types.is_binary(type_) else type_ for type_ in schema.types])
        for column in columns:
            column.validate(full=True)  # Arrow reads more digits than a decimal has
        return [
            unhex(column) if pa.types.is_binary(type_) else column
            for column, type_ in zip(columns, schema.types, strict=True)
        ]
    texts = _read(block, [pa.binary()] * len(schema))
    return [parsed(column, field) for column, field in zip(texts, schema, strict=True)]


def _read(block: bytes, types: Sequence[pa.DataType]) -> list[pa.Array]:
    names = [str(number) for number in range(len(types))]
    own = pa.BufferOutputStream()
    own.write(block)
    table = pyarrow.csv.read_csv(
        pa.BufferReader(own.getvalue()),
        read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=names),
        # An empty line is a row: of one column, which is null.
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        # COPY's CSV writes null as nothing and the empty text as "".
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict(zip(names, types, strict=True)),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )
    return [column.combine_chunks() for column in table.columns]


def _whole_rows(source: BinaryIO) -> Iterator[bytes]:
    """CSV in blocks that end where a row ends: at a line end that has an even number of quotes before it."""
    rest = b""
    while read := source.read(BLOCK_BYTES):
        rest += read
        end = rest.rfind(b"\n")
        while end >= 0 and rest.count(b'"', 0, end) % 2:
            end = rest.rfind(b"\n", 0, end)
        if end >= 0:
            yield rest[: end + 1]
            rest = rest[end + 1 :]
    if rest:
        yield rest


class _CopyOut(threading.Thread):
    """Runs COPY TO STDOUT into the writing end of a pipe."""

    def __init__(self, connection: psycopg2.extensions.connection, sql: str, descriptor: int) -> None:
        super().__init__(daemon=True, name="copy")
        self._connection = connection
        self._sql = sql
        self._descriptor = descriptor
        self._complete = False
        self.error: psycopg2.Error | None = None

    def run(self) -> None:
        # Broken where the reader has left: there is nobody to tell.
        with suppress(BrokenPipeError), os.fdopen(self._descriptor, "wb") as target:
            try:
                with self._connection.cursor() as cursor:
                    cursor.execute("savepoint copy_out")
                    cursor.copy_expert(self._sql, target, size=1 << 16)
                self._complete = True
            except psycopg2.Error as error:
                self.error = error  # before the pipe is closed and the reader wakes up

    def finish(self) -> None:
        """Waits for the end of COPY, and raises what it ended with unless all went well."""
        self.join()
        if self.error:
            self._undo()
            raise self.error
        if not self._complete:
            raise BrokenStreamError("COPY ended in the middle of the rows; see the error of its thread, and rerun.")

    def abandon(self, source: BinaryIO) -> None:
        """Ends COPY before its time; the transaction can go on, and still sees what it saw."""
        # Cancelled, so that nobody waits for the rest; a session that is gone by now needs neither.
        with suppress(psycopg2.Error):
            self._connection.cancel()
        source.close()
        self.join()
        self._undo()

    def _undo(self) -> None:
        with suppress(psycopg2.Error), self._connection.cursor() as cursor:
            cursor.execute("rollback to savepoint copy_out")


class CopySource:
    """Record batches as the file that COPY FROM STDIN (format csv) reads; counts the rows on the way.

    `error` is what the batches ended with instead of their last row: psycopg2 reports it as a cancelled query.
    """

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        found = iter(batches)
        first = next(found, None)
        self.columns: list[str] | None = first.schema.names if first is not None else None
        # Written as text ahead of the server, which is the slower of the two.
        self._texts = ahead(_texts(chain([first], found) if first is not None else ()))
        self._rest = io.BytesIO()
        self.rows = 0
        self.error: BaseException | None = None

    def readline(self, _size: int = -1, /) -> bytes:
        """Not used by COPY, but part of what its type asks for."""
        raise NotImplementedError("COPY reads blocks")

    def read(self, size: int = BLOCK_BYTES, /) -> bytes:
        """The next bytes; empty at the end."""
        while not (content := self._rest.read(size)):
            try:
                text, rows = next(self._texts, (b"", 0))
            except BaseException as error:
                self.error = error
                raise
            if not rows:
                return b""
            self._rest = io.BytesIO(text)
            self.rows += rows
        return content

    def close(self) -> None:
        """Lets go of the batches."""
        self._texts.close()


def _texts(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[bytes, int]]:
    for batch in batches:
        if batch.num_rows:
            yield _as_csv(batch), batch.num_rows


def _as_csv(batch: pa.RecordBatch) -> bytes:
    for at, field in enumerate(batch.schema):
        if pa.types.is_binary(field.type):
            digits = (value if value is None else rf"\x{value.hex()}" for value in batch.column(at).to_pylist())
            batch = batch.set_column(at, field.name, pa.array(digits, pa.string()))
    target = pa.BufferOutputStream()
    # Texts are quoted and nulls are not, which is how COPY tells "" from null.
    pyarrow.csv.write_csv(batch, target, pyarrow.csv.WriteOptions(include_header=False))
    return bytes(target.getvalue())
