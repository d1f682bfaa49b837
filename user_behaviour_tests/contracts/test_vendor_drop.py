"""The contract of the vendor's drop."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from user_behaviour.vendor.drop import VendorDrop
from user_behaviour.vendor.local import LocalVendorDrop
from user_behaviour.vendor.s3 import S3VendorDrop
from user_behaviour_tests.cloud.moto_server import Cloud


@dataclass(frozen=True)
class Vendor:
    """A drop that is not there yet; `deliver` puts a file there, whole, as the vendor does; `clear` takes it away."""

    drop: VendorDrop
    deliver: Callable[[str, bytes], object]
    clear: Callable[[str], object]
    place: Any


@pytest.fixture
def directory(tmp_path: Path) -> Vendor:
    place = tmp_path / "vendor"

    def deliver(name: str, content: bytes) -> None:
        place.mkdir(exist_ok=True)
        (place / f".{name}").write_bytes(content)
        (place / f".{name}").rename(place / name)

    return Vendor(LocalVendorDrop(directory=str(place)), deliver, lambda name: (place / name).unlink(), place)


@pytest.fixture
def bucket(cloud: Cloud) -> Vendor:
    s3, bucket = cloud.aws.client("s3"), cloud.bucket("vendor")
    return Vendor(
        S3VendorDrop(aws=cloud.aws, bucket=bucket, prefix="drops"),
        lambda name, content: s3.put_object(Bucket=bucket, Key=f"drops/{name}", Body=content),
        lambda name: s3.delete_object(Bucket=bucket, Key=f"drops/{name}"),
        bucket,
    )


@pytest.fixture(params=["directory", "bucket"])
def vendor(request: pytest.FixtureRequest) -> Vendor:
    found: Vendor = request.getfixturevalue(request.param)
    return found


def test_a_place_that_is_not_there_yet_is_empty(vendor: Vendor) -> None:
    assert list(vendor.drop.files()) == []


def test_files_are_shown_by_name_with_their_size(vendor: Vendor) -> None:
    for name in ("b.csv", "a.csv", "ø.csv"):
        vendor.deliver(name, b"12345")

    assert [(file.name, file.size) for file in vendor.drop.files()] == [("a.csv", 5), ("b.csv", 5), ("ø.csv", 5)]


def test_a_file_is_found_as_it_is_listed_again_and_again(vendor: Vendor) -> None:
    vendor.deliver("a.csv", b"1")

    assert vendor.drop.find("a.csv") == vendor.drop.files()[0] == vendor.drop.files()[0]
    assert vendor.drop.find("b.csv") is None


def test_a_delivery_of_the_same_name_and_size_has_another_version(vendor: Vendor) -> None:
    vendor.deliver("a.csv", b"1")
    before = vendor.drop.files()[0]
    vendor.deliver("a.csv", b"2")

    assert before.version != vendor.drop.files()[0].version


def test_a_file_is_read_as_it_was_delivered(vendor: Vendor) -> None:
    vendor.deliver("a.csv", b"\x00\xff\r\n")

    with vendor.drop.open("a.csv") as stream:
        assert stream.read() == b"\x00\xff\r\n"


def test_a_file_that_was_cleared_away_is_gone(vendor: Vendor) -> None:
    vendor.deliver("a.csv", b"1")
    vendor.clear("a.csv")

    assert list(vendor.drop.files()) == []
    with pytest.raises(FileNotFoundError):
        vendor.drop.open("a.csv")


def test_in_a_directory_hidden_files_folders_and_links_to_nowhere_are_not_files(directory: Vendor) -> None:
    (directory.place / "movie_review_2010-12-01.csv").mkdir(parents=True)
    (directory.place / ".movie_review_2010-12-02.csv").write_bytes(b"")
    os.symlink("nowhere", directory.place / "movie_review_2010-12-03.csv")

    assert list(directory.drop.files()) == []
    assert directory.drop.find("movie_review_2010-12-01.csv") is None


def test_in_a_bucket_folders_and_what_is_in_them_are_not_files(bucket: Vendor) -> None:
    for name in ("", "old/", "old/movie_review_2010-12-01.csv"):
        bucket.deliver(name, b"")

    assert list(bucket.drop.files()) == []


def test_in_a_bucket_a_file_is_whole_when_it_is_seen_and_has_its_time(bucket: Vendor, cloud: Cloud) -> None:
    bucket.deliver("a.csv", b"1")

    (file,) = bucket.drop.files()
    at = cloud.aws.client("s3").head_object(Bucket=bucket.place, Key="drops/a.csv")["LastModified"]

    assert file.is_whole
    assert int(file.modified_at) == at.timestamp()


def test_in_a_bucket_a_file_whose_name_begins_that_of_another_is_found_as_itself(bucket: Vendor) -> None:
    bucket.deliver("a.csv.gz", b"1")

    assert bucket.drop.find("a.csv") is None
    bucket.deliver("a.csv", b"22")
    assert bucket.drop.find("a.csv") == bucket.drop.files()[0]


def test_in_a_bucket_the_same_bytes_delivered_at_another_time_are_another_version(bucket: Vendor) -> None:
    """As on a disk: the vendor who delivers again has a reason."""
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    bucket.deliver("a.csv", b"1")
    before = bucket.drop.files()[0]
    objects = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[bucket.place].keys
    objects["drops/a.csv"].last_modified += timedelta(hours=1)
    after = bucket.drop.files()[0]

    assert (before.name, before.size) == (after.name, after.size)
    assert before.version != after.version
