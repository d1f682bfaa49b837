"""COPY from Parquet and UNLOAD to it, against the S3 of moto."""

from __future__ import annotations

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

from user_behaviour_tests.cloud.redshift import RedshiftStandIn
from user_behaviour_tests.cloud.redshift.conftest import Bucket, Connect

ROLE = "iam_role 'arn:aws:iam::123456789012:role/loader'"
TABLE = """
create table t (
    a int not null, b varchar(5), c decimal(8,3), d date, e timestamp,
    f boolean, g bigint, h double precision, i smallint
)
"""
SCHEMA = pa.schema(
    [
        ("a", pa.int32()),
        ("b", pa.string()),
        ("c", pa.decimal128(8, 3)),
        ("d", pa.date32()),
        ("e", pa.timestamp("us")),
        ("f", pa.bool_()),
        ("g", pa.int64()),
        ("h", pa.float64()),
        ("i", pa.int16()),
    ]
)
MOMENT = datetime.fromisoformat("2010-12-01 08:26:00.000005")
FULL = (1, "ö,\"'", Decimal("1.500"), date(2010, 12, 1), MOMENT, True, 2**40, 0.5, 7)
EMPTY = (2, "", None, None, None, None, None, None, None)


def rows(*given: tuple[Any, ...], schema: pa.Schema = SCHEMA) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in given], schema=schema)


def entry(bucket: Bucket, key: str, size: int | None, *, mandatory: bool = True) -> dict[str, Any]:
    meta = {} if size is None else {"meta": {"content_length": size}}
    return {"url": bucket.uri(key), "mandatory": mandatory, **meta}


def test_copy_loads_the_files_of_a_manifest_inside_the_transaction(connect: Connect, bucket: Bucket) -> None:
    sizes = [bucket.put("in/1.parquet", rows(FULL)), bucket.put("in/2.parquet", rows(EMPTY))]
    entries = [entry(bucket, f"in/{number}.parquet", size) for number, size in enumerate(sizes, start=1)]
    bucket.manifest("in.manifest", *entries, entry(bucket, "in/gone.parquet", 1, mandatory=False))
    session = connect()
    with session.cursor() as cursor:
        cursor.execute(TABLE)
        session.commit()
        cursor.execute(f"copy public.t from '{bucket.uri('in.manifest')}' {ROLE} format as parquet manifest")
        assert session.notices[-1] == "INFO:  Load into table 't' completed, 2 record(s) loaded successfully.\n"
        cursor.execute("select * from t order by a")
        assert cursor.fetchall() == [FULL, EMPTY]
        session.rollback()
        cursor.execute("select count(*) from t")
        assert cursor.fetchone() == (0,)


def test_copy_goes_by_position_and_takes_every_key_that_begins_so(sql: cursor, bucket: Bucket) -> None:
    """`p=1` is the beginning of `p=10`: docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-source-s3.html."""
    schema = pa.schema([("any", pa.string()), ("name", pa.int32())])
    bucket.put("p=1/x.parquet", rows(("x", 1), schema=schema))
    bucket.put("p=10/x.parquet", rows(("y", 2), schema=schema))
    sql.execute("create table t (a int, b varchar(5), c int)")
    sql.execute(f"copy t (b, a) from '{bucket.uri('p=1')}' iam_role default parquet statupdate off")
    sql.execute("select * from t order by a")
    assert sql.fetchall() == [(1, "x", None), (2, "y", None)]


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (lambda b, size: b.manifest("m", entry(b, "x.parquet", None)), "content_length is required"),
        (lambda b, size: b.manifest("m", entry(b, "x.parquet", size + 1)), "is not the object's size"),
        (lambda b, size: b.manifest("m", entry(b, "gone.parquet", size)), "Error NoSuchKey"),
        (lambda b, size: b.put("m", b"{"), "not in correct json format"),
        (lambda b, size: None, "Error NoSuchKey"),
    ],
)
def test_a_manifest_that_is_not_exact_fails_the_copy(sql: cursor, bucket: Bucket, manifest: Any, said: str) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-source-s3.html: Parquet needs meta.content_length."""
    size = bucket.put("x.parquet", rows(FULL))
    manifest(bucket, size)
    sql.execute(TABLE)
    with pytest.raises(errors.InternalError_, match=said):
        sql.execute(f"copy t from '{bucket.uri('m')}' {ROLE} format parquet manifest")


@pytest.mark.parametrize("options", ["maxerror 1", "region 'eu-west-1'", "compupdate on", "gzip", "csv", "format csv"])
def test_options_that_parquet_does_not_have_are_refused(sql: cursor, bucket: Bucket, options: str) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-columnar.html lists those that it has."""
    sql.execute(TABLE)
    with pytest.raises((errors.FeatureNotSupported, errors.SyntaxError)):
        sql.execute(f"copy t from '{bucket.uri('x')}' {ROLE} format parquet {options}")


