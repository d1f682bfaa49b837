"""A Parquet file of a batch, written and read a row group at a time, so that it may be larger than memory."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from user_behaviour.lake.objects import Objects

# A row group ends with the rows that reach either. Writing holds one group in memory, and a few hundred bytes of the
# footer for each group before it; reading holds one group.
GROUP_ROWS = 1 << 17
GROUP_BYTES = 8 << 20
# A file up to this size, in bytes, is read by one request and not by its columns.
READ_WHOLE = 4 << 20


class ParquetPart:
    """A Parquet file that is written: it is there with its first rows, and whole when it is closed."""

    def __init__(self, lake: Objects, path: str) -> None:
        self.path = path
        self.rows = 0
        self.size = 0  # in bytes, once it is closed; 0: no rows were written, and there is no file
        self._lake = lake
        self._sink: pa.NativeFile | None = None
        self._writer: pq.ParquetWriter | None = None
        self._group: list[pa.RecordBatch] = []

    def write(self, batch: pa.RecordBatch) -> None:
        """Adds rows; all have the schema of the first."""
        self._group.append(batch)
        self.rows += batch.num_rows
        if (
            sum(held.num_rows for held in self._group) >= GROUP_ROWS
            or sum(held.nbytes for held in self._group) >= GROUP_BYTES
        ):
            self._write_group()

    def close(self) -> None:
        """Writes the rest and closes the file; the second time nothing."""
        if self._group:
            self._write_group()
        if self._writer is None or self._sink is None or self._sink.closed:
            return
        with self._lake.store_errors("Writing", self.path):
            self._writer.close()
            self.size = self._sink.tell()
            self._sink.close()

    def _write_group(self) -> None:
        with self._lake.store_errors("Writing", self.path):
            rows = pa.Table.from_batches(self._group)
            self._group = []
            if self._writer is None:
                self._sink = self._lake.filesystem().open_output_stream(self.path)
                self._writer = pq.ParquetWriter(self._sink, rows.schema, compression="snappy")
            self._writer.write_table(rows, row_group_size=GROUP_ROWS)


def batches_of(file: pq.ParquetFile, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of a file, of all columns or some. No batch spans two groups: the writer bounded their size."""
    for group in range(file.num_row_groups):
        yield from file.iter_batches(row_groups=[group], columns=columns, use_threads=False)


def opened(lake: Objects, path: str, size: int) -> pa.NativeFile:
    """A Parquet file of the lake, to be read."""
    if size > READ_WHOLE:
        return lake.filesystem().open_input_file(path)
    with lake.open(path) as stream:
        return pa.BufferReader(stream.read())
