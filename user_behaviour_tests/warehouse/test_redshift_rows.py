"""Rows into Redshift and out of it: COPY, UNLOAD, what is left of them, and what a failed load or scan says."""

import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions
import pyarrow as pa
import pytest

from user_behaviour.aws.clients import Aws
from user_behaviour.lake.local import LocalLake
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.local.stack import Stack
from user_behaviour.warehouse import redshift_copy as staged_copy
from user_behaviour.warehouse.redshift import RedshiftWarehouse
from user_behaviour.warehouse.redshift_names import UnsafeNameError
from user_behaviour.warehouse.warehouse import ATTEMPTS, WarehouseDataError
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.cloud.redshift import RedshiftStandIn, redshift_stand_in
from user_behaviour_tests.cloud.redshift_warehouse import warehouse_on
from user_behaviour_tests.contracts.test_source_database import TEXTS

Cursor = psycopg2.extensions.cursor
ROLE = "arn:aws:iam::123456789012:role/redshift-reader"
STOCK = pa.schema(
    [
        ("id", pa.int32()),
        ("name", pa.string()),
        ("price", pa.decimal128(8, 3)),
        ("sold", pa.bool_()),
        ("day", pa.date32()),
        ("moment", pa.timestamp("us")),
        ("pieces", pa.int64()),
    ]
)
ROWS = [
    (
        1,
        "a\\b'c\"d",
        Decimal("12345.678"),
        True,
        date(1, 1, 1),
        datetime.fromisoformat("2010-12-01T08:26:00.000001"),
        2**62,
    ),
    (2, "", Decimal("-0.001"), False, date(9999, 12, 31), datetime.fromisoformat("1900-01-01T00:00:00"), -1),
    (3, None, None, None, None, None, None),
    (4, "Zoë 東京 🙂\n", Decimal(0), True, date(2011, 12, 9), datetime.fromisoformat("2011-12-09T23:59:59.999999"), 0),
]


@pytest.fixture
def lake(cloud: Cloud) -> S3Lake:
    return S3Lake(aws=cloud.aws, bucket=cloud.bucket(), prefix="lake")


@pytest.fixture
def warehouse(redshift: RedshiftStandIn, lake: S3Lake, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedshiftWarehouse]:
    monkeypatch.setattr("user_behaviour.warehouse.warehouse.sleep", lambda _: None)
    warehouse = warehouse_on(redshift, lake)
    columns = "name varchar(20), price decimal(8, 3), sold boolean, day date, moment timestamp, pieces bigint"
    warehouse.transaction(lambda cursor: cursor.execute(f"create table stock (id int not null, {columns})"))
    yield warehouse
    redshift.faults.clear()
    redshift.serverless = False
    warehouse.transaction(lambda cursor: cursor.execute("drop table stock"))


def stock(rows: list[tuple[Any, ...]] = ROWS) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    return pa.record_batch([pa.array(c, f.type) for c, f in zip(columns, STOCK, strict=True)], schema=STOCK)


def sent(redshift: RedshiftStandIn, word: str, *, since: int) -> list[str]:
    return [s.text for s in redshift.statements[since:] if s.text.startswith(word)]


def test_a_conflict_in_a_copy_is_answered_by_staging_and_copying_again(
    redshift: RedshiftStandIn, warehouse: RedshiftWarehouse, lake: S3Lake
) -> None:
    redshift.faults.fail_next(matching="^copy", error="conflict")

    assert warehouse.transaction(lambda cursor: warehouse.load(cursor, "public.stock", [stock()])) == 4
    assert warehouse.rows("select count(*) as n from stock") == [{"n": 4}]
    assert lake.list("exchange") == []


