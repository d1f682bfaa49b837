"""The contract of the vendor's drop. A twin adds a class with its fixture and its way to deliver."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from datetime import timedelta
from pathlib import Path

import pytest

from user_behaviour.vendor.drop import VendorDrop
from user_behaviour.vendor.local import LocalVendorDrop
from user_behaviour.vendor.s3 import S3VendorDrop
from user_behaviour_tests.cloud.moto_server import Cloud


class VendorDropContract(ABC):
    """What every drop shows."""

    @pytest.fixture
    @abstractmethod
    def drop(self, tmp_path: Path) -> VendorDrop: ...

    @abstractmethod
    def deliver(self, drop: VendorDrop, name: str, content: bytes) -> None:
        """Puts a file there, whole, as the vendor does."""

    @abstractmethod
    def clear(self, drop: VendorDrop, name: str) -> None: ...

    def test_a_place_that_is_not_there_yet_is_empty(self, drop: VendorDrop) -> None:
        assert list(drop.files()) == []

    def test_files_are_shown_by_name_with_their_size(self, drop: VendorDrop) -> None:
        for name in ("b.csv", "a.csv", "ø.csv"):
            self.deliver(drop, name, b"12345")

        assert [(file.name, file.size) for file in drop.files()] == [("a.csv", 5), ("b.csv", 5), ("ø.csv", 5)]

    def test_a_file_is_found_as_it_is_listed(self, drop: VendorDrop) -> None:
        self.deliver(drop, "a.csv", b"1")

        assert drop.find("a.csv") == drop.files()[0]
        assert drop.find("b.csv") is None

    def test_a_delivery_of_the_same_name_and_size_has_another_version(self, drop: VendorDrop) -> None:
        self.deliver(drop, "a.csv", b"1")
        before = drop.find("a.csv")
        self.deliver(drop, "a.csv", b"2")
        after = drop.find("a.csv")

        assert before is not None
        assert after is not None
        assert before.version != after.version

    def test_looking_again_shows_the_same_version(self, drop: VendorDrop) -> None:
        self.deliver(drop, "a.csv", b"1")

        assert list(drop.files()) == list(drop.files())

    def test_a_file_is_read_as_it_was_delivered(self, drop: VendorDrop) -> None:
        self.deliver(drop, "a.csv", b"\x00\xff\r\n")

        with drop.open("a.csv") as stream:
            assert stream.read() == b"\x00\xff\r\n"

    def test_a_file_that_was_cleared_away_is_gone(self, drop: VendorDrop) -> None:
        self.deliver(drop, "a.csv", b"1")
        self.clear(drop, "a.csv")

        assert list(drop.files()) == []
        with pytest.raises(FileNotFoundError):
            drop.open("a.csv")


class TestLocalVendorDrop(VendorDropContract):
    @pytest.fixture
    def drop(self, tmp_path: Path) -> VendorDrop:
        return LocalVendorDrop(directory=str(tmp_path / "vendor"))

    def deliver(self, drop: VendorDrop, name: str, content: bytes) -> None:
        assert isinstance(drop, LocalVendorDrop)
        drop.directory.mkdir(exist_ok=True)
        (drop.directory / f".{name}").write_bytes(content)
        (drop.directory / f".{name}").rename(drop.directory / name)

    def clear(self, drop: VendorDrop, name: str) -> None:
        assert isinstance(drop, LocalVendorDrop)
        (drop.directory / name).unlink()

    def test_hidden_files_folders_and_links_to_nowhere_are_not_files(self, drop: VendorDrop) -> None:
        assert isinstance(drop, LocalVendorDrop)
        (drop.directory / "movie_review_2010-12-01.csv").mkdir(parents=True)
        (drop.directory / ".movie_review_2010-12-02.csv").write_bytes(b"")
        os.symlink("nowhere", drop.directory / "movie_review_2010-12-03.csv")

        assert list(drop.files()) == []
        assert drop.find("movie_review_2010-12-01.csv") is None


class TestS3VendorDrop(VendorDropContract):
    @pytest.fixture
    def drop(self, tmp_path: Path, cloud: Cloud) -> VendorDrop:
        self.s3, self.bucket = cloud.aws.client("s3"), cloud.bucket("vendor")
        return S3VendorDrop(aws=cloud.aws, bucket=self.bucket, prefix="drops")

    def deliver(self, drop: VendorDrop, name: str, content: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=f"drops/{name}", Body=content)

    def clear(self, drop: VendorDrop, name: str) -> None:
        self.s3.delete_object(Bucket=self.bucket, Key=f"drops/{name}")

    def test_folders_and_what_is_in_them_are_not_files(self, drop: VendorDrop) -> None:
        for name in ("", "old/", "old/movie_review_2010-12-01.csv"):
            self.deliver(drop, name, b"")

        assert list(drop.files()) == []

    def test_a_file_is_whole_when_it_is_seen_and_has_its_time(self, drop: VendorDrop) -> None:
        self.deliver(drop, "a.csv", b"1")

        (file,) = drop.files()
        at = self.s3.head_object(Bucket=self.bucket, Key="drops/a.csv")["LastModified"]

        assert file.is_whole
        assert int(file.modified_at) == at.timestamp()

    def test_a_file_whose_name_begins_that_of_another_is_found_as_itself(self, drop: VendorDrop) -> None:
        self.deliver(drop, "a.csv.gz", b"1")

        assert drop.find("a.csv") is None
        self.deliver(drop, "a.csv", b"22")
        assert drop.find("a.csv") == drop.files()[0]

    def test_the_same_bytes_delivered_at_another_time_are_another_version(self, drop: VendorDrop) -> None:
        """As on a disk: the vendor who delivers again has a reason."""
        from moto.core.models import DEFAULT_ACCOUNT_ID
        from moto.s3.models import s3_backends

        self.deliver(drop, "a.csv", b"1")
        before = drop.find("a.csv")
        objects = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[self.bucket].keys
        objects["drops/a.csv"].last_modified += timedelta(hours=1)
        after = drop.find("a.csv")

        assert before is not None
        assert after is not None
        assert (before.name, before.size) == (after.name, after.size)
        assert before.version != after.version
