"""The verbs of a store of objects under one root; publishing is made of them, and each twin of the lake gives them.

Paths are relative to the root, with `/`. An object whose name begins with `_` is not data.
"""

import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import BinaryIO, TypeVar

import pyarrow.fs

T = TypeVar("T")
R = TypeVar("R")


class Objects(ABC):
    """Objects under one root."""

    @abstractmethod
    def filesystem(self) -> pyarrow.fs.FileSystem:
        """The file system of the data files, rooted at the lake."""

    @abstractmethod
    def uri(self, path: str) -> str:
        """The path as Spark and people address it; no `/` at its end."""

    def link(self, path: str, *, until: datetime) -> str:  # noqa: ARG002 (for twins to use)
        """Where a person can open the object: its `uri`, or in a private store an address that is good for a while."""
        return self.uri(path)

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

    def remove_unfinished(self, before: datetime) -> int:  # noqa: ARG002 (for twins to use)
        """Removes what writes left that were killed before a moment; gives the number, 0 where none can leave any."""
        return 0

    @abstractmethod
    def list(self, path: str) -> list[str]:
        """The names directly below the path, sorted; empty where there is nothing."""

    @abstractmethod
    def move(self, source: str, target: str) -> None:
        """Moves one object."""

    @abstractmethod
    def open(self, path: str) -> io.BufferedReader:
        """The object as a stream of bytes; FileNotFoundError where there is none."""

    def at_once(self, function: Callable[[T], R], items: Iterable[T]) -> Sequence[R]:
        """The results of the function in the order of the items, called for as many at a time as suits the store."""
        return [function(item) for item in items]

    def store_errors(self, action: str, path: str) -> AbstractContextManager[None]:  # noqa: ARG002 (for twins to use)
        """Entered while the file system is used: its errors leave as those of the other verbs do."""
        return nullcontext()