def test_rows_are_copied_by_a_manifest_with_lengths_and_the_staged_files_are_removed(
    redshift: RedshiftStandIn, cloud: Cloud, warehouse: RedshiftWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = cloud.bucket()
    monkeypatch.setattr(staged_copy, "FILE_BYTES", 1)
    since = len(redshift.statements)
    seen: list[dict[str, Any]] = []
    lengths: list[int] = []

    class Watched(S3Lake):
        def delete(self, path: str) -> None:
            found = self.read(f"{path}/manifest")
            assert found
            seen.extend(json.loads(found[0])["entries"])
            for name in self.list(path)[1:]:
                with self.open(f"{path}/{name}") as file:
                    lengths.append(len(file.read()))
            super().delete(path)

    watched = Watched(aws=cloud.aws, bucket=bucket, prefix="lake")
    loading = warehouse_on(redshift, watched, iam_role=ROLE)
    loading.transaction(lambda cursor: loading.load(cursor, "public.stock", [stock(ROWS[:3]), stock(ROWS[3:])]))

    (copy,) = sent(redshift, "copy", since=since)
    directory = copy.split("'")[1].removesuffix("manifest")
    assert directory.startswith(f"s3://{bucket}/lake/exchange/public.stock/")
    assert copy == (
        'copy "public"."stock" ("id", "name", "price", "sold", "day", "moment", "pieces") '
        f"from '{directory}manifest' iam_role '{ROLE}' format as parquet manifest"
    )
    assert seen == [
        {"url": f"{directory}part-0000{n}.parquet", "mandatory": True, "meta": {"content_length": lengths[n]}}
        for n in range(2)
    ]
    assert watched.list("exchange") == []


@pytest.mark.parametrize(
    ("serverless", "raw"),
    [(False, "raw value 'ééééééééééé'"), (True, "the view gives no raw value")],
    ids=["provisioned", "serverless"],
)
def test_a_refused_load_says_where_and_why_and_is_not_tried_again(
    redshift: RedshiftStandIn, warehouse: RedshiftWarehouse, lake: S3Lake, serverless: bool, raw: str
) -> None:
    redshift.serverless = serverless
    since = len(redshift.statements)
    rows = stock([ROWS[0], (2, "é" * 11, *ROWS[1][2:])])

    with pytest.raises(WarehouseDataError) as caught:
        warehouse.transaction(lambda cursor: warehouse.load(cursor, "public.stock", [rows]))

    (copy,) = sent(redshift, "copy", since=since)
    file = copy.split("'")[1].replace("manifest", "part-00000.parquet")
    assert str(caught.value) == (
        f"COPY into public.stock failed: file {file}, line 2, column name varchar(20): "
        f"String length exceeds DDL length; {raw}. Redshift said: Load into table 'stock' failed. "
        "Check 'sys_load_error_detail' system table for details."
    )
    assert warehouse.rows("select id from stock") == []
    assert lake.list("exchange") == []


def test_a_file_that_does_not_fit_the_declared_types_is_named_with_its_column(
    redshift: RedshiftStandIn, warehouse: RedshiftWarehouse
) -> None:
    rows = pa.record_batch({"id": pa.array([1], pa.int64())})

    with pytest.raises(WarehouseDataError, match=r"part-00000\.parquet.*incompatible Parquet schema for column .*id"):
        warehouse.transaction(lambda cursor: warehouse.load(cursor, "stock", [rows]))


def test_a_failure_that_the_views_know_nothing_of_is_passed_on(
    redshift: RedshiftStandIn, warehouse: RedshiftWarehouse
) -> None:
    with pytest.raises(psycopg2.errors.InternalError_, match="nonexistent table nothing"):
        warehouse.transaction(lambda cursor: warehouse.load(cursor, "nothing", [stock()]))


def test_an_unload_gives_what_the_connection_gives(
    redshift: RedshiftStandIn, warehouse: RedshiftWarehouse, lake: S3Lake
) -> None:
    warehouse.transaction(lambda cursor: warehouse.load(cursor, "stock", [stock()]))
    sql = "select * from stock where name <> %(name)s or name is null order by id desc -- and no semicolon;"
    parameters = {"name": "it's \\ not' there"}

    few = pa.Table.from_batches(warehouse.unload(sql, parameters, STOCK, expected=4))
    many = pa.Table.from_batches(warehouse.unload(sql, parameters, STOCK))

    assert few == many == pa.Table.from_batches([stock(ROWS[::-1])])
    assert lake.list("exchange") == []


@pytest.mark.parametrize(("expected", "verb"), [(4, "select"), (5, "unload"), (None, "unload")])
def test_a_query_is_carried_out_once_however_large_its_result_is(
    redshift: RedshiftStandIn, warehouse: RedshiftWarehouse, lake: S3Lake, expected: int | None, verb: str
) -> None:
    """A large one was fetched up to the limit, by a cursor that collects all of it first, and then unloaded."""
    at_most_four = warehouse_on(redshift, lake, unload_above=4)
    since = len(redshift.statements)

    list(at_most_four.unload("select * from stock", {}, STOCK, expected=expected))

    told = [said.text.split(" ")[0].lower() for said in redshift.statements[since:]]
    assert told == ["set", "begin", verb]


@pytest.mark.parametrize("expected", [0, None], ids=["fetched", "unloaded"])
def test_an_unload_of_nothing_is_an_empty_stream(warehouse: RedshiftWarehouse, expected: int | None) -> None:
    assert list(warehouse.unload("select * from stock", {}, STOCK, expected=expected)) == []


def test_an_unload_that_fails_leaves_nothing(
    redshift: RedshiftStandIn, warehouse: RedshiftWarehouse, lake: S3Lake
) -> None:
    warehouse.transaction(lambda cursor: warehouse.load(cursor, "stock", [stock()]))
    redshift.faults.lose_connection(matching="^unload", after=True, times=ATTEMPTS)

    with pytest.raises(psycopg2.OperationalError):
        list(warehouse.unload("select * from stock", {}, STOCK))
    assert lake.list("exchange") == []


@pytest.mark.parametrize("conforming", [False, True], ids=["backslash escapes", "standard strings"])
def test_texts_arrive_as_they_are_whatever_a_backslash_means(
    stack: Stack, cloud: Cloud, lake: S3Lake, conforming: bool
) -> None:
    r"""A quote that was escaped by hand ended its text early: x\'); drop table stock; --."""
    texts = [*TEXTS, "\\'", "\\\\'; drop table stock; --", "x\\'); select 42; --", "''\\", "%", "\t\b"]
    with redshift_stand_in(stack.endpoints().warehouse, cloud.aws, standard_conforming_strings=conforming) as redshift:
        warehouse = warehouse_on(redshift, lake)
        every = ", ".join(f"%({n})s as c{n}" for n in range(len(texts)))
        bound = {str(n): text for n, text in enumerate(texts)}
        schema = pa.schema([(f"c{n}", pa.string()) for n in range(len(texts))])

        (asked,) = warehouse.rows(f"select {every}", bound)
        (unloaded,) = warehouse.unload(f"select {every}", bound, schema)

    assert list(asked.values()) == texts
    assert list(unloaded.to_pylist()[0].values()) == texts


def test_a_lake_that_redshift_cannot_reach_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="write a place as s3://bucket/prefix"):
        RedshiftWarehouse(host="localhost", password="p", lake=LocalLake(root=str(tmp_path)), aws=Aws())


@pytest.mark.parametrize("role", ["arn:aws:iam::1:role/short", f"{ROLE}' manifest --", "root"])
def test_what_is_no_role_is_refused(redshift: RedshiftStandIn, lake: S3Lake, role: str) -> None:
    with pytest.raises(ValueError, match="is no IAM role"):
        warehouse_on(redshift, lake, iam_role=role)


@pytest.mark.parametrize("table", ["stock; drop table stock", 'a"b', "1st", "x" * 128, "public."])
def test_what_is_no_name_of_a_table_is_refused(warehouse: RedshiftWarehouse, table: str) -> None:
    with pytest.raises(UnsafeNameError, match="is no name for Redshift"):
        warehouse.transaction(lambda cursor: warehouse.load(cursor, table, [stock()]))
