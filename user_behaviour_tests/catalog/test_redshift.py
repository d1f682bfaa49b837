"""The catalog that Redshift owns: which statements change it, each by itself, and what if one is lost."""

import secrets
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date

import psycopg2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from user_behaviour.catalog.external_tables import CatalogError, Registration
from user_behaviour.catalog.redshift import RedshiftExternalTables
from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.tables.table import Column
from user_behaviour.warehouse.warehouse import WarehouseDataError
from user_behaviour_tests.cloud import glue_database
from user_behaviour_tests.cloud.glue_database import D1, D2, SPAN
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.cloud.redshift import RedshiftStandIn
from user_behaviour_tests.cloud.redshift_warehouse import warehouse_on

PARCELS = glue_database.PARCELS.without("price")
EXTERNAL = replace(PARCELS, name="spectrum.parcels")


@dataclass(frozen=True)
class Owned:
    """An external schema of a test's own; `changes` are the statements that changed it, in order."""

    external: RedshiftExternalTables
    redshift: RedshiftStandIn
    dataset: Dataset

    def publish(self, day: date, batch_id: str, *codes: str) -> None:
        glue_database.publish(self.dataset, day, batch_id, *codes)

    def at(self, day: date, batch_id: str) -> str:
        return f"{self.dataset.lake.uri(self.dataset.batch_directory(day, batch_id))}/"

    def changes(self) -> list[str]:
        found = [one for one in self.redshift.statements if one.text.startswith(("create external table", "alter"))]
        assert not [one for one in found if one.in_transaction]
        return [one.text for one in found]

    def execute(self, sql: str) -> None:
        """Past the code under test."""
        with closing(warehouse_on(self.redshift, self.dataset.lake).connect()) as connection:
            connection.autocommit = True
            connection.cursor().execute(sql)


@pytest.fixture
def owned(redshift_alone: RedshiftStandIn, cloud: Cloud) -> Iterator[Owned]:
    lake = S3Lake(aws=cloud.aws, bucket=cloud.bucket(), prefix="shop")
    made = Owned(
        RedshiftExternalTables(warehouse=warehouse_on(redshift_alone, lake), lake=lake),
        redshift_alone,
        lake.dataset(PARCELS),
    )
    made.execute(
        f"create external schema spectrum from data catalog database 'owned_{secrets.token_hex(4)}' "
        "iam_role 'arn:aws:iam::123456789012:role/spectrum' create external database if not exists"
    )
    assert made.external.define(EXTERNAL, made.dataset)
    redshift_alone.statements.clear()
    yield made
    redshift_alone.faults.clear()
    made.execute("drop schema spectrum")


def test_days_are_added_in_one_statement_and_then_left_alone(owned: Owned) -> None:
    for day in (D1, D2):
        owned.publish(day, "one", "a")
    for _ in range(2):
        owned.external.register(EXTERNAL, owned.dataset, [D1, D2])

    assert owned.changes() == [
        'alter table "spectrum"."parcels" add if not exists '
        f"""partition ("sent_on"='2010-12-01') location '{owned.at(D1, "one")}' """
        f"""partition ("sent_on"='2010-12-02') location '{owned.at(D2, "one")}'"""
    ]


def test_a_day_that_is_there_is_pointed_at_its_new_batch(owned: Owned) -> None:
    """ADD IF NOT EXISTS leaves a partition that is there where it points."""
    for day in (D1, D2):
        owned.publish(day, "one", "a")
    owned.external.register(EXTERNAL, owned.dataset, [D1, D2])
    owned.publish(D2, "two", "b")
    owned.redshift.statements.clear()

    owned.external.register(EXTERNAL, owned.dataset, [D1, D2])

    partition = """partition ("sent_on"='2010-12-02')"""
    assert owned.changes() == [
        f"""alter table "spectrum"."parcels" add if not exists {partition} location '{owned.at(D2, "two")}'""",
        f"""alter table "spectrum"."parcels" {partition} set location '{owned.at(D2, "two")}'""",
    ]
    assert owned.external.seen(EXTERNAL, SPAN) == {D1: owned.at(D1, "one"), D2: owned.at(D2, "two")}


