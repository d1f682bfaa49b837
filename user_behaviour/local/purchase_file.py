"""A CSV file of purchases in the shape of the public Online Retail data set, on its way into the source's table.

Checks the header and that the file can be read at all; the database judges the lines, and this module names the line.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    import psycopg2

HEADER = b"InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
_BOM = b"\xef\xbb\xbf"


class ShopDataError(Exception):
    """Data that cannot be taken for the shop's or the vendor's."""


class PurchaseFileError(ShopDataError):
    """A file of purchases that cannot be loaded; nothing of it was."""


def opened(path: Path) -> AbstractContextManager[BinaryIO]:
    """The file's bytes, unpacked where its name ends in `.gz`."""
    return gzip.open(path) if path.name.endswith(".gz") else path.open("rb")  # type: ignore[return-value]


class PurchaseFile:
    """The file as COPY reads it. What goes wrong in reading is kept in `error`, as COPY hides it."""

    def __init__(self, path: Path, content: BinaryIO) -> None:
        self.path = path
        self.error: PurchaseFileError | None = None
        self._content = content
        self._head = self._read(content.readline, 1 << 16)
        found = self._head.removeprefix(_BOM)
        if found.rstrip(b"\r\n") != HEADER:
            raise PurchaseFileError(
                f"{path}, line 1: the header {HEADER.decode()} was expected, "
                f"{found[:80].decode('utf-8', 'backslashreplace').rstrip()!r} was found; nothing was replaced."
            )
        self._head = found

    def readline(self, _size: int = -1, /) -> bytes:
        """Not used by COPY, but part of what its type asks for."""
        raise NotImplementedError("COPY reads blocks")

    def read(self, size: int = 1 << 20, /) -> bytes:
        if self._head:
            block, self._head = self._head[:size], self._head[size:]
            return block
        return self._read(self._content.read, size)

    def line_of(self, error: psycopg2.Error) -> str:
        """The line that the database names in its refusal; the header is line 1."""
        found = re.search(r"line (\d+)", error.diag.context or "")
        return found.group(1) if found else "unknown"

    def _read(self, read: Callable[[int], bytes], size: int) -> bytes:
        try:
            return read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self.error = PurchaseFileError(f"{self.path} cannot be unpacked ({error}); nothing was replaced.")
            raise self.error from error
