"""The contract of the vendor's drop. A twin adds a class with its fixture and its way to deliver."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from pathlib import Path

import pytest

from user_behaviour.resources.vendor_drop import LocalVendorDrop, VendorDrop


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
        return LocalVendorDrop(tmp_path / "vendor")

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
