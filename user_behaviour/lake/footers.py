"""What the footers of a batch's files say: how many rows, of which types, with how many nulls, between which values.

A batch never changes, so a run reads a footer once (`Dataset.footers`). Where a writer left statistics out, the column
is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


@dataclass(frozen=True)
class Footer:
    """One file: `size` in bytes, `nulls` of each column, least and greatest value of each column of dates or times."""

    size: int
    rows: int
    schema: pa.Schema
    nulls: Mapping[str, int]
    extremes: Mapping[str, tuple[Any, Any]]


def footer_of(file: pq.ParquetFile, size: int) -> Footer:
    """Raises `pyarrow.ArrowInvalid` and `OSError` where the file is cut off."""
    metadata, schema = file.metadata, file.schema_arrow
    nulls, extremes = dict[str, int](), dict[str, tuple[Any, Any]]()
    groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
    for position, field in enumerate(schema):
        chunks = [group.column(position).statistics for group in groups]
        if all(chunk is not None and chunk.has_null_count for chunk in chunks):
            nulls[field.name] = sum(chunk.null_count for chunk in chunks)
        else:
            nulls[field.name] = file.read(columns=[field.name]).column(0).null_count
        if not pa.types.is_temporal(field.type):
            continue
        if chunks and all(chunk is not None and chunk.has_min_max for chunk in chunks):
            extremes[field.name] = min(chunk.min for chunk in chunks), max(chunk.max for chunk in chunks)
        else:
            found = pc.min_max(file.read(columns=[field.name]).column(0)).as_py()
            if found["min"] is not None:
                extremes[field.name] = found["min"], found["max"]
    return Footer(size, metadata.num_rows, schema, nulls, extremes)
