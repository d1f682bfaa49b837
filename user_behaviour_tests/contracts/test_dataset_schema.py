"""The contract of a data set's schema: what does not fit is refused when written; what came later is null when read."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from user_behaviour.lake.conformity import SchemaError
from user_behaviour.lake.dataset import Dataset, DatasetNameError
from user_behaviour.lake.lake import Lake
from user_behaviour.lake.local import LocalLake
from user_behaviour.tables.table import Column
from user_behaviour_tests.contracts.test_dataset import BATCH, DAY, PARCELS, parcels, publish, stored


@pytest.mark.parametrize(
    ("batch", "sentence"),
    [
        (parcels(("éé€", 1)), "code holds 7 bytes, varchar(4) takes 4"),
        (parcels((None, 1)), "code is null in 1 rows, and may not be"),
        (pa.record_batch({"code": ["a"], "grams": pa.array([1], pa.int64())}), "grams int64"),
        (pa.record_batch({"code": ["a"], "grams": pa.array([1.0])}), "grams double"),
        (pa.record_batch({"grams": pa.array([1], pa.int32()), "code": ["a"]}), "(grams int32, code string"),
        (pa.record_batch({"code": ["a"]}), "(code string, batch_id string)"),
        (
            pa.record_batch({"code": ["a"], "grams": pa.array([1], pa.int32()), "colour": ["red"]}),
            "colour string",
        ),
    ],
    ids=["too many bytes", "null", "wider", "other type", "order", "column missing", "column too many"],
)
def test_rows_that_do_not_fit_the_declared_schema_are_refused(
    dataset: Dataset, batch: pa.RecordBatch, sentence: str
) -> None:
    with dataset.write(DAY, "batch-1") as writer, pytest.raises(SchemaError) as caught:
        writer.write(batch)
    assert sentence in str(caught.value)


def test_text_of_many_bytes_a_character_fits_up_to_its_bytes(dataset: Dataset) -> None:
    publish(dataset, "batch-1", ("éé", 1), ("€", 1), ("🙂", 1), ("", 1))

    assert [row[0] for row in stored(dataset)] == ["éé", "€", "🙂", ""]


def test_old_partitions_have_nulls_for_a_column_that_came_later(lake: Lake, dataset: Dataset) -> None:
    publish(dataset, "batch-1", ("a", 1))
    grown = replace(PARCELS, columns=(PARCELS.columns[0], Column("colour", "varchar(9)", ""), *PARCELS.columns[1:]))

    assert stored(lake.dataset(grown)) == [("a", None, 1, "batch-1")]


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        (
            Column("colour", "varchar(9)", "", nullable=False),
            "2010-12-01: the file has no column colour, which may not be null. Materialise the day again",
        ),
        (
            Column("grams", "bigint", ""),
            "2010-12-01: grams is int32 in the file, declared is int64. Materialise the day",
        ),
        (
            Column("grams", "decimal(9,0)", ""),
            r"grams is int32 in the file, declared is decimal128\(9, 0\). Materialise",
        ),
        (
            Column("grams", "int", "", nullable=False),
            "2010-12-01: grams is null in 1 rows, and may not be. Materialise",
        ),
    ],
    ids=["not null", "a wider type", "another type", "not null any more"],
)
def test_old_partitions_do_not_bend_to_a_schema_that_they_do_not_fit(
    lake: Lake, dataset: Dataset, column: Column, sentence: str
) -> None:
    """Nulls of old files came through a column that had become one without."""
    publish(dataset, "batch-1", ("a", 1), ("b", None))
    changed = replace(PARCELS, columns=(PARCELS.columns[0], column, BATCH))

    with pytest.raises(SchemaError, match=sentence):
        stored(lake.dataset(changed))


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/evil", "a//b", "", ".", "a\\b", "_staging/a", "a/b=c", "a\n"]
)
def test_a_name_that_is_no_place_for_a_data_set_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetNameError, match="cannot be the name of a data set"):
        LocalLake(root=str(tmp_path)).dataset(replace(PARCELS, name=name))
