"""Twin of the lake: a directory of this machine."""

import fcntl
import hashlib
import io
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

import pyarrow.fs
from pydantic import Field

from user_behaviour.diagnosis import Diagnosis, bad, good, judged
from user_behaviour.lake.lake import Lake

_ENOUGH = 2 << 30  # bytes: a year of the real data takes a tenth of it, every superseded batch included
_PARTS = f"_{'[0-9a-f]' * 12}.part"


class LocalLake(Lake):
    """The lake as a directory of this machine."""

    # An object is replaced by a rename; its version is a digest, as an ETag of S3 is.

    root: str = Field(description="The directory that holds every data set; it is made when something is written.")

    def filesystem(self) -> pyarrow.fs.FileSystem:
        return pyarrow.fs.SubTreeFileSystem(self.root, pyarrow.fs.LocalFileSystem())

    def uri(self, path: str) -> str:
        return f"file://{Path(self.root) / path}"

    def make_directory(self, path: str) -> None:
        (Path(self.root) / path).mkdir(parents=True, exist_ok=True)

    def read(self, path: str) -> tuple[bytes, str] | None:
        try:
            content = Path(self.root, path).read_bytes()
        except FileNotFoundError:
            return None
        # Not inode and time: the file system gives both again within a tick of its clock.
        return content, hashlib.blake2b(content, digest_size=16).hexdigest()

    def write(self, path: str, content: bytes | BinaryIO) -> None:
        target = Path(self.root) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        # Not longer than the name that it becomes, which may be as long as the file system allows.
        part = target.with_name(f"_{secrets.token_hex(6)}.part")  # as _PARTS
        try:
            with part.open("wb") as file:
                if isinstance(content, bytes):
                    file.write(content)
                else:
                    shutil.copyfileobj(content, file, 1 << 20)
            part.rename(target)
        finally:
            part.unlink(missing_ok=True)

    def swap(self, path: str, content: bytes, *, expected: str | None) -> bool:
        with self._locked((Path(self.root) / path).parent):
            found = self.read(path)
            if (found[1] if found else None) != expected:
                return False
            self.write(path, content)
            return True

    def delete(self, path: str) -> None:
        target = Path(self.root) / path
        if target.is_dir():
            shutil.rmtree(target, ignore_errors=False)
        else:
            target.unlink(missing_ok=True)

    def remove_unfinished(self, before: datetime) -> int:
        parts = [part for part in Path(self.root).rglob(_PARTS) if part.stat().st_mtime < before.timestamp()]
        for part in parts:
            part.unlink(missing_ok=True)
        return len(parts)

    def list(self, path: str) -> list[str]:
        try:
            return sorted(os.listdir(Path(self.root) / path))
        except FileNotFoundError:
            return []

    def move(self, source: str, target: str) -> None:
        self.make_directory(str(Path(target).parent))
        (Path(self.root) / source).rename(Path(self.root) / target)

    def open(self, path: str) -> io.BufferedReader:
        return (Path(self.root) / path).open("rb")

    def self_check(self) -> Iterator[Diagnosis]:
        """A directory that is not there yet is not made."""
        root = Path(self.root)
        present = next(path for path in (root, *root.parents) if path.exists())
        try:
            TemporaryFile(dir=present).close()
        except OSError as error:
            remedy = (
                f"Let this user write to {present}, or set USER_BEHAVIOUR_HOME to a directory that it may write to."
            )
            yield bad("directory", f"{present} cannot be written to: {error.strerror}", remedy)
            return
        state = "can be written to" if present == root else f"is not there yet; {present} can be written to"
        yield good("directory", f"{root} {state}")
        if present == root:
            yield from super().self_check()
        free = shutil.disk_usage(present).free
        yield judged("disk", free >= _ENOUGH, f"{free / 1e9:,.1f} GB free", "Better: 2 GB and more.", needed=False)

    @contextmanager
    def _locked(self, directory: Path) -> Iterator[None]:
        """Holds the directory against other processes; the kernel lets go of it when a process dies."""
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
