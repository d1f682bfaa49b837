"""Row groups: bounded in rows and bytes, and none so small that their number grows with every file of the vendor's."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from user_behaviour.lake.local import LocalLake
from user_behaviour.lake.parquet_part import GROUP_BYTES, GROUP_ROWS, ParquetPart, batches_of


def rows(count: int, text: str = "") -> pa.RecordBatch:
    return pa.record_batch({"text": pa.repeat(text, count)})


@pytest.mark.parametrize(
    ("batches", "groups"),
    [
        # Each of 40,000 small files used to leave a group, and a part of the footer, of its own.
        ([rows(1)] * 1000, [1000]),
        ([rows(10, "x" * (GROUP_BYTES // 20))] * 5, [20, 20, 10]),
        ([rows(GROUP_ROWS // 2)] * 3, [GROUP_ROWS, GROUP_ROWS // 2]),
        ([rows(2 * GROUP_ROWS + 1)], [GROUP_ROWS, GROUP_ROWS, 1]),
        ([], []),
    ],
    ids=["many small batches", "large texts", "many rows", "one large batch", "none"],
)
def test_a_group_is_written_when_it_is_full_and_read_by_itself(
    tmp_path: Path, batches: list[pa.RecordBatch], groups: list[int]
) -> None:
    part = ParquetPart(LocalLake(root=str(tmp_path)), "part.parquet")
    for batch in batches:
        part.write(batch)
    part.close()

    assert (part.rows, part.size > 0, (tmp_path / "part.parquet").exists()) == (sum(groups), bool(groups), bool(groups))
    if groups:
        with pq.ParquetFile(tmp_path / "part.parquet") as file:
            assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == groups
            read = list(batches_of(file))
        assert sum(batch.num_rows for batch in read) == part.rows
        assert max(batch.nbytes for batch in read) <= 2 * GROUP_BYTES
