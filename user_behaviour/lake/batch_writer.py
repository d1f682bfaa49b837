"""Writes one batch of one day into a data set, row by row; nothing of it can be seen before it is published."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import PurePosixPath
from typing import Self

import pyarrow as pa

from user_behaviour.lake.conformity import longest_texts, require_schema, require_values, with_audit_column
from user_behaviour.lake.manifests import DataFile, Fact, Manifest, Source, timestamp
from user_behaviour.lake.objects import Objects
from user_behaviour.lake.parquet_part import ParquetPart
from user_behaviour.tables.table import Table

QUARANTINE = "_quarantine.parquet"


class BatchWriter:
    """Rows first, then the manifest. Leaving the context closes the files, or after an error removes it all."""

    def __init__(self, lake: Objects, table: Table, day: date, *, batch_id: str, directory: str) -> None:
        self._lake = lake
        self._table = table
        self._day = day
        self._batch_id = batch_id
        self._directory = directory
        self._schema = table.arrow_schema()
        self._longest: dict[str, int | None] = {}
        self._data = ParquetPart(lake, f"{directory}/part-00000.parquet")
        self._quarantine = ParquetPart(lake, f"{directory}/{QUARANTINE}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error is None:
            self.close()
            return
        # Remove all that was written; an error on the way must not hide the first one.
        for part in (self._data, self._quarantine):
            with suppress(OSError):
                part.close()
        try:
            self._lake.abandon(self._directory)
        except OSError as second:
            error.add_note(f"What was written stays for the purge, since removing it failed too: {second}")

    def write(self, batch: pa.RecordBatch) -> None:
        """Adds rows; `batch_id` is the batch's own where the table has it."""
        batch = with_audit_column(batch, self._table, self._batch_id)
        require_schema(batch.schema, self._table, str(self._day))
        require_values(batch, self._table, str(self._day))
        for name, size in longest_texts(batch, self._table).items():
            before = self._longest.get(name, 0)
            self._longest[name] = None if size is None or before is None else max(size, before)
        self._data.write(pa.record_batch(batch.columns, schema=self._schema))

    def quarantine(self, rows: pa.RecordBatch) -> None:
        """Adds rows that cannot be used, to be kept beside the batch."""
        self._quarantine.write(rows)

    def manifest(
        self, *, as_of: str, sources: tuple[Source, ...] = (), facts: Mapping[str, Fact] | None = None
    ) -> Manifest:
        """Closes the files and says what is in them."""
        self.close()
        data = self._data
        files = (DataFile(PurePosixPath(data.path).name, data.rows, data.size),) if data.size else ()
        return Manifest(
            dataset=self._table.name,
            day=self._day,
            batch_id=self._batch_id,
            as_of=as_of,
            written_at=timestamp(datetime.now(UTC)),
            files=files,
            sources=sources,
            facts=facts or {},
            longest_texts={name: size for name, size in self._longest.items() if size is not None},
        )

    def close(self) -> None:
        """Finishes the files."""
        self._data.close()
        self._quarantine.close()
