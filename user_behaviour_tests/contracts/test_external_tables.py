"""The contract of the catalog of external tables: only registered partitions have rows, of their batch only."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest

from user_behaviour.catalog.external_tables import CatalogError, ExternalTables, Registration, misfits
from user_behaviour.catalog.glue import GlueExternalTables
from user_behaviour.catalog.postgres import PostgresExternalTables
from user_behaviour.catalog.redshift import RedshiftExternalTables
from user_behaviour.lake.conformity import SchemaError
from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.held_back import MissingPartitionError
from user_behaviour.lake.local import LocalLake
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.local.stack import Stack
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.table import Column, Table
from user_behaviour.warehouse.postgres import PostgresWarehouseByUrl
from user_behaviour.warehouse.warehouse import Warehouse
from user_behaviour_tests.cloud.glue_database import D1, D2, D3, SPAN, publish
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.cloud.redshift import RedshiftStandIn
from user_behaviour_tests.cloud.redshift_warehouse import warehouse_on

PARCELS = Table(
    "parcels",
    "One row a parcel.",
    (
        Column("code", "varchar(4)", "its code", nullable=False),
        Column("grams", "int", "its weight"),
        Column("batch_id", "varchar(64)", "the batch", nullable=False),
    ),
    partition_column="sent_on",
)
EXTERNAL = replace(PARCELS, name="spectrum.parcels")


@dataclass(frozen=True)
class Parcels:
    """The external table EXTERNAL, without a partition at first: its catalog, its data set, and who shows it."""

    catalog: ExternalTables
    dataset: Dataset
    warehouse: Warehouse

    def publish(self, day: date, batch_id: str, *codes: str) -> None:
        publish(self.dataset, day, batch_id, *codes)

    def register(self, *days: date) -> Mapping[date, Registration]:
        return self.catalog.register(EXTERNAL, self.dataset, days)

    def registered(self, span: DayRange = SPAN) -> Mapping[date, Registration]:
        return self.catalog.registered(EXTERNAL, span)

    def rows(self) -> Sequence[tuple[date, str, str]]:
        """What the warehouse shows: day, code and batch, in order."""
        sql = "select sent_on, code, batch_id from spectrum.parcels order by sent_on, code"
        return [(row["sent_on"], row["code"], row["batch_id"]) for row in self.warehouse.rows(sql)]


@contextmanager
def on_postgres(directory: Path, stack: Stack) -> Iterator[Parcels]:
    warehouse = PostgresWarehouseByUrl(url=stack.endpoints().warehouse)
    create = "create table spectrum.parcels (code varchar(4), grams int, batch_id varchar(64), sent_on date not null)"
    warehouse.transaction(lambda cursor: cursor.execute(create))
    yield Parcels(
        PostgresExternalTables(warehouse=warehouse), LocalLake(root=str(directory)).dataset(PARCELS), warehouse
    )
    forget = "delete from spectrum.registered_partition where table_name = 'spectrum.parcels'"
    warehouse.transaction(lambda cursor: cursor.execute(f"drop table spectrum.parcels; {forget}"))


@contextmanager
def on_redshift(owner: str, redshift: RedshiftStandIn, cloud: Cloud) -> Iterator[Parcels]:
    """Redshift with an external schema over a Glue database of the test's own, and a lake on S3."""
    lake, database = S3Lake(aws=cloud.aws, bucket=cloud.bucket(), prefix="shop"), f"contract_{secrets.token_hex(4)}"
    warehouse = warehouse_on(redshift, lake)
    with closing(warehouse.connect()) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(
            f"create external schema spectrum from data catalog database '{database}' "
            "iam_role 'arn:aws:iam::123456789012:role/spectrum' create external database if not exists"
        )
        glue = GlueExternalTables(aws=cloud.aws, database=database, warehouse=warehouse)
        catalog = glue if owner == "glue" else RedshiftExternalTables(warehouse=warehouse, lake=lake)
        parcels = Parcels(catalog, lake.dataset(PARCELS), warehouse)
        assert catalog.define(EXTERNAL, parcels.dataset) is True
        yield parcels
        cursor.execute("drop schema spectrum")


@pytest.fixture(params=["postgres", "glue", "redshift"])
def parcels(request: pytest.FixtureRequest, tmp_path: Path, stack: Stack) -> Iterator[Parcels]:
    if request.param == "postgres":
        with on_postgres(tmp_path, stack) as parcels:
            yield parcels
    else:
        redshift, cloud = request.getfixturevalue("redshift_alone"), request.getfixturevalue("cloud")
        with on_redshift(request.param, redshift, cloud) as parcels:
            yield parcels


def test_a_partition_that_is_not_registered_has_no_rows(parcels: Parcels) -> None:
    for day in (D1, D2, D3):
        parcels.publish(day, "one", "a")

    parcels.register(D1, D3)

    assert parcels.rows() == [(D1, "a", "one"), (D3, "a", "one")]
    assert set(parcels.registered()) == {D1, D3}
    assert set(parcels.registered(DayRange(D2, D3))) == {D3}


def test_a_registration_says_where_the_batch_lies_and_how_many_rows_it_has(parcels: Parcels) -> None:
    parcels.publish(D1, "one", "a", "b")

    given = parcels.register(D1)[D1]

    assert given == parcels.registered()[D1]
    assert (given.batch_id, given.rows) == ("one", 2)
    dataset = parcels.dataset
    assert given.location == dataset.lake.uri(dataset.batch_directory(D1, "one")) + "/"