@pytest.mark.parametrize("after", [False, True], ids=["before it is carried out", "after it is carried out"])
def test_a_connection_that_is_lost_at_a_statement_is_made_anew(owned: Owned, after: bool) -> None:
    owned.publish(D1, "one", "a")
    owned.redshift.faults.lose_connection(matching="add if not exists", after=after)

    owned.external.register(EXTERNAL, owned.dataset, [D1])
    assert owned.external.seen(EXTERNAL, SPAN) == {D1: owned.at(D1, "one")}


def test_a_refusal_is_told_as_redshift_tells_it(owned: Owned) -> None:
    owned.publish(D1, "one", "a")
    owned.redshift.faults.fail_next(matching="add if not exists", error="expired credentials")

    with pytest.raises(psycopg2.Error, match="The provided token has expired"):
        owned.external.register(EXTERNAL, owned.dataset, [D1])
    assert owned.external.seen(EXTERNAL, SPAN) == {}


def test_a_table_gets_columns_at_its_end_and_is_otherwise_not_touched(owned: Owned) -> None:
    longer = replace(
        EXTERNAL, columns=(*EXTERNAL.columns, Column("grams", "int", ""), Column("price", "decimal(8,3)", ""))
    )
    assert owned.external.define(longer, owned.dataset)
    assert not owned.external.define(longer, owned.dataset)
    assert owned.changes() == [
        'alter table "spectrum"."parcels" add column "grams" int',
        'alter table "spectrum"."parcels" add column "price" decimal(8,3)',
    ]

    said = (
        r"has the columns \(code varchar\(4\), .*\), declared are \(code varchar\(9\), .* only add columns at the end"
    )
    with pytest.raises(CatalogError, match=said):
        owned.external.define(
            replace(longer, columns=(Column("code", "varchar(9)", ""), *longer.columns[1:])), owned.dataset
        )


def test_the_rows_of_a_batch_are_told_by_its_manifest_which_is_read_once(owned: Owned, cloud: Cloud) -> None:
    owned.publish(D1, "one", "a", "b")
    owned.external.register(EXTERNAL, owned.dataset, [D1])
    lake = S3Lake(aws=cloud.aws, bucket=cloud.bucket(), prefix="elsewhere")
    elsewhere = f"{lake.uri('parcels/sent_on=2010-12-02/foreign')}/"
    owned.execute(f"alter table spectrum.parcels add partition (sent_on='2010-12-02') location '{elsewhere}'")
    fresh = RedshiftExternalTables(warehouse=warehouse_on(owned.redshift, owned.dataset.lake), lake=owned.dataset.lake)

    expected = {
        D1: Registration(D1, owned.at(D1, "one"), "one", 2),
        D2: Registration(D2, elsewhere, "foreign", 0),
    }
    assert fresh.registered(EXTERNAL, SPAN) == expected
    owned.dataset.lake.delete(owned.dataset.batch_directory(D1, "one"))
    assert fresh.registered(EXTERNAL, SPAN) == expected


def test_a_location_that_redshift_would_show_cut_off_is_refused(owned: Owned, cloud: Cloud) -> None:
    """svv_external_partitions ends after 128 characters: two batches of a day would look alike."""
    dataset = S3Lake(
        aws=cloud.aws, bucket=cloud.bucket(), prefix="a-prefix-that-is-much-too-long-" * 3 + "indeed"
    ).dataset(PARCELS)
    glue_database.publish(dataset, D1, "one")

    with pytest.raises(
        CatalogError, match=r"characters, and svv_external_partitions shows 128: .* Take a shorter bucket"
    ):
        owned.external.register(EXTERNAL, dataset, [D1])
    assert owned.changes() == []


def test_a_query_on_a_file_of_other_types_fails_with_the_file_and_the_column(owned: Owned) -> None:
    """As if somebody had written into the lake past its schema."""
    owned.publish(D1, "one", "a")
    owned.external.register(EXTERNAL, owned.dataset, [D1])
    directory = owned.dataset.batch_directory(D1, "one")
    content = pa.BufferOutputStream()
    pq.write_table(pa.table({"code": pa.array([1], pa.int32())}), content)
    owned.dataset.lake.write(f"{directory}/part-00000.parquet", bytes(content.getvalue()))

    said = r"part-00000\.parquet.*incompatible Parquet schema for column .*code"
    with pytest.raises(WarehouseDataError, match=said):
        warehouse_on(owned.redshift, owned.dataset.lake).rows("select code from spectrum.parcels")
