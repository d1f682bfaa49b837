"""The catalog in AWS Glue: what is written there, how much at a time, and what is left alone."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from user_behaviour.aws.errors import AbsentError
from user_behaviour.catalog.external_tables import CatalogError, Registration
from user_behaviour.lake.dataset import CURRENT
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.table import Column, UnknownType
from user_behaviour_tests.cloud.glue_database import D1, D2, D3, EXTERNAL, SPAN, Glue, new_glue
from user_behaviour_tests.cloud.glue_wire import GlueWire
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.lake.blank_pages import blank_pages

COLUMNS = [
    {"Name": "code", "Type": "varchar(4)", "Comment": "its code"},
    {"Name": "price", "Type": "decimal(8,3)", "Comment": "its price"},
]
FORMATS = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "Parameters": {"serialization.format": "1"},
    },
}


@pytest.fixture
def glue(cloud: Cloud, tmp_path: Path) -> Glue:
    return new_glue(cloud, tmp_path)


def test_a_table_is_defined_with_the_columns_of_its_schema_and_then_left_alone(glue: Glue, tmp_path: Path) -> None:
    found = glue.table()
    for chance in ("CreateTime", "CatalogId", "VersionId", "DatabaseName"):
        found.pop(chance)

    assert found == {
        "Name": "parcels",
        "Description": "One row a parcel.",
        "TableType": "EXTERNAL_TABLE",
        "PartitionKeys": [{"Name": "sent_on", "Type": "date"}],
        "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet"},
        "StorageDescriptor": {
            "Columns": COLUMNS,
            "Location": f"file://{tmp_path}/parcels/",
            "Compressed": False,
            "StoredAsSubDirectories": False,
            **FORMATS,
        },
    }
    assert not glue.external.define(EXTERNAL, glue.dataset)


def test_a_table_is_brought_up_to_its_schema_and_its_partitions_when_they_are_registered_again(glue: Glue) -> None:
    glue.publish(D1, "one", "a")
    glue.external.register(EXTERNAL, glue.dataset, [D1])
    by_hand = {**glue.table()["Parameters"], "team": "shop", "numRows": "170000"}
    described = {key: glue.table()[key] for key in ("Name", "PartitionKeys", "StorageDescriptor")}
    glue.client.update_table(DatabaseName=glue.database, TableInput={**described, "Parameters": by_hand})
    longer = replace(EXTERNAL, columns=(*EXTERNAL.columns, Column("grams", "int", "its weight")))
    dataset = glue.dataset.lake.dataset(replace(longer, name="parcels"))

    assert glue.external.define(longer, dataset)
    assert not glue.external.define(longer, dataset)
    grams = {"Name": "grams", "Type": "int", "Comment": "its weight"}
    assert glue.table()["StorageDescriptor"]["Columns"] == [*COLUMNS, grams]
    ours = {"EXTERNAL": "TRUE", "classification": "parquet", "numRows": "1"}
    assert glue.table()["Parameters"] == {**ours, "team": "shop"}
    assert glue.batches() == {D1: "one"}
    assert glue.partition(D1)["StorageDescriptor"]["Columns"] == COLUMNS

    glue.external.register(longer, dataset, [D1])
    assert glue.partition(D1)["StorageDescriptor"]["Columns"] == [*COLUMNS, grams]


def test_a_table_that_is_partitioned_otherwise_is_not_touched(glue: Glue) -> None:
    with pytest.raises(CatalogError, match=r"is partitioned by \(sent_on date\), spectrum.parcels by \(got_on date\)"):
        glue.external.define(replace(EXTERNAL, partition_column="got_on"), glue.dataset)


def test_a_type_that_external_tables_do_not_hold_is_named(glue: Glue) -> None:
    binary = replace(EXTERNAL, name="spectrum.raw", columns=(Column("raw", "binary", "bytes"),))
    with pytest.raises(UnknownType, match="Column raw is binary"):
        glue.external.define(binary, glue.dataset)


def test_a_partition_is_written_with_everything_that_it_does_not_inherit(glue: Glue, tmp_path: Path) -> None:
    glue.publish(D1, "one", "a", "b")
    glue.external.register(EXTERNAL, glue.dataset, [D1])

    found = glue.partition(D1)
    assert found["Values"] == ["2010-12-01"]
    assert found["Parameters"] == {"batch_id": "one", "numRows": "2"}
    assert found["StorageDescriptor"] == {
        "Columns": COLUMNS,
        "Location": f"file://{tmp_path}/parcels/sent_on=2010-12-01/one/",
        "Compressed": False,
        "StoredAsSubDirectories": False,
        **FORMATS,
    }


def test_a_partition_that_is_right_is_not_written_again(glue: Glue, cloud: Cloud) -> None:
    for day in (D1, D2, D3):
        glue.publish(day, "one", "a")
    glue.external.register(EXTERNAL, glue.dataset, [D1, D2, D3])
    glue.publish(D2, "two", "b")

    wire = GlueWire()
    with cloud.behind(wire):
        glue.external.register(EXTERNAL, glue.dataset, [D1, D2, D3])

    batches = [f"Batch{verb}Partition" for verb in ("Get", "Create", "Update")]
    assert [name for name, _ in wire.calls] == [*batches, "GetTable", "GetPartitions"]
    assert [entry["PartitionValueList"] for entry in wire.calls[2][1]["Entries"]] == [["2010-12-02"]]
    assert glue.batches() == {D1: "one", D2: "two", D3: "one"}


def test_the_number_of_rows_of_the_table_follows_its_partitions(glue: Glue, cloud: Cloud) -> None:
    """Redshift plans by it, and takes a table without it for the largest of a join."""
    counted = []

    def count() -> None:
        counted.append(glue.table()["Parameters"]["numRows"])

    glue.publish(D1, "one", "a", "b")
    glue.publish(D2, "one", "c")
    glue.external.register(EXTERNAL, glue.dataset, [D1, D2])
    count()
    glue.publish(D1, "two", "a", "b", "d", "e")
    before, wire = glue.table(), GlueWire()
    with cloud.behind(wire):
        glue.external.register(EXTERNAL, glue.dataset, [D1])
    count()
    glue.external.deregister(EXTERNAL, [D1])
    count()

    assert counted == ["3", "5", "1"]
    (update,) = wire.named("UpdateTable")
    assert (update["SkipArchive"], update["VersionId"]) == (True, before["VersionId"])
    assert glue.table()["StorageDescriptor"] == before["StorageDescriptor"]


@pytest.mark.parametrize("said", [{}, {"numRows": "99"}], ids=["of an earlier release", "wrong"])
def test_a_table_is_counted_anew_at_its_next_registration(glue: Glue, said: dict[str, str]) -> None:
    """Two runs that registered the same days at once once counted them twice, and no registration put it right."""
    glue.publish(D1, "one", "a", "b")
    glue.external.register(EXTERNAL, glue.dataset, [D1])
    without = {key: glue.table()[key] for key in ("Name", "PartitionKeys", "StorageDescriptor")}
    glue.client.update_table(DatabaseName=glue.database, TableInput={**without, "Parameters": said})

    glue.publish(D2, "one", "c")
    glue.external.register(EXTERNAL, glue.dataset, [D2])

    assert glue.table()["Parameters"] == {"numRows": "3"}


def test_a_registration_reads_no_row_but_of_a_batch_of_which_nothing_is_recorded(glue: Glue) -> None:
    for day in (D1, D2):
        glue.publish(day, "one", "a")
        blank_pages(glue.dataset, day)
    former = replace(glue.dataset.current(D2), longest_texts={})  # as release 0.3.0 wrote them
    glue.dataset.lake.write(f"{glue.dataset.directory(D2)}/{CURRENT}", former.to_json())

    glue.external.register(EXTERNAL, glue.dataset, [D1])
    with pytest.raises(OSError, match="page header"):
        glue.external.register(EXTERNAL, glue.dataset, [D2])

    assert glue.batches() == {D1: "one"}


def test_many_days_go_a_hundred_at_a_time_and_leave_twentyfive_at_a_time(glue: Glue, cloud: Cloud) -> None:
    days = [D1 + timedelta(days=n) for n in range(230)]
    for day in days:
        glue.publish(day, "one")
    wire, span = GlueWire(), DayRange(days[0], days[-1])

    with cloud.behind(wire):
        glue.external.register(EXTERNAL, glue.dataset, days)
        assert list(glue.batches(span)) == days
        glue.external.deregister(EXTERNAL, days[:60])

    assert [len(one["PartitionInputList"]) for one in wire.named("BatchCreatePartition")] == [100, 100, 30]
    assert [len(one["PartitionsToDelete"]) for one in wire.named("BatchDeletePartition")] == [25, 25, 10]
    assert list(glue.batches(span)) == days[60:]


def test_a_table_that_is_not_defined_is_an_error_that_says_what_defines_it(glue: Glue) -> None:
    with pytest.raises(AbsentError, match=r"EntityNotFoundException: .*`user-behaviour migrate` makes the tables"):
        glue.external.registered(replace(EXTERNAL, name="spectrum.letters"), SPAN)


def test_a_partition_that_somebody_else_made_is_read_by_its_location_and_put_right(glue: Glue) -> None:
    elsewhere = {**glue.table()["StorageDescriptor"], "Location": "s3://elsewhere/sent_on=2010-12-01/foreign/"}
    glue.client.create_partition(
        DatabaseName=glue.database,
        TableName="parcels",
        PartitionInput={"Values": ["2010-12-01"], "StorageDescriptor": elsewhere},
    )
    found = glue.external.registered(EXTERNAL, SPAN)
    assert found == {D1: Registration(D1, "s3://elsewhere/sent_on=2010-12-01/foreign/", "foreign", 0)}

    glue.publish(D1, "one", "a")
    glue.external.register(EXTERNAL, glue.dataset, [D1])
    assert glue.batches() == {D1: "one"}


def test_taking_out_what_is_not_there_is_no_error(glue: Glue) -> None:
    glue.publish(D1, "one", "a")
    glue.external.register(EXTERNAL, glue.dataset, [D1])
    glue.external.deregister(EXTERNAL, [D1, D2])
    glue.external.deregister(EXTERNAL, [D1, D2])
    assert glue.batches() == {}
