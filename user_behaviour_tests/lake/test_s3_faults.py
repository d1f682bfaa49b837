"""Faults at the wire of S3: each ends in success after another try, or in one clear error, nothing half-published."""

import csv
import io
import os
from collections.abc import Callable
from typing import Any

import numpy
import pyarrow as pa
import pytest

from user_behaviour.aws.clients import Aws
from user_behaviour.aws.errors import (
    AccessDeniedError,
    AwsError,
    CredentialsRejectedError,
    UnavailableError,
    WrongPlaceError,
)
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.vendor.s3 import S3VendorDrop
from user_behaviour_tests.cloud.fault_proxy import Fault, faults
from user_behaviour_tests.cloud.moto_server import REGION, Cloud
from user_behaviour_tests.contracts.test_dataset import DAY, EARLY, LATE, PARCELS, publish, stored

BIG = os.urandom(12 << 20)
PART, POINTER, MANIFEST = r"part-00000\.parquet", r"_current\.json", r"_manifest\.json"


@pytest.fixture
def bucket(cloud: Cloud) -> str:
    return cloud.bucket()


@pytest.fixture
def lake(cloud: Cloud, bucket: str) -> S3Lake:
    """The lake without faults: what others see."""
    return S3Lake(aws=cloud.aws, bucket=bucket, prefix="lake")


def unfinished(cloud: Cloud, bucket: str) -> int:
    return len(cloud.aws.client("s3").list_multipart_uploads(Bucket=bucket).get("Uploads", ()))


