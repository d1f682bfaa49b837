"""The contract of the external table catalog: rows are there only for registered partitions, and of their batch only.

A twin adds a class with its fixtures at the end.
"""

from __future__ import annotations

import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from user_behaviour.catalog.external_tables import CatalogError, ExternalTables
from user_behaviour.catalog.glue import GlueExternalTables
from user_behaviour.catalog.postgres import PostgresExternalTables
from user_behaviour.catalog.redshift import RedshiftExternalTables
from user_behaviour.lake.conformity import SchemaError
from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.held_back import MissingPartitionError
from user_behaviour.lake.lake import Lake
from user_behaviour.lake.local import LocalLake
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.local.stack import Stack
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.table import Column, Table
from user_behaviour.warehouse.postgres import PostgresWarehouseByUrl
from user_behaviour.warehouse.warehouse import Warehouse
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.cloud.redshift import RedshiftStandIn, redshift_stand_in
from user_behaviour_tests.cloud.redshift_warehouse import warehouse_on

D1, D2, D3 = (date(2010, 12, day) for day in (1, 2, 3))
SPAN = DayRange(D1, D3)
EARLY = "2010-12-05T00:00:00.000000Z"
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


def publish(dataset: Dataset, day: date, batch_id: str, *codes: str) -> None:
    with dataset.write(day, batch_id) as writer:
        writer.write(pa.record_batch({"code": list(codes), "grams": pa.nulls(len(codes), pa.int32())}))
        manifest = writer.manifest(as_of=EARLY)
    assert dataset.publish(manifest)