def test_a_new_batch_is_seen_only_once_it_is_registered(parcels: Parcels) -> None:
    parcels.publish(D1, "one", "a", "b")
    parcels.register(D1)
    parcels.publish(D1, "two", "c")
    assert parcels.rows() == [(D1, "a", "one"), (D1, "b", "one")]

    parcels.register(D1)
    assert parcels.rows() == [(D1, "c", "two")]


def test_an_empty_day_is_registered_and_has_no_rows(parcels: Parcels) -> None:
    parcels.publish(D1, "one", "a")
    parcels.register(D1)
    parcels.publish(D1, "two")

    assert parcels.register(D1)[D1].rows == 0
    assert parcels.rows() == []


def test_a_day_that_is_not_in_the_lake_cannot_be_registered(parcels: Parcels) -> None:
    parcels.publish(D1, "one", "a")

    with pytest.raises(MissingPartitionError, match="2010-12-02 of parcels"):
        parcels.register(D1, D2)
    assert parcels.rows() == []


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (Column("grams", "bigint", ""), "grams is int32 in the file, declared is int64"),
        (Column("code", "varchar(2)", ""), r"parcel.*, 2010-12-01: code holds 4 bytes, varchar\(2\) takes 2: 'éé'"),
    ],
    ids=["another type", "too few bytes"],
)
def test_types_must_be_the_declared_ones_and_lengths_count_bytes(parcels: Parcels, column: Column, said: str) -> None:
    parcels.publish(D1, "one", "éé")
    other = replace(EXTERNAL, columns=tuple(column if c.name == column.name else c for c in EXTERNAL.columns))

    with pytest.raises(SchemaError, match=said):
        parcels.catalog.register(other, parcels.dataset.lake.dataset(replace(other, name="parcels")), [D1])
    assert parcels.registered() == {}


def test_the_days_whose_rows_do_not_fit_are_told_from_those_that_can_be_registered(parcels: Parcels) -> None:
    for day, code in ((D1, "a"), (D2, "éé"), (D3, "b")):
        parcels.publish(day, "one", code)
    shorter = replace(EXTERNAL, columns=(replace(EXTERNAL.columns[0], type="varchar(2)"), *EXTERNAL.columns[1:]))

    found = misfits(shorter, parcels.dataset, parcels.dataset.in_force([D1, D2, D3]))

    assert {day: str(error) for day, error in found.items()} == {
        D2: "spectrum.parcels, 2010-12-02: code holds 4 bytes, varchar(2) takes 2: 'éé'; "
        "shorten it where it comes from, or declare more bytes, and run the day again."
    }


def test_the_warehouse_sees_each_partition_where_it_was_registered(parcels: Parcels) -> None:
    for day in (D1, D2, D3):
        parcels.publish(day, "one", "a")
    given = parcels.register(D1, D2, D3)

    assert parcels.catalog.seen(EXTERNAL, SPAN) == {day: given[day].location for day in (D1, D2, D3)}
    assert set(parcels.catalog.seen(EXTERNAL, DayRange(D2, D2))) == {D2}


def test_a_partition_that_is_taken_out_has_no_rows_and_its_files_stay(parcels: Parcels) -> None:
    for day in (D1, D2, D3):
        parcels.publish(day, "one", "a")
    parcels.register(D1, D2, D3)

    for _ in range(2):
        parcels.catalog.deregister(EXTERNAL, [D1, D3])
        assert parcels.rows() == [(D2, "a", "one")]
        assert set(parcels.registered()) == set(parcels.catalog.seen(EXTERNAL, SPAN)) == {D2}
    assert parcels.dataset.current(D1).rows == 1
    parcels.register(D1)
    assert parcels.rows() == [(D1, "a", "one"), (D2, "a", "one")]


def test_a_table_that_is_as_declared_is_left_alone(parcels: Parcels) -> None:
    parcels.publish(D1, "one", "a")
    parcels.register(D1)

    assert parcels.catalog.define(EXTERNAL, parcels.dataset) is False
    assert parcels.rows() == [(D1, "a", "one")]


def test_registrations_at_once_end_at_the_batch_in_force(parcels: Parcels) -> None:
    """Each of four runs publishes its batch and registers; whoever comes last, registers what is in force."""

    def run(name: int) -> None:
        for attempt in range(3):
            parcels.publish(D1, f"run-{name}-{attempt}", "a", "b")
            parcels.register(D1)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))

    in_force = parcels.dataset.current(D1).batch_id
    assert parcels.rows() == [(D1, "a", in_force), (D1, "b", in_force)]
    assert parcels.registered()[D1].batch_id == in_force


@pytest.mark.parametrize("parcels", ["postgres"], indirect=True)
def test_a_table_that_is_not_as_declared_is_told_apart(parcels: Parcels) -> None:
    """The migrations make this twin's tables; the others' are made and mended by `define`, in their own tests."""
    longer = replace(EXTERNAL, columns=(*EXTERNAL.columns, Column("colour", "varchar(8)", "")))
    with pytest.raises(CatalogError, match=r"has the columns .*sent_on date\); declared are .*colour varchar\(8\)"):
        parcels.catalog.define(longer, parcels.dataset)
    with pytest.raises(CatalogError, match=r"spectrum.letters does not exist; .*`user-behaviour migrate`"):
        parcels.catalog.define(replace(EXTERNAL, name="spectrum.letters"), parcels.dataset)
