"""The search for leaked secrets finds a planted one in each place that a run writes to: it can fail."""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from user_behaviour.local.stack import Stack
from user_behaviour_tests.cloud.leaks import places_that_hold
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.databases import execute, new_database

CANARY = "cAnArY/7f3a+b"
IN_A_URL = "cAnArY%2F7f3a%2Bb"


@pytest.fixture
def database(stack: Stack) -> Iterator[str]:
    with new_database(stack.endpoints().warehouse) as url:
        execute(url, "create table event_logs (id int, event text)", "create schema other")
        execute(url, "create table snapshots (body bytea)", "create table other.kvs (value jsonb, tags text[])")
        yield url


def test_nothing_is_found_where_nothing_is(cloud: Cloud, database: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("all is well")
    (tmp_path / "odd").write_bytes(b"\x1f\x8b no gzip")
    execute(database, "insert into event_logs values (1, 'all is well')")
    bucket = cloud.bucket()
    cloud.aws.client("s3").put_object(Bucket=bucket, Key="a", Body=b"all is well")
    assert (
        places_that_hold(CANARY, tmp_path, databases=[database], buckets=[(cloud.aws, bucket)], statements=["select 1"])
        == []
    )


@pytest.mark.parametrize("spelling", [CANARY, IN_A_URL])
def test_it_is_found_in_files_plain_and_packed(tmp_path: Path, spelling: str) -> None:
    text = f'{{"url": "postgresql://u:{spelling}@h/d"}}'.encode()
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "compute.err").write_bytes(b"\xff\x00" + text)
    (tmp_path / "stderr.gz").write_bytes(gzip.compress(text))
    (tmp_path / "clean").write_text("fine")
    with zipfile.ZipFile(tmp_path / "job.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", text)
    assert places_that_hold(CANARY, tmp_path) == [
        str(tmp_path / "deep" / "compute.err"),
        str(tmp_path / "job.zip"),
        str(tmp_path / "stderr.gz"),
    ]
    assert places_that_hold(CANARY, tmp_path / "stderr.gz") == [str(tmp_path / "stderr.gz")]


def test_it_is_found_in_the_name_of_a_file_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / f"run-{IN_A_URL}").touch()
    assert places_that_hold(CANARY, tmp_path) == [f"name of {tmp_path}/…"]


@pytest.mark.parametrize(
    ("statement", "value", "table"),
    [
        ("insert into event_logs values (1, %s)", f'{{"error": "{CANARY}"}}', "public.event_logs"),
        ("insert into event_logs values (1, %s)", f"postgresql://u:{IN_A_URL}@h", "public.event_logs"),
        ("insert into other.kvs (value) values (%s)", f'{{"deep": ["{CANARY}"]}}', "other.kvs"),
        ("insert into other.kvs (tags) values (array['a', %s])", CANARY, "other.kvs"),
        ("insert into snapshots values (%s)", CANARY.encode(), "public.snapshots"),
        ("insert into snapshots values (%s)", zlib.compress(CANARY.encode() * 9), "public.snapshots"),
    ],
)
def test_it_is_found_in_every_kind_of_column(database: str, statement: str, value: str | bytes, table: str) -> None:
    execute(database, statement, parameters=(value,))
    name = database.rpartition("/")[2]
    assert places_that_hold(CANARY, databases=[database]) == [f"table {table} of {name}"]


def test_it_is_found_in_objects_their_old_versions_metadata_and_keys(cloud: Cloud) -> None:
    bucket, client = cloud.bucket(), cloud.aws.client("s3")
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    old = client.put_object(Bucket=bucket, Key="job.json", Body=CANARY.encode())["VersionId"]
    client.put_object(Bucket=bucket, Key="job.json", Body=b"clean")
    gone = client.put_object(Bucket=bucket, Key="log.gz", Body=gzip.compress(CANARY.encode()))["VersionId"]
    client.delete_object(Bucket=bucket, Key="log.gz")
    metadata = client.put_object(Bucket=bucket, Key="marked", Body=b"clean", Metadata={"swap": CANARY})["VersionId"]
    key = client.put_object(Bucket=bucket, Key=f"x/{CANARY}/y", Body=b"clean")["VersionId"]
    assert sorted(places_that_hold(CANARY, buckets=[(cloud.aws, bucket)])) == [
        f"s3://{bucket}/job.json (version {old})",
        f"s3://{bucket}/log.gz (version {gone})",
        f"s3://{bucket}/marked (version {metadata})",
        f"s3://{bucket}/x/…/y (version {key})",
    ]


def test_it_is_found_in_a_statement_by_its_number() -> None:
    sent = ["select 1", f"copy t from 's3://b' credentials '{CANARY}'", "select 2"]
    assert places_that_hold(CANARY, statements=sent) == ["statement 1"]