class ExternalTablesContract(ABC):
    """What every catalog does. `seen` are the rows that the warehouse shows: day, code and batch, in order."""

    @pytest.fixture
    @abstractmethod
    def external(self, warehouse: Warehouse) -> Iterator[ExternalTables]:
        """The catalog; the table EXTERNAL exists in it and has no partition."""

    @pytest.fixture
    @abstractmethod
    def warehouse(self, stack: Stack) -> Warehouse: ...

    @pytest.fixture
    @abstractmethod
    def lake(self) -> Lake: ...

    @pytest.fixture
    def dataset(self, lake: Lake) -> Dataset:
        return lake.dataset(PARCELS)

    @staticmethod
    def seen(warehouse: Warehouse) -> list[tuple[date, str, str]]:
        sql = "select sent_on, code, batch_id from spectrum.parcels order by sent_on, code"
        return [(row["sent_on"], row["code"], row["batch_id"]) for row in warehouse.rows(sql)]

    def test_a_partition_that_is_not_registered_has_no_rows(
        self, external: ExternalTables, warehouse: Warehouse, dataset: Dataset
    ) -> None:
        for day in (D1, D2, D3):
            publish(dataset, day, "one", "a")

        external.register(EXTERNAL, dataset, [D1, D3])

        assert self.seen(warehouse) == [(D1, "a", "one"), (D3, "a", "one")]
        assert set(external.registered(EXTERNAL, SPAN)) == {D1, D3}
        assert set(external.registered(EXTERNAL, DayRange(D2, D3))) == {D3}

    def test_a_registration_says_where_the_batch_lies_and_how_many_rows_it_has(
        self, external: ExternalTables, warehouse: Warehouse, dataset: Dataset
    ) -> None:
        publish(dataset, D1, "one", "a", "b")

        given = external.register(EXTERNAL, dataset, [D1])[D1]

        assert given == external.registered(EXTERNAL, SPAN)[D1]
        assert (given.batch_id, given.rows) == ("one", 2)
        assert given.location == dataset.lake.uri(dataset.batch_directory(D1, "one")) + "/"

    def test_a_new_batch_is_seen_only_once_it_is_registered(
        self, external: ExternalTables, warehouse: Warehouse, dataset: Dataset
    ) -> None:
        publish(dataset, D1, "one", "a", "b")
        external.register(EXTERNAL, dataset, [D1])
        publish(dataset, D1, "two", "c")
        assert self.seen(warehouse) == [(D1, "a", "one"), (D1, "b", "one")]

        external.register(EXTERNAL, dataset, [D1])
        assert self.seen(warehouse) == [(D1, "c", "two")]

    def test_an_empty_day_is_registered_and_has_no_rows(
        self, external: ExternalTables, warehouse: Warehouse, dataset: Dataset
    ) -> None:
        publish(dataset, D1, "one", "a")
        external.register(EXTERNAL, dataset, [D1])
        with dataset.write(D1, "two") as writer:
            manifest = writer.manifest(as_of=EARLY)
        dataset.publish(manifest)

        assert external.register(EXTERNAL, dataset, [D1])[D1].rows == 0
        assert self.seen(warehouse) == []

    def test_a_day_that_is_not_in_the_lake_cannot_be_registered(
        self, external: ExternalTables, warehouse: Warehouse, dataset: Dataset
    ) -> None:
        publish(dataset, D1, "one", "a")

        with pytest.raises(MissingPartitionError, match="2010-12-02 of parcels"):
            external.register(EXTERNAL, dataset, [D1, D2])
        assert self.seen(warehouse) == []

    def test_types_must_be_the_declared_ones(
        self, external: ExternalTables, warehouse: Warehouse, dataset: Dataset
    ) -> None:
        publish(dataset, D1, "one", "a")
        wider = replace(EXTERNAL, columns=(EXTERNAL.columns[0], Column("grams", "bigint", ""), EXTERNAL.columns[2]))
        dataset = dataset.lake.dataset(replace(wider, name="parcels"))

        with pytest.raises(SchemaError, match="grams is int32 in the file, declared is int64"):
            external.register(wider, dataset, [D1])
        assert external.registered(EXTERNAL, SPAN) == {}

    def test_lengths_count_bytes(self, external: ExternalTables, warehouse: Warehouse, dataset: Dataset) -> None:
        publish(dataset, D1, "one", "éé")
        narrow = replace(EXTERNAL, columns=(Column("code", "varchar(2)", ""), *EXTERNAL.columns[1:]))

        with pytest.raises(SchemaError, match=r"code holds 4 bytes, varchar\(2\) takes 2"):
            external.register(narrow, dataset.lake.dataset(replace(narrow, name="parcels")), [D1])

    def test_the_warehouse_sees_each_partition_where_it_was_registered(
        self, external: ExternalTables, warehouse: Warehouse, dataset: Dataset
    ) -> None:
        for day in (D1, D2, D3):
            publish(dataset, day, "one", "a")
        given = external.register(EXTERNAL, dataset, [D1, D2, D3])

        assert external.seen(EXTERNAL, SPAN) == {day: given[day].location for day in (D1, D2, D3)}
        assert set(external.seen(EXTERNAL, DayRange(D2, D2))) == {D2}

    def test_a_partition_that_is_taken_out_has_no_rows_and_its_files_stay(
        self, external: ExternalTables, warehouse: Warehouse, dataset: Dataset
    ) -> None:
        for day in (D1, D2, D3):
            publish(dataset, day, "one", "a")
        external.register(EXTERNAL, dataset, [D1, D2, D3])

        for _ in range(2):
            external.deregister(EXTERNAL, [D1, D3])
            assert self.seen(warehouse) == [(D2, "a", "one")]
            assert set(external.registered(EXTERNAL, SPAN)) == set(external.seen(EXTERNAL, SPAN)) == {D2}
        assert dataset.current(D1).rows == 1
        external.register(EXTERNAL, dataset, [D1])
        assert self.seen(warehouse) == [(D1, "a", "one"), (D2, "a", "one")]

    def test_a_table_that_is_as_declared_is_left_alone(
        self, external: ExternalTables, warehouse: Warehouse, dataset: Dataset
    ) -> None:
        publish(dataset, D1, "one", "a")
        external.register(EXTERNAL, dataset, [D1])

        assert external.define(EXTERNAL, dataset) is False
        assert self.seen(warehouse) == [(D1, "a", "one")]

    def test_registrations_at_once_end_at_the_batch_in_force(
        self, external: ExternalTables, warehouse: Warehouse, dataset: Dataset
    ) -> None:
        """Each of four runs publishes its batch and registers; whoever comes last, registers what is in force."""

        def run(name: int) -> None:
            for attempt in range(3):
                publish(dataset, D1, f"run-{name}-{attempt}", "a", "b")
                external.register(EXTERNAL, dataset, [D1])

        threads = [threading.Thread(target=run, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        in_force = dataset.current(D1).batch_id
        assert self.seen(warehouse) == [(D1, "a", in_force), (D1, "b", in_force)]
        assert external.registered(EXTERNAL, SPAN)[D1].batch_id == in_force


class TestWarehouseExternalTables(ExternalTablesContract):
    @pytest.fixture
    def lake(self, tmp_path: Path) -> Lake:
        return LocalLake(root=str(tmp_path))

    @pytest.fixture
    def warehouse(self, stack: Stack) -> Warehouse:
        return PostgresWarehouseByUrl(url=stack.endpoints().warehouse)

    @pytest.fixture
    def external(self, warehouse: Warehouse) -> Iterator[ExternalTables]:
        create = (
            "create table spectrum.parcels (code varchar(4), grams int, batch_id varchar(64), sent_on date not null)"
        )
        warehouse.transaction(lambda cursor: cursor.execute(create))
        yield PostgresExternalTables(warehouse=warehouse)
        for sql in (
            "drop table spectrum.parcels",
            "delete from spectrum.registered_partition where table_name = 'spectrum.parcels'",
        ):
            warehouse.transaction(lambda cursor, sql=sql: cursor.execute(sql))  # type: ignore[misc]

    def test_a_table_that_is_not_as_declared_is_told_apart(self, external: ExternalTables, dataset: Dataset) -> None:
        longer = replace(EXTERNAL, columns=(*EXTERNAL.columns, Column("colour", "varchar(8)", "")))
        with pytest.raises(CatalogError, match=r"has the columns .*sent_on date\); declared are .*colour varchar\(8\)"):
            external.define(longer, dataset)
        with pytest.raises(CatalogError, match=r"spectrum.letters does not exist; .*`user-behaviour migrate`"):
            external.define(replace(EXTERNAL, name="spectrum.letters"), dataset)


@pytest.fixture(scope="module")
def redshift(stack: Stack, cloud: Cloud) -> Iterator[RedshiftStandIn]:
    """Not the one that all share, where others may have an external schema of the name."""
    with redshift_stand_in(stack.endpoints().warehouse, cloud.aws) as stand_in:
        yield stand_in


class OnAws(ExternalTablesContract):
    """Redshift with an external schema over a Glue database of the test's own, and a lake on S3."""

    @pytest.fixture
    def lake(self, cloud: Cloud) -> Lake:
        return S3Lake(aws=cloud.aws, bucket=cloud.bucket(), prefix="shop")

    @pytest.fixture
    def warehouse(self, redshift: RedshiftStandIn, lake: Lake) -> Warehouse:
        return warehouse_on(redshift, lake)

    @pytest.fixture
    def database(self, warehouse: Warehouse) -> Iterator[str]:
        name = f"contract_{secrets.token_hex(4)}"
        create = (
            f"create external schema spectrum from data catalog database '{name}' "
            "iam_role 'arn:aws:iam::123456789012:role/spectrum' create external database if not exists"
        )
        with closing(warehouse.connect()) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute(create)
            yield name
            cursor.execute("drop schema spectrum")


class TestGlueExternalTables(OnAws):
    @pytest.fixture
    def external(self, cloud: Cloud, warehouse: Warehouse, database: str, dataset: Dataset) -> ExternalTables:
        external = GlueExternalTables(aws=cloud.aws, database=database, warehouse=warehouse)
        assert external.define(EXTERNAL, dataset) is True
        return external


class TestRedshiftExternalTables(OnAws):
    @pytest.fixture
    def external(self, warehouse: Warehouse, database: str, dataset: Dataset, lake: Lake) -> ExternalTables:
        external = RedshiftExternalTables(warehouse=warehouse, lake=lake)
        assert external.define(EXTERNAL, dataset) is True
        return external
