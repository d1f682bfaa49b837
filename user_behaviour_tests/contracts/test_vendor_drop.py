"""The contract of the vendor's drop."""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import pytest

from user_behaviour.vendor import local
from user_behaviour.vendor.drop import DropPage, VendorDrop
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


def test_the_same_bytes_are_the_same_version_and_others_of_that_size_are_another(vendor: Vendor) -> None:
    versions = []
    for content in (b"1", b"2", b"1"):
        vendor.deliver("a.csv", content)
        versions.append(vendor.drop.files()[0].version)

    assert versions[0] == versions[2] != versions[1]


def test_files_are_named_and_looked_at_by_name(vendor: Vendor) -> None:
    for name in ("b.csv", "a.csv"):
        vendor.deliver(name, b"1")

    assert list(vendor.drop.names()) == ["a.csv", "b.csv"]
    assert list(vendor.drop.files(lambda name: name == "b.csv")) == [vendor.drop.find("b.csv")]


def test_a_page_is_so_much_of_the_names_after_one_and_says_where_it_ends(vendor: Vendor) -> None:
    for name in ("b1.csv", "a.csv", "b3.csv", "b2.csv"):
        vendor.deliver(name, b"1")

    def shown(page: DropPage) -> tuple[list[str], str | None]:
        return [file.name for file in page.files], page.last

    first = vendor.drop.page(2)
    assert shown(first) == (["a.csv", "b1.csv"], "b1.csv")
    assert shown(vendor.drop.page(2, after="b1.csv")) == (["b2.csv", "b3.csv"], None)
    assert shown(vendor.drop.page(2, after="a.csv", prefix="b")) == (["b1.csv", "b2.csv"], "b2.csv")
    assert shown(vendor.drop.page(2, after="b3.csv")) == ([], None)
    assert list(first.files) == vendor.drop.files()[:2]
    assert [first.covers(name) for name in ("a1.csv", "b1.csv", "b2.csv")] == [True, True, False]


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


LINKS = {"out": "../secret", "in": "a.csv", "loop": "loop", "nowhere": "nowhere", "through a file": "a.csv/below"}


def test_in_a_directory_only_files_are_files_and_all_else_is_told_by_what_it_is(
    directory: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link to itself, or to something below a file, ended every landing; one to /etc was landed."""
    directory.deliver("a.csv", b"1")
    directory.deliver(".hidden.csv", b"1")
    (directory.place.parent / "secret").write_bytes(b"1")
    (directory.place / "folder").mkdir()
    os.mkfifo(directory.place / "pipe")
    monkeypatch.chdir(directory.place)  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
    for name, target in LINKS.items():
        os.symlink(target, name)

    assert [file.name for file in directory.drop.files()] == ["a.csv"] == list(directory.drop.names())
    assert directory.drop.unusable() == {
        "folder": "a directory",
        "pipe": "a pipe",
        "socket": "a socket",
        **dict.fromkeys(LINKS, "a link, which is not followed"),
    }
    page = directory.drop.page(100)
    assert ([file.name for file in page.files], page.unusable) == (["a.csv"], directory.drop.unusable())
    for name in directory.drop.unusable():
        assert directory.drop.find(name) is None
        with pytest.raises(OSError, match=r"Too many levels|Is a directory|not a file|No such device"):
            directory.drop.open(name)


def test_in_a_directory_what_may_not_be_looked_at_is_a_file_that_cannot_be_opened() -> None:
    """As no file, it would be missed: its day would land as empty."""
    with TemporaryDirectory() as place:
        (Path(place) / "a.csv").write_bytes(b"1")
        Path(place).chmod(0o444)
        drop, me = LocalVendorDrop(directory=place), os.geteuid()
        os.seteuid(me or 65534)  # root may look at everything
        try:
            (file,) = drop.files()
            with pytest.raises(PermissionError):
                drop.open(file.name)
        finally:
            os.seteuid(me)
            Path(place).chmod(0o700)
        assert file.version != drop.files()[0].version


def test_in_a_directory_a_file_replaced_in_place_is_seen_though_it_keeps_size_and_time(
    directory: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "_TICK", 0)  # as if it had lain there for long
    directory.deliver("a.csv", b"1")
    path, (before,) = directory.place / "a.csv", directory.drop.files()
    status = path.stat()
    while path.stat().st_ctime_ns == status.st_ctime_ns:
        path.write_bytes(b"2")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    after = path.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (status.st_size, status.st_mtime_ns, status.st_ino)
    assert directory.drop.files()[0].version != before.version


def test_in_a_directory_a_file_of_terabytes_does_not_keep_anybody_from_the_others(directory: Vendor) -> None:
    for name in ("a.csv", "b.csv"):
        directory.deliver(name, b"")
    os.truncate(directory.place / "a.csv", 1 << 42)

    large, small = directory.drop.files()
    assert (large.name, large.size, small.name) == ("a.csv", 1 << 42, "b.csv")
    assert directory.drop.find("a.csv") == large


def test_in_a_directory_a_file_is_read_for_its_version_when_its_ctime_is_another_and_not_again(
    directory: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory.deliver("a.csv", bytes(8 << 20))
    path, read = directory.place / "a.csv", psutil.Process().io_counters

    def version() -> tuple[str, bool]:
        before = read().read_chars
        found = directory.drop.files()[0].version
        return found, read().read_chars - before > 4 << 20

    fresh = [version(), version()]  # what changed a moment ago may change once more within a tick of the clock
    monkeypatch.setattr(local, "_TICK", 0)
    kept = [version(), version()]
    status = path.stat()
    while path.stat().st_ctime_ns == status.st_ctime_ns:
        path.chmod(0o600)
    touched = [version(), version()]

    assert [was_read for _, was_read in (*fresh, *kept, *touched)] == [True, True, True, False, True, False]
    assert len({found for found, _ in (*fresh, *kept, *touched)}) == 1


def test_in_a_bucket_folders_and_what_is_in_them_are_not_files(bucket: Vendor) -> None:
    for name in ("", "old/", "old/movie_review_2010-12-01.csv"):
        bucket.deliver(name, b"")

    assert list(bucket.drop.files()) == []
    bucket.deliver("p.csv", b"1")
    first = bucket.drop.page(2)  # the prefix itself, and the folder
    second = bucket.drop.page(2, after=first.last or "")
    assert [[file.name for file in page.files] for page in (first, second)] == [[], ["p.csv"]]
    assert second.last is None


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


def test_in_a_bucket_the_same_bytes_delivered_at_another_time_are_the_same_version(bucket: Vendor) -> None:
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    bucket.deliver("a.csv", b"1")
    before = bucket.drop.files()[0]
    objects = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[bucket.place].keys
    objects["drops/a.csv"].last_modified += timedelta(hours=1)
    after = bucket.drop.files()[0]

    assert before.modified_at != after.modified_at
    assert before.version == after.version
