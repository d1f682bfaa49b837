"""What the lake on S3 has beyond the contract of every lake: the number of its requests, encryption, odd answers."""

import io
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import pyarrow as pa
import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from user_behaviour.aws.clients import Aws
from user_behaviour.aws.errors import AccessDeniedError, UnavailableError
from user_behaviour.lake.s3 import S3Lake
from user_behaviour_tests.cloud.fault_proxy import Fault, faults
from user_behaviour_tests.cloud.moto_server import REGION, Cloud, Middleware, Wsgi
from user_behaviour_tests.contracts.test_dataset import DAY, EARLY, PARCELS, publish, stored

KEY = "arn:aws:kms:eu-west-1:123456789012:key/0b6a6ad1-2f6c-4a0b-9a3b-7d1f3f2f8a10"


@pytest.fixture
def aws(cloud: Cloud) -> Aws:
    return cloud.aws


@pytest.fixture
def bucket(cloud: Cloud) -> str:
    return cloud.bucket()


@pytest.fixture
def lake(aws: Aws, bucket: str) -> S3Lake:
    return S3Lake(aws=aws, bucket=bucket, prefix="lake")


@contextmanager
def counted(cloud: Cloud) -> Iterator[Counter[str]]:
    """Counts requests by what they are: `GET list`, `PUT`."""
    seen: Counter[str] = Counter()

    def middleware(application: Wsgi) -> Wsgi:
        def count(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            mark = environ["QUERY_STRING"].split("=")[0].split("&")[0]
            names = {"list-type": " list", "delete": " delete", "uploads": " uploads"}
            seen[environ["REQUEST_METHOD"] + names.get(mark, "")] += 1
            return application(environ, start_response)

        return count

    with cloud.behind(middleware):
        yield seen


def answering(method: str, query: str, body: str) -> Middleware:
    """Answers requests of that kind with 200 and the body."""

    def middleware(application: Wsgi) -> Wsgi:
        def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            if (environ["REQUEST_METHOD"], environ["QUERY_STRING"]) != (method, query):
                return application(environ, start_response)
            environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            start_response("200 OK", [("Content-Type", "application/xml")])
            return [body.encode()]

        return answer

    return middleware


def keys(aws: Aws, bucket: str) -> list[str]:
    found = aws.client("s3").list_objects_v2(Bucket=bucket)
    return [item["Key"] for item in found.get("Contents", ())]


def fill(bucket: str, names: Iterable[str]) -> None:
    """Puts empty objects there, past the wire: thousands of requests would take seconds."""
    for name in names:
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(bucket, name, b"")


def test_publishing_a_day_takes_six_requests_and_reading_it_two(cloud: Cloud, lake: S3Lake) -> None:
    """The pointer and what an earlier attempt left; the rows, the manifest; the pointer again, and its replacement."""
    dataset = lake.dataset(PARCELS)
    with counted(cloud) as published:
        publish(dataset, "batch-1", ("a", 1), ("b", 2))
    with counted(cloud) as read:
        assert len(stored(dataset)) == 2

    assert published == {"GET": 2, "GET list": 1, "PUT": 3}
    assert read == {"GET": 2}


def test_taking_over_a_file_of_spark_takes_eight_requests_until_it_is_published(cloud: Cloud, lake: S3Lake) -> None:
    from user_behaviour.lake.manifests import Manifest

    dataset = lake.dataset(PARCELS)
    publish(dataset, "x", ("a", 1))
    lake.move(f"{dataset.batch_directory(DAY, 'x')}/part-00000.parquet", "staging/one.parquet")
    other = DAY + timedelta(days=1)

    with counted(cloud) as seen:
        files = dataset.adopt(other, "x", ["staging/one.parquet"])
        dataset.publish(Manifest("parcels", other, "x", EARLY, EARLY, files))

    assert seen == {"GET": 3, "GET list": 1, "HEAD": 1, "PUT": 3, "DELETE": 1}


def test_the_manifests_of_many_days_take_one_request_each_and_no_list(cloud: Cloud, lake: S3Lake) -> None:
    dataset = lake.dataset(PARCELS)
    publish(dataset, "batch-1", ("a", 1))
    days = [DAY + timedelta(days=n) for n in range(30)]

    with counted(cloud) as seen:
        locations = dataset.locations(days)

    assert seen == {"GET": 30}
    assert list(locations.by_day) == [DAY]
    assert list(locations.missing) == days[1:]


def test_manifests_are_asked_for_at_once(cloud: Cloud, lake: S3Lake) -> None:
    meeting = threading.Barrier(8)

    def middleware(application: Wsgi) -> Wsgi:
        def met(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            meeting.wait(timeout=20)
            return application(environ, start_response)

        return met

    with cloud.behind(middleware):
        assert lake.dataset(PARCELS).manifests([DAY + timedelta(days=n) for n in range(8)]) == {}
    assert not meeting.broken


def test_the_days_of_a_data_set_take_one_request(cloud: Cloud, lake: S3Lake, bucket: str) -> None:
    days = [date(2010, 12, 1) + timedelta(days=n) for n in range(374)]
    fill(bucket, (f"lake/parcels/sent_on={day}/b/{name}" for day in days for name in ("_manifest.json", "part")))

    with counted(cloud) as seen:
        assert lake.dataset(PARCELS).days() == days
    assert seen == {"GET list": 1}


def test_a_list_and_a_delete_of_more_than_a_page_take_all_of_it(cloud: Cloud, lake: S3Lake, bucket: str) -> None:
    fill(bucket, (f"lake/many/{number:04}" for number in range(1005)))
    lake.write("many-more/object", b"")

    assert len(lake.list("many")) == 1005
    with counted(cloud) as seen:
        lake.delete("many")

    assert seen == {"GET list": 2, "POST delete": 2}
    assert lake.list("") == ["many-more"]


def test_directories_leave_no_objects_and_those_that_others_left_are_not_listed(
    aws: Aws, lake: S3Lake, bucket: str
) -> None:
    lake.make_directory("a/b")
    assert keys(aws, bucket) == []

    fill(bucket, ("lake/", "lake/a/", "lake/a/object"))
    assert lake.list("") == ["a"]
    assert lake.list("a") == ["object"]


@pytest.mark.parametrize("path", ["", "/", "a/", "/a"])
def test_deleting_what_is_no_path_below_the_root_is_refused(lake: S3Lake, path: str) -> None:
    lake.write("a/object", b"")

    with pytest.raises(ValueError, match="is not a path below the lake's root; nothing was deleted"):
        lake.delete(path)
    assert lake.list("a") == ["object"]


def test_a_whole_bucket_may_be_the_lake(aws: Aws, bucket: str) -> None:
    lake = S3Lake(aws=aws, bucket=bucket, prefix="")
    publish(lake.dataset(PARCELS), "b", ("a", 1))

    assert stored(lake.dataset(PARCELS)) == [("a", 1, "b")]
    assert lake.list("") == ["parcels"]
    assert lake.uri("parcels") == f"s3://{bucket}/parcels"
    assert lake.uri("") == f"s3://{bucket}"


def test_every_object_that_boto3_writes_is_encrypted_with_the_key(aws: Aws, bucket: str) -> None:
    lake = S3Lake(aws=aws, bucket=bucket, prefix="lake", kms_key=KEY)
    lake.write("bytes", b"1")
    lake.write("stream", io.BytesIO(b"1"))
    lake.write("parts", io.BytesIO(bytes(9 << 20)))
    lake.swap("pointer", b"1", expected=None)
    S3Lake(aws=aws, bucket=bucket, prefix="lake").write("staged", b"1")
    lake.move("staged", "moved")

    for name in ("bytes", "stream", "parts", "pointer", "moved"):
        found = aws.client("s3").head_object(Bucket=bucket, Key=f"lake/{name}")
        assert (name, found["ServerSideEncryption"], found["SSEKMSKeyId"]) == (name, "aws:kms", KEY)


def test_without_a_key_the_default_of_the_bucket_holds_for_parquet_too(aws: Aws, lake: S3Lake, bucket: str) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}}
    aws.client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    publish(lake.dataset(PARCELS), "b", ("a", 1))

    found = [aws.client("s3").head_object(Bucket=bucket, Key=key) for key in keys(aws, bucket)]
    assert [answer["SSEKMSKeyId"] for answer in found] == [KEY] * 3