@pytest.mark.parametrize("credentials", ["credentials 'aws_access_key_id=a'", "access_key_id 'a'", "iam_role 'me'", ""])
def test_a_copy_is_authorised_by_a_role_and_by_nothing_else(sql: cursor, bucket: Bucket, credentials: str) -> None:
    sql.execute(TABLE)
    with pytest.raises(psycopg2.Error, match=r"IAM|syntax error"):
        sql.execute(f"copy t from '{bucket.uri('x')}' {credentials} format parquet")


@pytest.mark.parametrize(
    ("column", "type_"),
    [
        ("a", pa.int64()),
        ("b", pa.binary()),
        ("c", pa.decimal128(9, 3)),
        ("d", pa.timestamp("us")),
        ("e", pa.timestamp("ns")),
        ("g", pa.int32()),
        ("h", pa.float32()),
        ("i", pa.int32()),
    ],
)
def test_types_must_be_the_very_ones_of_the_table(sql: cursor, bucket: Bucket, column: str, type_: pa.DataType) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/c-spectrum-troubleshooting.html: the text, cut off for the client."""
    schema = SCHEMA.set(SCHEMA.names.index(column), pa.field(column, type_))
    bucket.put("x.parquet", schema.empty_table())
    sql.execute(TABLE)
    with pytest.raises(errors.InternalError_, match="Spectrum Scan Error") as raised:
        sql.execute(f"copy t from '{bucket.uri('x')}' {ROLE} format parquet")
    assert "code:      15007" in (raised.value.diag.message_detail or "")
    sql.execute("select message from svl_s3log where query = pg_last_copy_id()")
    ((message,),) = sql.fetchall()
    assert f"has an incompatible Parquet schema for column '{bucket.uri('x.parquet')}.{column}'" in message


def test_a_file_with_another_number_of_columns_is_refused(sql: cursor, bucket: Bucket) -> None:
    bucket.put("x.parquet", rows(FULL))
    sql.execute("create table t (a int)")
    with pytest.raises(errors.InternalError_, match="Spectrum Scan Error"):
        sql.execute(f"copy t from '{bucket.uri('x')}' {ROLE} format parquet")
    with pytest.raises(errors.InternalError_, match="Cannot COPY into nonexistent table u"):
        sql.execute(f"copy u from '{bucket.uri('x')}' {ROLE} format parquet")
    with pytest.raises(errors.InternalError_, match="The specified S3 prefix 'y' does not exist"):
        sql.execute(f"copy t from '{bucket.uri('y')}' {ROLE} format parquet")


@pytest.mark.parametrize(
    ("bad", "column", "type_", "length", "code", "message", "raw"),
    [
        ((1, "naïve", *FULL[2:]), "b", "varchar", "5", 1204, "String length exceeds DDL length", "naïve"),
        ((None, *FULL[1:]), "a", "int", "", 1213, "Missing data for not-null field", ""),
    ],
)
def test_a_value_that_does_not_fit_is_found_in_the_system_views(
    connect: Connect, bucket: Bucket, bad: tuple[Any, ...], column: str, type_: str, length: str, code: int,
    message: str, raw: str,
) -> None:  # fmt: skip
    """docs.aws.amazon.com/redshift/latest/dg/SYS_LOAD_ERROR_DETAIL.html has no raw value, r_STL_LOAD_ERRORS.html has.

    The codes are those of r_Load_Error_Reference.html.
    """
    bucket.put("x/1.parquet", rows(FULL, EMPTY, bad))
    session = connect()
    with session.cursor() as cursor:
        cursor.execute(TABLE)
        session.commit()
        with pytest.raises(errors.InternalError_, match="Load into table 't' failed"):
            cursor.execute(f"copy t from '{bucket.uri('x/')}' {ROLE} format parquet")
        session.rollback()
        cursor.execute(
            "select trim(file_name), line_number, trim(column_name), trim(column_type), trim(column_length), "
            "error_code, trim(error_message) from sys_load_error_detail where query_id = pg_last_copy_id() "
            "and session_id = %s",
            (session.get_backend_pid(),),
        )
        assert cursor.fetchall() == [(bucket.uri("x/1.parquet"), 3, column, type_, length, code, message)]
        cursor.execute("select trim(d.raw_field_value) from stl_load_errors d where d.query = pg_last_copy_id()")
        assert cursor.fetchall() == [(raw,)]


def test_serverless_has_no_stl_and_svl_views(redshift: RedshiftStandIn, sql: cursor) -> None:
    """docs.aws.amazon.com/redshift/latest/mgmt/serverless-monitoring.html: the SYS views are those of Serverless."""
    redshift.serverless = True
    try:
        for view in ("stl_load_errors", "svl_s3log"):
            with pytest.raises(errors.InsufficientPrivilege):
                sql.execute(f"select * from {view}")
        sql.execute("select * from sys_load_error_detail")
    finally:
        redshift.serverless = False


def test_unload_writes_typed_files_and_a_verbose_manifest(sql: cursor, bucket: Bucket) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD_command_examples.html: names, and what the manifest holds."""
    bucket.put("x.parquet", rows(FULL, EMPTY))
    sql.execute(TABLE)
    sql.execute(f"copy t from '{bucket.uri('x')}' {ROLE} format parquet")
    sql.execute(
        f"unload ('select * from t where b <> ''none'' and d is null or d >= ''2010-12-01''') "
        f"to '{bucket.uri('out/part_')}' {ROLE} format as parquet manifest verbose maxfilesize 64 mb"
    )
    files = ["out/part_0000_part_00.parquet", "out/part_0001_part_00.parquet"]
    assert bucket.keys("out/") == [*files, "out/part_manifest"]
    parts = [pq.read_table(io.BytesIO(bucket.get(file))) for file in files]
    assert [part.schema.remove_metadata() for part in parts] == [SCHEMA, SCHEMA]
    found = [tuple(row.values()) for part in parts for row in part.to_pylist()]
    assert sorted(found, key=lambda row: row[0]) == [FULL, EMPTY]
    manifest = json.loads(bucket.get("out/part_manifest"))
    sizes = [len(bucket.get(file)) for file in files]
    assert manifest["entries"] == [
        {"url": bucket.uri(file), "meta": {"content_length": size, "record_count": 1}}
        for file, size in zip(files, sizes, strict=True)
    ]
    assert manifest["meta"] == {"content_length": sum(sizes), "record_count": 2}
    assert manifest["schema"]["elements"][2] == {"name": "c", "type": {"base": "numeric"}}


