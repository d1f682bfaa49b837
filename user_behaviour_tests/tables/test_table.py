"""Tables and columns: what a type means to Parquet and to the Dagster UI."""

import dagster as dg
import pyarrow as pa
import pytest

from user_behaviour.io_managers.partitioned import table_of
from user_behaviour.tables.table import Column, Table, UnknownType

TABLE = Table(
    name="parcels",
    description="One row a parcel.",
    columns=(Column("code", "varchar(10)", "its code", nullable=False), Column("paid", "decimal(8,3)", "what it cost")),
    key=("code",),
    partition_column="sent_on",
)


@pytest.mark.parametrize(
    ("type_", "arrow"),
    [
        ("boolean", pa.bool_()),
        ("int", pa.int32()),
        ("bigint", pa.int64()),
        ("date", pa.date32()),
        ("timestamp", pa.timestamp("us")),
        ("binary", pa.binary()),
        ("varchar(255)", pa.string()),
        ("decimal(18,5)", pa.decimal128(18, 5)),
        ("decimal(8, 3)", pa.decimal128(8, 3)),
    ],
)
def test_every_type_of_the_vocabulary_has_one_arrow_type(type_: str, arrow: pa.DataType) -> None:
    assert Column("c", type_, "").arrow_type() == arrow


@pytest.mark.parametrize("type_", ["text", "varchar", "varchar(x)", "VARCHAR(10)", "decimal", "float", ""])
def test_a_type_outside_the_vocabulary_is_refused_with_the_choices(type_: str) -> None:
    with pytest.raises(UnknownType, match=r"Column c has the type .*; choose one of: bigint, .*decimal\(p,s\)"):
        Column("c", type_, "").arrow_type()


def test_the_length_of_a_varchar_is_in_bytes_and_other_types_have_none() -> None:
    assert Column("c", "varchar(255)", "").max_bytes == 255
    assert Column("c", "int", "").max_bytes is None


def test_the_arrow_schema_has_the_columns_in_order_with_their_nullability() -> None:
    assert TABLE.arrow_schema() == pa.schema(
        [pa.field("code", pa.string(), nullable=False), pa.field("paid", pa.decimal128(8, 3))]
    )


def test_a_table_without_some_columns_keeps_the_rest() -> None:
    assert TABLE.without("paid").column_names == ("code",)
    assert TABLE.without("paid").partition_column == "sent_on"


def test_dagster_shows_the_columns_their_constraints_and_the_key() -> None:
    schema = TABLE.dagster_schema(with_partition_column=True)

    assert [(c.name, c.type, c.constraints.nullable) for c in schema.columns] == [
        ("code", "varchar(10)", False),
        ("paid", "decimal(8,3)", True),
        ("sent_on", "date", False),
    ]
    assert schema.constraints.other == ["key: code, sent_on"]


@pytest.mark.parametrize("with_partition_column", [True, False])
def test_an_io_manager_reads_back_the_table_that_an_asset_declares(with_partition_column: bool) -> None:
    metadata = {
        "dagster/column_schema": TABLE.dagster_schema(with_partition_column=with_partition_column),
        "partition_expr": "sent_on",
        "dagster/table_name": "public.parcels",
    }

    for given in (metadata, dg.AssetSpec("parcels", metadata=metadata).metadata):
        found = table_of(dg.AssetKey("parcels"), given)
        assert (found.name, found.partition_column) == ("public.parcels", "sent_on")
        assert found.arrow_schema() == TABLE.arrow_schema()