def wide(size: int) -> pa.RecordBatch:
    """Rows that take more than `size` bytes of Parquet, being random."""
    grams = numpy.random.default_rng(1).integers(0, 2**31, size // 4, dtype=numpy.int32)
    return pa.record_batch({"code": pa.array(["a"] * len(grams)), "grams": grams})


PASSING = [
    Fault("PUT", PART, status=503, code="SlowDown"),
    Fault("PUT", PART, status=500, code="InternalError"),
    Fault("PUT", PART, cut_request=200),
    Fault("PUT", PART, cut_response=0),
    Fault("PUT", MANIFEST, status=503, code="SlowDown"),
    Fault("PUT", MANIFEST, cut_request=50),
    Fault("GET", POINTER, status=500, code="InternalError"),
    Fault("GET", POINTER, cut_response=40),
    Fault("GET", "list-type", status=503, code="ServiceUnavailable"),
    Fault("GET", "list-type", status=400, code="RequestTimeout"),
]


@pytest.mark.parametrize("fault", PASSING, ids=lambda f: f"{f.method} {f.path}: {f.code or 'cut'}")
def test_a_fault_that_passes_is_not_noticed(cloud: Cloud, lake: S3Lake, bucket: str, fault: Fault) -> None:
    publish(lake.dataset(PARCELS), "before", ("b", 1))

    with faults(cloud, fault) as proxy:
        assert publish(S3Lake(aws=proxy.aws, bucket=bucket, prefix="lake").dataset(PARCELS), "after", ("a", 1))

    assert proxy.struck() == 1
    assert stored(lake.dataset(PARCELS)) == [("a", 1, "after")]
    assert unfinished(cloud, bucket) == 0


def write_torn(lake: S3Lake, rows: pa.RecordBatch, *, before_closing: Callable[[], None] = lambda: None) -> None:
    with lake.dataset(PARCELS).write(DAY, "torn") as writer:
        writer.write(rows)
        before_closing()
        writer.manifest(as_of=EARLY)


def forever(method: str, path: str, **fault: Any) -> Fault:
    return Fault(method, path, times=None, **fault)


LASTING = [
    (forever("PUT", PART, status=503, code="SlowDown"), UnavailableError, "Rerun later"),
    (forever("PUT", PART, status=500, code="InternalError"), UnavailableError, "Rerun later"),
    (forever("PUT", PART, status=403, code="AccessDenied"), AccessDeniedError, "Allow s3:PutObject on s3://"),
    (forever("PUT", PART, status=400, code="ExpiredToken"), CredentialsRejectedError, "Log in again"),
    (forever("PUT", PART, status=301, code="PermanentRedirect"), WrongPlaceError, "Set AWS_REGION"),
    (forever("PUT", PART, cut_request=100), UnavailableError, "Rerun"),
    (forever("PUT", MANIFEST, cut_request=50), UnavailableError, "then rerun"),
    (forever("PUT", POINTER, status=503, code="SlowDown"), UnavailableError, "after 2 attempts: S3 says SlowDown"),
    (forever("PUT", POINTER, status=400, code="ExpiredToken"), CredentialsRejectedError, "Log in again"),
    (forever("GET", POINTER, cut_response=40), UnavailableError, "failed at every attempt"),
    (forever("GET", "list-type", status=403, code="AccessDenied"), AccessDeniedError, "Allow s3:ListBucket on s3://"),
]


@pytest.mark.parametrize(
    ("fault", "kind", "remedy"), LASTING, ids=[f"{f.method} {f.path}: {f.code or 'cut'}" for f, _, _ in LASTING]
)
def test_a_fault_that_lasts_is_one_clear_error_and_what_was_published_stays(
    cloud: Cloud, lake: S3Lake, bucket: str, fault: Fault, kind: type[AwsError], remedy: str
) -> None:
    dataset = lake.dataset(PARCELS)
    publish(dataset, "before", ("b", 1))

    with faults(cloud, fault, attempts=2) as proxy, pytest.raises(kind) as caught:
        publish(S3Lake(aws=proxy.aws, bucket=bucket, prefix="lake").dataset(PARCELS), "failed", ("a", 1))

    place = "Listing|Reading|Writing|Replacing", f" s3://{bucket}/lake/parcels/sent_on=2010-12-01/"
    assert str(caught.value).split(" ")[0] in place[0].split("|")
    assert place[1] in str(caught.value)
    assert remedy in str(caught.value)
    assert stored(dataset) == [("b", 1, "before")]
    assert unfinished(cloud, bucket) == 0
    assert publish(dataset, "failed", ("a", 2))
    assert stored(dataset) == [("a", 2, "failed")]


def test_of_a_batch_that_could_not_be_written_nothing_stays(cloud: Cloud, lake: S3Lake, bucket: str) -> None:
    """Pyarrow leaves the upload unfinished whose second part never arrives."""
    dataset = lake.dataset(PARCELS)
    rows = wide(12 << 20)
    fault = forever("PUT", r"partNumber=2", cut_request=100_000)

    with faults(cloud, fault, attempts=2) as proxy, pytest.raises(UnavailableError, match="Writing"):
        write_torn(S3Lake(aws=proxy.aws, bucket=bucket, prefix="lake"), rows)

    assert proxy.struck() == 2
    assert lake.list(dataset.batch_directory(DAY, "torn")) == []
    assert unfinished(cloud, bucket) == 0


def test_what_cannot_be_cleared_away_either_is_noted_on_the_error(cloud: Cloud, lake: S3Lake, bucket: str) -> None:
    with faults(cloud) as proxy:

        def expire() -> None:
            proxy.faults = (forever("", "", status=400, code="ExpiredToken"),)

        with pytest.raises(CredentialsRejectedError) as caught:
            write_torn(S3Lake(aws=proxy.aws, bucket=bucket, prefix="lake"), wide(1000), before_closing=expire)

    assert "Writing" in str(caught.value)
    (note,) = caught.value.__notes__
    assert note.startswith("What was written stays for the purge, since removing it failed too: Listing s3://")


def test_an_upload_of_a_stream_that_breaks_for_good_is_broken_off(cloud: Cloud, lake: S3Lake, bucket: str) -> None:
    lake.write("originals/file.csv", b"before")

    with (
        faults(cloud, forever("PUT", r"partNumber=2", cut_request=1000), attempts=2) as proxy,
        pytest.raises(UnavailableError, match=r"originals/file\.csv"),
    ):
        S3Lake(aws=proxy.aws, bucket=bucket, prefix="lake").write("originals/file.csv", io.BytesIO(BIG))

    assert lake.read("originals/file.csv") == (b"before", (lake.read("originals/file.csv") or (b"", ""))[1])
    assert unfinished(cloud, bucket) == 0


def test_an_upload_of_a_stream_goes_on_after_a_reset(cloud: Cloud, lake: S3Lake, bucket: str) -> None:
    with faults(cloud, Fault("PUT", r"partNumber=1", cut_request=1 << 20)) as proxy:
        S3Lake(aws=proxy.aws, bucket=bucket, prefix="lake").write("file.csv", io.BytesIO(BIG))

    assert (lake.read("file.csv") or (b"", ""))[0] == BIG


def test_a_pointer_whose_answer_was_lost_counts_as_replaced(cloud: Cloud, lake: S3Lake, bucket: str) -> None:
    """The second request met the pointer that the first had written, and the run took it for somebody else's."""
    lake.write("pointer", b"one")
    version = (lake.read("pointer") or (b"", ""))[1]

    with faults(cloud, Fault("PUT", "pointer", cut_response=0)) as proxy:
        assert S3Lake(aws=proxy.aws, bucket=bucket, prefix="lake").swap("pointer", b"two", expected=version)

    assert [request.method for request in proxy.requests] == ["PUT", "PUT", "HEAD"]
    assert (lake.read("pointer") or (b"", ""))[0] == b"two"


def test_a_pointer_that_another_replaced_with_the_same_content_after_a_lost_request_is_another(
    cloud: Cloud, lake: S3Lake, bucket: str
) -> None:
    lake.write("pointer", b"one")
    version = (lake.read("pointer") or (b"", ""))[1]
    lake.swap("pointer", b"two", expected=version)

    with faults(cloud, Fault("PUT", "pointer", cut_request=1)) as proxy:
        assert not S3Lake(aws=proxy.aws, bucket=bucket, prefix="lake").swap("pointer", b"two", expected=version)


def test_a_swap_that_meets_another_on_its_way_is_refused_and_may_be_tried_again(cloud: Cloud, bucket: str) -> None:
    with faults(cloud, Fault("PUT", "pointer", status=409, code="ConditionalRequestConflict")) as proxy:
        lake = S3Lake(aws=proxy.aws, bucket=bucket, prefix="lake")

        assert not lake.swap("pointer", b"one", expected=None)
        assert lake.swap("pointer", b"one", expected=None)


def test_a_download_goes_on_where_it_was_cut(cloud: Cloud, lake: S3Lake, bucket: str) -> None:
    lake.write("big", BIG)

    with (
        faults(cloud, Fault("GET", "big", times=2, cut_response=2_000_000)) as proxy,
        S3Lake(aws=proxy.aws, bucket=bucket, prefix="lake").open("big") as stream,
    ):
        content = b"".join(iter(lambda: stream.read(70_000), b""))

    assert content == BIG
    assert len(proxy.requests) == 3


def test_a_download_that_is_cut_over_and_over_ends(cloud: Cloud, lake: S3Lake, bucket: str) -> None:
    lake.write("big", BIG)

    with (
        faults(cloud, forever("GET", "big", cut_response=0), attempts=2) as proxy,
        pytest.raises(UnavailableError, match=f"Reading s3://{bucket}/lake/big failed at every attempt"),
    ):
        S3Lake(aws=proxy.aws, bucket=bucket, prefix="lake").read("big")


def test_a_download_never_goes_on_in_another_version(cloud: Cloud, lake: S3Lake, bucket: str) -> None:
    lake.write("big", BIG)

    fault = Fault("GET", "big", cut_response=9_000_000)
    with faults(cloud, fault) as proxy, S3Lake(aws=proxy.aws, bucket=bucket, prefix="lake").open("big") as stream:
        stream.read(1000)
        lake.write("big", bytes(len(BIG)))
        with pytest.raises(UnavailableError, match="It was replaced meanwhile"):
            stream.read()


def test_rows_of_a_large_file_are_read_in_spite_of_a_reset(cloud: Cloud, lake: S3Lake, bucket: str) -> None:
    with lake.dataset(PARCELS).write(DAY, "b") as writer:
        writer.write(wide(6 << 20))
        lake.dataset(PARCELS).publish(manifest := writer.manifest(as_of=EARLY))

    with faults(cloud, Fault("GET", PART, times=2, cut_response=100_000)) as proxy:
        read = S3Lake(aws=proxy.aws, bucket=bucket, prefix="lake").dataset(PARCELS).read(manifest)
        assert sum(batch.num_rows for batch in read) == manifest.rows

    with faults(cloud, forever("GET", PART, cut_response=100_000), attempts=2) as proxy:
        read = S3Lake(aws=proxy.aws, bucket=bucket, prefix="lake").dataset(PARCELS).read(manifest)
        with pytest.raises(UnavailableError, match=r"Reading .*part-00000"):
            list(read)


def test_a_file_of_the_vendor_is_copied_and_parsed_in_spite_of_resets(cloud: Cloud, lake: S3Lake, bucket: str) -> None:
    rows = [[str(number), "a good film"] for number in range(100_000)]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    cloud.aws.client("s3").put_object(Bucket=bucket, Key="drop/a.csv", Body=text.getvalue().encode())

    with faults(cloud, Fault("GET", r"a\.csv", times=2, cut_response=500_000)) as proxy:
        drop = S3VendorDrop(aws=proxy.aws, bucket=bucket, prefix="drop")
        with drop.open("a.csv") as stream:
            lake.write("originals/a.csv", stream)

    with lake.open("originals/a.csv") as stream:
        assert list(csv.reader(io.TextIOWrapper(stream, "utf-8", newline=""))) == rows


def test_a_bucket_that_is_not_there_is_named(cloud: Cloud) -> None:
    lake = S3Lake(aws=cloud.aws, bucket="no-such-bucket-of-ours", prefix="lake")
    tries: list[Callable[[], Any]] = [
        lambda: lake.read("a"),
        lambda: lake.list("a"),
        lambda: lake.write("a", b""),
        lambda: lake.write("a", io.BytesIO(b"")),
        lambda: lake.delete("a"),
        lambda: lake.swap("a", b"", expected=None),
        lambda: S3VendorDrop(aws=cloud.aws, bucket="no-such-bucket-of-ours", prefix="drop").files(),
    ]
    for attempt in tries:
        with pytest.raises(WrongPlaceError, match=r"s3://no-such-bucket-of-ours/.* NoSuchBucket: .*Create the bucket"):
            attempt()


def test_without_credentials_the_ways_to_give_some_are_named(
    cloud: Cloud, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    with pytest.raises(CredentialsRejectedError, match=r"Unable to locate credentials\. Give credentials as AWS does"):
        S3Lake(aws=Aws(region_name=REGION, endpoint_url=cloud.url), bucket=bucket, prefix="lake").read("a")


def test_an_endpoint_that_nobody_listens_at_is_named(bucket: str) -> None:
    lake = S3Lake(
        aws=Aws(region_name=REGION, endpoint_url="http://127.0.0.1:1", max_attempts=1), bucket=bucket, prefix="lake"
    )

    with pytest.raises(UnavailableError, match=r"http://127\.0\.0\.1:1/.*Check the way there"):
        lake.read("a")


def test_a_file_that_may_not_be_opened_is_like_a_local_one_without_rights(cloud: Cloud, bucket: str) -> None:
    cloud.aws.client("s3").put_object(Bucket=bucket, Key="drop/a.csv", Body=b"1")

    with (
        faults(cloud, forever("GET", r"a\.csv$", status=403, code="AccessDenied")) as proxy,
        pytest.raises(PermissionError) as caught,
    ):
        S3VendorDrop(aws=proxy.aws, bucket=bucket, prefix="drop").open("a.csv")
    assert str(caught.value).startswith(f"Reading s3://{bucket}/drop/a.csv failed: S3 says AccessDenied")


def test_several_faults_in_one_publication_are_not_noticed(cloud: Cloud, lake: S3Lake, bucket: str) -> None:
    everywhere = [Fault(method, "", status=503, code="SlowDown") for method in ("GET", "PUT")]
    with faults(cloud, *everywhere, Fault("PUT", POINTER, cut_response=0)) as proxy:
        assert publish(S3Lake(aws=proxy.aws, bucket=bucket, prefix="lake").dataset(PARCELS), "b", ("a", 1), as_of=LATE)

    assert proxy.struck() == 3
    assert stored(lake.dataset(PARCELS)) == [("a", 1, "b")]
