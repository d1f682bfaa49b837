"""COPY from Parquet and UNLOAD to it, against the S3 of moto."""

import io
import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import psycopg2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from psycopg2 import errors
from psycopg2.extensions import cursor

from user_behaviour_tests.cloud.redshift.conftest import Bucket, Connect

ROLE = "iam_role 'arn:aws:iam::123456789012:role/loader'"
TABLE = "create table t (a int not null, b varchar(5), c decimal(8,3), d date, e timestamp, f boolean, g bigint)"
SCHEMA = pa.schema(
    [
        ("a", pa.int32()),
        ("b", pa.string()),
        ("c", pa.decimal128(8, 3)),
        ("d", pa.date32()),
        ("e", pa.timestamp("us")),
        ("f", pa.bool_()),
        ("g", pa.int64()),
    ]
)
MOMENT = datetime.fromisoformat("2010-12-01 08:26:00.000005")
FULL = (1, "ö,\"'", Decimal("1.500"), date(2010, 12, 1), MOMENT, True, 2**40)
EMPTY = (2, "", None, None, None, None, None)


def rows(*given: tuple[Any, ...], schema: pa.Schema = SCHEMA) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in given], schema=schema)


def put(bucket: Bucket, *tables: pa.Table) -> str:
    """Files and their manifest; what comes after the table in a COPY of them."""
    sizes = {f"{number}.parquet": bucket.put(f"{number}.parquet", table) for number, table in enumerate(tables)}
    bucket.manifest("m", *(entry(bucket, key, size) for key, size in sizes.items()))
    return f"from '{bucket.uri('m')}' {ROLE} format as parquet manifest"


def entry(bucket: Bucket, key: str, size: int | None) -> dict[str, Any]:
    meta = {} if size is None else {"meta": {"content_length": size}}
    return {"url": bucket.uri(key), "mandatory": True, **meta}


def test_copy_loads_the_files_of_a_manifest_inside_the_transaction(connect: Connect, bucket: Bucket) -> None:
    session = connect()
    with session.cursor() as cursor:
        cursor.execute(TABLE)
        session.commit()
        cursor.execute(f"copy public.t {put(bucket, rows(FULL), rows(EMPTY))}")
        assert session.notices[-1] == "INFO:  Load into table 't' completed, 2 record(s) loaded successfully.\n"
        cursor.execute("select * from t order by a")
        assert cursor.fetchall() == [FULL, EMPTY]
        session.rollback()
        cursor.execute("select count(*) from t")
        assert cursor.fetchone() == (0,)


def test_copy_goes_by_position(sql: cursor, bucket: Bucket) -> None:
    schema = pa.schema([("any", pa.string()), ("name", pa.int32())])
    sql.execute("create table t (a int, b varchar(5), c int)")
    sql.execute(f"copy t (b, a) {put(bucket, rows(('x', 1), schema=schema))}")
    sql.execute("select * from t")
    assert sql.fetchall() == [(1, "x", None)]


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (lambda b, size: b.manifest("m", entry(b, "0.parquet", None)), "content_length is required"),
        (lambda b, size: b.manifest("m", entry(b, "0.parquet", size + 1)), "is not the object's size"),
        (lambda b, size: b.manifest("m", entry(b, "gone.parquet", size)), "Error NoSuchKey"),
        (lambda b, size: b.put("m", b"{"), "not in correct json format"),
    ],
)
def test_a_manifest_that_is_not_exact_fails_the_copy(sql: cursor, bucket: Bucket, manifest: Any, said: str) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-source-s3.html: Parquet needs meta.content_length."""
    source = put(bucket, rows(FULL))
    manifest(bucket, len(bucket.get("0.parquet")))
    sql.execute(TABLE)
    with pytest.raises(errors.InternalError_, match=said):
        sql.execute(f"copy t {source}")


@pytest.mark.parametrize(
    "rest",
    [
        *(f"{ROLE} format parquet manifest {option}" for option in ("maxerror 1", "region 'eu-west-1'", "gzip", "csv")),
        f"{ROLE} format csv manifest",
        *(
            f"{who} format parquet manifest"
            for who in ("credentials 'aws_access_key_id=a'", "access_key_id 'a'", "iam_role 'me'", "")
        ),
    ],
)
def test_options_that_parquet_does_not_have_are_refused_and_all_but_a_role(sql: cursor, rest: str) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-columnar.html lists those that it has."""
    sql.execute(TABLE)
    with pytest.raises(psycopg2.Error, match=r"IAM|not supported|syntax"):
        sql.execute(f"copy t from 's3://b/m' {rest}")


