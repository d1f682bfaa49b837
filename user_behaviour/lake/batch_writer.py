"""Writes one batch of one day into a data set, row by row; nothing of it can be seen before it is published."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import PurePosixPath
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from user_behaviour.lake.conformity import require_schema, require_values, with_audit_column
from user_behaviour.lake.manifests import DataFile, Fact, Manifest, Source, timestamp
from user_behaviour.lake.objects import Objects
from user_behaviour.tables.table import Table

QUARANTINE = "_quarantine.parquet"


class BatchWriter:
    """Rows first, then the manifest. Leaving the context closes the file, or after an error removes it all."""

    def __init__(self, lake: Objects, table: Table, day: date, *, batch_id: str, directory: str) -> None:
        self._lake = lake
        self._table = table
        self._day = day
        self._batch_id = batch_id
        self._directory = directory
        self._path = f"{self._directory}/part-00000.parquet"
        self._schema = table.arrow_schema()
        self._sink: pa.NativeFile | None = None
        self._writer: pq.ParquetWriter | None = None
        self._rows = 0
        self._bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error is None:
            self._close()
            return
        # Remove all that was written; an error on the way must not hide the first one.
        with suppress(OSError):
            self._close()
        try:
            self._lake.abandon(self._directory)
        except OSError as second:
            error.add_note(f"What was written stays for the purge, since removing it failed too: {second}")

    def write(self, batch: pa.RecordBatch) -> None:
        """Adds rows; `batch_id` is the batch's own where the table has it."""
        batch = with_audit_column(batch, self._table, self._batch_id)
        require_schema(batch.schema, self._table, str(self._day))
        require_values(batch, self._table)
        with self._lake.store_errors("Writing", self._path):
            if self._writer is None:
                self._sink = self._lake.filesystem().open_output_stream(self._path)
                self._writer = pq.ParquetWriter(self._sink, self._schema, compression="snappy")
            self._writer.write_batch(pa.record_batch(batch.columns, schema=self._schema))
        self._rows += batch.num_rows

    def quarantine(self, rows: pa.Table) -> None:
        """Keeps rows that cannot be used beside the batch."""
        content = pa.BufferOutputStream()
        pq.write_table(rows, content)
        self._lake.write(f"{self._directory}/{QUARANTINE}", content.getvalue().to_pybytes())

    def manifest(
        self, *, as_of: str, sources: tuple[Source, ...] = (), facts: Mapping[str, Fact] | None = None
    ) -> Manifest:
        """Closes the files and says what is in them."""
        self._close()
        files = (DataFile(PurePosixPath(self._path).name, self._rows, self._bytes),) if self._bytes else ()
        return Manifest(
            dataset=self._table.name,
            day=self._day,
            batch_id=self._batch_id,
            as_of=as_of,
            written_at=timestamp(datetime.now(UTC)),
            files=files,
            sources=sources,
            facts=facts or {},
        )

    def _close(self) -> None:
        if self._writer is None or self._sink is None or self._sink.closed:
            return
        with self._lake.store_errors("Writing", self._path):
            self._writer.close()
            self._bytes = self._sink.tell()
            self._sink.close()