def test_a_link_opens_a_private_object_in_a_browser_until_it_ends(lake: S3Lake) -> None:
    lake.write("reports/report.html", b"<p>Spent</p>")
    link = lake.link("reports/report.html", until=datetime.now(UTC) + timedelta(hours=12))
    asked = parse_qs(urlsplit(link).query)
    assert int(asked["X-Amz-Expires"][0]) == pytest.approx(12 * 3600, abs=60)
    with urlopen(link) as answer:
        assert (answer.read(), answer.headers["Content-Type"]) == (b"<p>Spent</p>", "text/html; charset=utf-8")
    grants = lake.aws.client("s3").get_object_acl(Bucket=lake.bucket, Key="lake/reports/report.html")["Grants"]
    assert [grant["Grantee"]["Type"] for grant in grants] == ["CanonicalUser"]  # its owner, and nobody else


def test_an_error_within_an_answer_of_success_to_a_delete_is_told(cloud: Cloud, lake: S3Lake, bucket: str) -> None:
    lake.write("a/object", b"")
    error = "<Error><Key>lake/a/object</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"

    with (
        cloud.behind(answering("POST", "delete", f"<DeleteResult>{error}</DeleteResult>")),
        pytest.raises(AccessDeniedError) as caught,
    ):
        lake.delete("a")
    assert str(caught.value).startswith(
        f"Deleting s3://{bucket}/lake/a failed: S3 says AccessDenied: Access Denied (lake/a/object; 1 of 1 keys)."
    )