def test_unload_leaves_a_place_alone_that_is_not_empty(sql: cursor, bucket: Bucket) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html: ALLOWOVERWRITE leaves other names, CLEANPATH nothing."""
    bucket.put("out/0009_part_00.parquet", b"old")
    unload = f"unload ('select 1 as a') to '{bucket.uri('out/')}' {ROLE} format parquet"
    with pytest.raises(errors.InternalError_, match="Specified unload destination on S3 is not empty"):
        sql.execute(unload)
    sql.execute(f"{unload} allowoverwrite")
    assert bucket.keys() == ["out/0000_part_00.parquet", "out/0009_part_00.parquet"]
    sql.execute(f"{unload} cleanpath parallel off")
    assert bucket.keys() == ["out/000.parquet"]
    with pytest.raises(errors.SyntaxError, match="CLEANPATH"):
        sql.execute(f"{unload} cleanpath allowoverwrite")


def test_unload_of_no_rows_writes_nothing(sql: cursor, bucket: Bucket) -> None:
    sql.execute(f"unload ('select 1 as a where false') to '{bucket.uri('out/')}' {ROLE} parquet manifest")
    assert bucket.keys() == []


def test_unload_has_no_outer_limit(sql: cursor, bucket: Bucket) -> None:
    """docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html, Limitations; nested it is allowed."""
    with pytest.raises(errors.FeatureNotSupported, match="Limit clause is not supported"):
        sql.execute(f"unload ('select 1 as a limit 1') to '{bucket.uri('out/')}' {ROLE} parquet")
    sql.execute(f"unload ('select * from (select 1 as a limit 1)') to '{bucket.uri('out/')}' {ROLE} parquet")
    assert bucket.keys() == ["out/0000_part_00.parquet"]
