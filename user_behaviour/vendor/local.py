"""Twin of the vendor's drop: a directory of this machine."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from pydantic import Field

from user_behaviour.diagnosis import Diagnosis, unknown
from user_behaviour.vendor.drop import DroppedFile, VendorDrop


class LocalVendorDrop(VendorDrop):
    """The vendor's drop as a directory of this machine; a hidden file is not there yet."""

    directory: str = Field(description="The directory of the files.")

    def files(self) -> Sequence[DroppedFile]:
        try:
            names = sorted(os.listdir(self.directory))
        except FileNotFoundError:
            return []
        # One by one, since the vendor may clear a file away between two looks.
        found = [self.find(name) for name in names if not name.startswith(".")]
        return [file for file in found if file is not None]

    def open(self, name: str) -> BinaryIO:
        return (Path(self.directory) / name).open("rb")

    def find(self, name: str) -> DroppedFile | None:
        try:
            status = (Path(self.directory) / name).stat()
        except FileNotFoundError:
            return None
        return _dropped(name, status) if stat.S_ISREG(status.st_mode) else None

    def uri(self) -> str:
        return f"file://{self.directory}"

    def self_check(self) -> Iterator[Diagnosis]:
        if Path(self.directory).exists():
            yield from super().self_check()
        else:
            remedy = "`user-behaviour generate` makes a sample, `user-behaviour deliver FILE` takes a file of yours."
            yield unknown("files", f"{self.directory} is not there yet", remedy)


def _dropped(name: str, status: os.stat_result) -> DroppedFile:
    version = f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"
    return DroppedFile(name, status.st_size, version, status.st_mtime)