def test_an_error_that_may_pass_is_tried_again_for_the_keys_that_met_it(cloud: Cloud, lake: S3Lake) -> None:
    fill(lake.uri("").split("/")[2], ("lake/a/one", "lake/a/two"))
    error = "<Error><Key>lake/a/two</Key><Code>InternalError</Code><Message>again</Message></Error>"
    once = [answering("POST", "delete", f"<DeleteResult>{error}</DeleteResult>")]

    def first_only(application: Wsgi) -> Wsgi:
        def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            if environ["REQUEST_METHOD"] == "POST" and once:
                return once.pop()(application)(environ, start_response)
            return application(environ, start_response)

        return answer

    with cloud.behind(first_only), counted(cloud) as seen:
        lake.delete("a")

    assert seen["POST delete"] == 2
    assert lake.list("a") == ["one"]  # the stand-in that answered first deleted nothing, and said it had deleted this


def test_a_delete_that_never_succeeds_ends(cloud: Cloud, bucket: str) -> None:
    lake = S3Lake(aws=Aws(region_name=REGION, endpoint_url=cloud.url, max_attempts=2), bucket=bucket, prefix="lake")
    lake.write("a/one", b"")
    error = "<Error><Key>lake/a/one</Key><Code>SlowDown</Code><Message>slow down</Message></Error>"

    with (
        cloud.behind(answering("POST", "delete", f"<DeleteResult>{error}</DeleteResult>")),
        pytest.raises(UnavailableError, match="SlowDown"),
    ):
        lake.delete("a")


def test_moving_what_is_too_large_for_one_request_is_done_in_parts(cloud: Cloud, bucket: str) -> None:
    too_large = Fault(method="PUT", path="moved", status=400, code="InvalidRequest")
    with faults(cloud, too_large) as proxy:
        lake = S3Lake(aws=proxy.aws, bucket=bucket, prefix="lake")
        lake.write("object", b"rows")

        lake.move("object", "moved")

    assert [request.method for request in proxy.requests] == ["PUT", "PUT", "HEAD", "PUT", "DELETE"]
    assert lake_content(cloud, bucket) == {"lake/moved": b"rows"}


def lake_content(cloud: Cloud, bucket: str) -> dict[str, bytes]:
    s3 = cloud.aws.client("s3")
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys(cloud.aws, bucket)}


def test_moving_what_is_not_there_says_so(lake: S3Lake) -> None:
    with pytest.raises(FileNotFoundError, match=r"Moving .*nowhere to .*somewhere failed: S3 says NoSuchKey"):
        lake.move("nowhere", "somewhere")


def test_a_large_file_is_written_in_parts_and_read_by_its_columns(cloud: Cloud, aws: Aws, lake: S3Lake) -> None:
    dataset = lake.dataset(PARCELS)
    codes = pa.array([os.urandom(2).hex() for _ in range(50_000)] * 30)
    grams = pa.array(range(1_500_000), pa.int32())
    with counted(cloud) as written, dataset.write(DAY, "b") as writer:
        writer.write(pa.record_batch({"code": codes, "grams": grams}))
        dataset.publish(manifest := writer.manifest(as_of=EARLY))

    assert manifest.files[0].size > 5 << 20
    assert written["POST uploads"] == 1
    assert sum(batch.num_rows for batch in dataset.read(manifest)) == 1_500_000


def test_region_and_endpoint_may_come_from_the_environment(
    cloud: Cloud, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.url)
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    lake = S3Lake(aws=(aws := Aws()), bucket=bucket, prefix="lake")

    assert aws.client("s3").meta.region_name == REGION
    publish(lake.dataset(PARCELS), "b", ("a", 1))

    assert stored(lake.dataset(PARCELS)) == [("a", 1, "b")]
    with lake.filesystem().open_input_stream("parcels/sent_on=2010-12-01/_current.json") as stream:
        assert stream.read().startswith(b"{")
