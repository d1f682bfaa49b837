"""Role: the lake, a prefix of objects. The algorithm of publishing is in `dataset`; a twin gives a few verbs.

Paths are relative to the lake's root, with `/`. An object whose name begins with `_` is not data.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from user_behaviour.resources.dataset import Dataset
from user_behaviour.tables import Table

if TYPE_CHECKING:
    import pyarrow.fs

T = TypeVar("T")
R = TypeVar("R")


class Lake(ABC):
    """Objects under one root; data sets are made of them."""

    def dataset(self, table: Table) -> Dataset:
        """The data set that holds the partitions of `table`."""
        return Dataset(self, table)

    @abstractmethod
    def filesystem(self) -> pyarrow.fs.FileSystem:
        """The file system of the data files, rooted at the lake."""

    @abstractmethod
    def uri(self, path: str) -> str:
        """The path as Spark and people address it; no `/` at its end."""

    @abstractmethod
    def make_directory(self, path: str) -> None:
        """Prepares for writing below `path`, where the store needs that."""

    @abstractmethod
    def read(self, path: str) -> tuple[bytes, str] | None:
        """The object and the version of it that was read; None where there is none."""

    @abstractmethod
    def write(self, path: str, content: bytes | BinaryIO) -> None:
        """Writes the object whole or not at all."""

    @abstractmethod
    def swap(self, path: str, content: bytes, *, expected: str | None) -> bool:
        """Replaces the object if its version is still `expected` (None: if there is none). False: it was another."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """Removes the object or everything below the path; nothing there is fine."""

    def abandon(self, path: str) -> None:
        """Removes all below the path after a write there failed, also what the store does not show."""
        self.delete(path)

    @abstractmethod
    def list(self, path: str) -> list[str]:
        """The names directly below the path, sorted; empty where there is nothing."""

    @abstractmethod
    def move(self, source: str, target: str) -> None:
        """Moves one object."""

    @abstractmethod
    def open(self, path: str) -> BinaryIO:
        """The object as a stream of bytes; FileNotFoundError where there is none."""

    def at_once(self, function: Callable[[T], R], items: Iterable[T]) -> Sequence[R]:
        """The results of the function in the order of the items, called for as many at a time as suits the store."""
        return [function(item) for item in items]

    def explaining(self, action: str, path: str) -> AbstractContextManager[None]:  # noqa: ARG002 (for twins to use)
        """Entered while the file system is used: what the store refuses there is told as the verbs tell it."""
        return nullcontext()


class LocalLake(Lake):
    """The lake as a directory. An object is replaced by a rename; its version is a digest, as an ETag of S3 is."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def filesystem(self) -> pyarrow.fs.FileSystem:
        import pyarrow.fs

        return pyarrow.fs.SubTreeFileSystem(str(self.root), pyarrow.fs.LocalFileSystem())

    def uri(self, path: str) -> str:
        return f"file://{self.root / path}"

    def make_directory(self, path: str) -> None:
        (self.root / path).mkdir(parents=True, exist_ok=True)

    def read(self, path: str) -> tuple[bytes, str] | None:
        try:
            content = (self.root / path).read_bytes()
        except FileNotFoundError:
            return None
        # Not inode and time: the file system gives both again within a tick of its clock.
        return content, hashlib.blake2b(content, digest_size=16).hexdigest()

    def write(self, path: str, content: bytes | BinaryIO) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        # Not longer than the name that it becomes, which may be as long as the file system allows.
        part = target.with_name(f"_{secrets.token_hex(6)}.part")
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
        with self._locked((self.root / path).parent):
            found = self.read(path)
            if (found[1] if found else None) != expected:
                return False
            self.write(path, content)
            return True

    def delete(self, path: str) -> None:
        target = self.root / path
        if target.is_dir():
            shutil.rmtree(target, ignore_errors=False)
        else:
            target.unlink(missing_ok=True)

    def list(self, path: str) -> list[str]:
        try:
            return sorted(os.listdir(self.root / path))
        except FileNotFoundError:
            return []

    def move(self, source: str, target: str) -> None:
        self.make_directory(str(Path(target).parent))
        (self.root / source).rename(self.root / target)

    def open(self, path: str) -> BinaryIO:
        return (self.root / path).open("rb")

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