@pytest.mark.parametrize(
    ("column", "type_"),
    [
        ("a", pa.int64()),
        ("b", pa.binary()),
        ("c", pa.decimal128(9, 3)),
        ("d", pa.timestamp("us")),
        ("e", pa.timestamp("ns")),
        ("g", pa.int32()),
    ],
)
def test_types_must_be_the_very_ones_of_the_table(sql: cursor, bucket: Bucket, column: str, type_: pa.DataType) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/c-spectrum-troubleshooting.html: the text, cut off for the client."""
    schema = SCHEMA.set(SCHEMA.names.index(column), pa.field(column, type_))
    sql.execute(TABLE)
    with pytest.raises(errors.InternalError_, match="Spectrum Scan Error") as raised:
        sql.execute(f"copy t {put(bucket, schema.empty_table())}")
    assert "code:      15007" in (raised.value.diag.message_detail or "")
    sql.execute("select message from svl_s3log order by eventtime desc limit 1")
    ((message,),) = sql.fetchall()
    assert f"has an incompatible Parquet schema for column '{bucket.uri('0.parquet')}.{column}'" in message


def test_a_file_with_another_number_of_columns_and_a_table_that_is_not_there_are_refused(
    sql: cursor, bucket: Bucket
) -> None:
    source = put(bucket, rows(FULL))
    sql.execute("create table t (a int)")
    with pytest.raises(errors.InternalError_, match="Spectrum Scan Error"):
        sql.execute(f"copy t {source}")
    with pytest.raises(errors.InternalError_, match="Cannot COPY into nonexistent table u"):
        sql.execute(f"copy u {source}")


def test_a_null_where_none_may_be_is_found_in_the_system_views(sql: cursor, bucket: Bucket) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/r_STL_LOAD_ERRORS.html; the code is of r_Load_Error_Reference.html.

    What is said of a text that is too long is held by the tests of the warehouse.
    """
    sql.execute(TABLE)
    with pytest.raises(errors.InternalError_, match="Load into table 't' failed"):
        sql.execute(f"copy t {put(bucket, rows(FULL, EMPTY, (None, *FULL[1:])))}")
    sql.execute(
        "select trim(filename), line_number, trim(colname), trim(type), err_code, trim(err_reason) "
        "from pg_catalog.stl_load_errors d where d.session = pg_backend_pid()"
    )
    assert sql.fetchall() == [(bucket.uri("0.parquet"), 3, "a", "int", 1213, "Missing data for not-null field")]


def test_unload_writes_typed_files_and_a_verbose_manifest(sql: cursor, bucket: Bucket) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD_command_examples.html: names, and what the manifest holds."""
    sql.execute(TABLE)
    sql.execute(f"copy t {put(bucket, rows(FULL, EMPTY))}")
    query = "select * from t where b <> ''none'' and d is null or d >= ''2010-12-01'' order by a"
    options = "format as parquet manifest verbose parallel off maxfilesize 64 mb"
    sql.execute(f"unload ('{query}') to '{bucket.uri('out/part_')}' {ROLE} {options}")
    files = ["out/part_000.parquet", "out/part_001.parquet"]
    assert bucket.keys("out/") == [*files, "out/part_manifest"]
    parts = [pq.read_table(io.BytesIO(bucket.get(file))) for file in files]
    assert [part.schema.remove_metadata() for part in parts] == [SCHEMA, SCHEMA]
    assert [tuple(row.values()) for part in parts for row in part.to_pylist()] == [FULL, EMPTY]
    manifest = json.loads(bucket.get("out/part_manifest"))
    sizes = [len(bucket.get(file)) for file in files]
    assert manifest["entries"] == [
        {"url": bucket.uri(file), "meta": {"content_length": size, "record_count": 1}}
        for file, size in zip(files, sizes, strict=True)
    ]
    assert manifest["meta"] == {"content_length": sum(sizes), "record_count": 2}
    assert manifest["schema"]["elements"][2] == {"name": "c", "type": {"base": "numeric"}}


def test_unload_wants_an_empty_place_writes_nothing_for_no_rows_and_has_no_outer_limit(
    sql: cursor, bucket: Bucket
) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html, Limitations; a nested limit is allowed."""
    to = f"to '{bucket.uri('out/')}' {ROLE} format parquet parallel off manifest verbose"
    with pytest.raises(errors.FeatureNotSupported, match="Limit clause is not supported"):
        sql.execute(f"unload ('select 1 as a limit 1') {to}")
    sql.execute(f"unload ('select 1 as a where false') {to}")
    assert bucket.keys() == []
    sql.execute(f"unload ('select * from (select 1 as a limit 1)') {to}")
    assert bucket.keys() == ["out/000.parquet", "out/manifest"]
    with pytest.raises(errors.InternalError_, match="Specified unload destination on S3 is not empty"):
        sql.execute(f"unload ('select 1 as a') {to}")
