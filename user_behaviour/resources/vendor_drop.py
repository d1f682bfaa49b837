"""Role: the place where the vendor drops files. Files are only read here; the lake keeps the originals."""

from __future__ import annotations

import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO


@dataclass(frozen=True)
class DroppedFile:
    """A file as the vendor left it. `version` changes with every delivery; `modified_at` is in seconds of the epoch.

    `is_whole` says that the store shows a file only when its upload is finished; else it must be seen to rest.
    """

    name: str
    size: int
    version: str
    modified_at: float
    is_whole: bool = False


class VendorDrop(ABC):
    """Files under one prefix, without folders."""

    @abstractmethod
    def files(self) -> Sequence[DroppedFile]:
        """What is there now, by name."""

    @abstractmethod
    def open(self, name: str) -> BinaryIO:
        """The file as a stream of bytes; FileNotFoundError where it is gone."""

    @abstractmethod
    def find(self, name: str) -> DroppedFile | None:
        """One file, as it is now."""

    @abstractmethod
    def uri(self) -> str:
        """The place as people address it."""


class LocalVendorDrop(VendorDrop):
    """The vendor's files in a directory; hidden files are not there yet."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def files(self) -> Sequence[DroppedFile]:
        try:
            names = sorted(os.listdir(self.directory))
        except FileNotFoundError:
            return []
        # One by one, since the vendor may clear a file away between two looks.
        found = [self.find(name) for name in names if not name.startswith(".")]
        return [file for file in found if file is not None]

    def open(self, name: str) -> BinaryIO:
        return (self.directory / name).open("rb")

    def find(self, name: str) -> DroppedFile | None:
        try:
            status = (self.directory / name).stat()
        except FileNotFoundError:
            return None
        return _dropped(name, status) if stat.S_ISREG(status.st_mode) else None

    def uri(self) -> str:
        return f"file://{self.directory}"


def _dropped(name: str, status: os.stat_result) -> DroppedFile:
    version = f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"
    return DroppedFile(name, status.st_size, version, status.st_mtime)
