"""Files that people keep purchases in, as tables of cells: CSV or a workbook, plain, in gzip or in zip.

What the cells mean is the business of `purchase_lines`. Rows come out one by one, and memory does not grow with a
file, but for the distinct texts of a workbook: openpyxl streams, and tells errors and formulas from values.
"""

import csv
import gzip
import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import IO, Any

from user_behaviour.local.errors import ShopDataError


@dataclass(frozen=True)
class NoValue:
    """What a cell of a workbook holds instead of a value."""

    shown: str

    def __str__(self) -> str:
        return self.shown


Cell = str | datetime | NoValue
Rows = Iterator[tuple[int, Sequence[Cell]]]

_LONGEST_LINE = 1 << 17  # as the csv module's longest field
_GZIP, _ZIP, _OLD_WORKBOOK = b"\x1f\x8b", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_DAMAGE = (KeyError, OSError, SyntaxError, TypeError, ValueError)  # what openpyxl raises of a workbook that is none
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True)
class CellTable:
    """A table of a file, and what to call it; each row that holds anything, with the number of its first line."""

    place: str
    rows: Rows


def cell_tables(path: Path, encoding: str) -> Iterator[CellTable]:
    """The CSV table of a file, or the sheets of a workbook, one after the other.

    Bytes that are none of the `encoding` come out as lone surrogates (`is_text`). Raises `ShopDataError`, there and
    from the rows, and what gzip and zipfile raise.
    """
    with path.open("rb") as opened:
        file = _unpacked(opened, str(path))
        if _begins(file, _ZIP):
            yield from _sheets(file, str(path))
        else:
            yield CellTable(str(path), _csv_rows(file, str(path), encoding))


def is_text(cell: str) -> bool:
    """Whether it came out of bytes of the encoding, and PostgreSQL takes it."""
    return not _NO_TEXT.search(cell)


def _begins(file: IO[bytes], magic: bytes) -> bool:
    beginning: bytes = file.peek(len(magic))  # type: ignore[attr-defined]  # all that are opened here have it
    return beginning.startswith(magic)


def _unpacked(file: IO[bytes], place: str) -> IO[bytes]:
    """What is packed in the file, in one shell or more. A workbook stays as it is: it begins as a zip archive does."""
    if _begins(file, _GZIP):
        return _unpacked(io.BufferedReader(gzip.GzipFile(fileobj=file, mode="rb")), place)
    if _begins(file, _OLD_WORKBOOK):
        raise ShopDataError(f"{place} is an .xls workbook, or one with a password; save it as .xlsx without one")
    if not _begins(file, _ZIP):
        return file
    archive = zipfile.ZipFile(file)
    if "[Content_Types].xml" in archive.namelist():
        file.seek(0)
        return file
    members = [
        one for one in archive.infolist() if not one.is_dir() and not re.search(r"(^|/)(\.|__MACOSX/)", one.filename)
    ]
    if len(members) != 1:
        names = ", ".join(member.filename for member in members[:3]) or "nothing"
        raise ShopDataError(f"{place} holds {len(members)} files ({names}); unpack it, and name what to load")
    if members[0].flag_bits & 1:
        raise ShopDataError(f"{place} is packed with a password; unpack it, and name what to load")
    return _unpacked(archive.open(members[0]), place)


def _csv_rows(file: IO[bytes], place: str, encoding: str) -> Rows:
    """The delimiter is the sign that the header has most of."""
    with io.TextIOWrapper(file, encoding, errors="surrogateescape", newline="") as text:
        line = 1
        try:
            lines = _lines(text)
            header = next(lines, "").removeprefix("\ufeff")
            reader = csv.reader(chain([header], lines), delimiter=max(",;\t", key=header.count), strict=True)
            for cells in reader:
                if any(cells):
                    yield line, cells
                line = 1 + reader.line_num
        except csv.Error as error:
            raise ShopDataError(f"{place}, line {line}: {error}") from error
        except UnicodeError as error:  # of encodings whose units are not bytes, such as utf-16
            raise ShopDataError(f"{place}, line {line} or below: {error}; name the encoding: --encoding") from error


def _lines(text: IO[str]) -> Iterator[str]:
    """The lines, none read to an end that may never come: a small packed file can hold an endless one."""
    while line := text.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise csv.Error(f"the line has more than {_LONGEST_LINE:,} characters")
        yield line


def _sheets(file: IO[bytes], place: str) -> Iterator[CellTable]:
    """Those that hold anything."""
    from openpyxl import load_workbook

    # Of styles, extensions and odd cells, while a workbook is opened and while it is read.
    warnings.filterwarnings("ignore", module="openpyxl")
    try:
        workbook = load_workbook(file, read_only=True)
    except _DAMAGE as error:
        raise ShopDataError(f"{place} cannot be read as a workbook ({error})") from error
    empty = True
    for sheet in workbook.worksheets:
        rows = _sheet_rows(sheet, named := f"{place}, sheet {sheet.title!r}")
        if first := next(rows, None):
            empty = False
            yield CellTable(named, chain([first], rows))
    if empty:
        raise ShopDataError(f"{place} has no sheet that holds anything")


def _sheet_rows(sheet: Any, place: str) -> Rows:
    """Each as wide as the first, if nothing stands beyond."""
    sheet.reset_dimensions()  # some programs write wrong ones
    line = width = 0
    try:
        for line, row in enumerate(sheet.iter_rows(), 1):
            cells = [_cell(cell) for cell in row]
            while cells and cells[-1] == "":
                cells.pop()
            if cells:
                width = width or len(cells)
                yield line, [*cells, *[""] * (width - len(cells))]
    except _DAMAGE as error:
        raise ShopDataError(f"{place}, cannot be read below line {line} ({error})") from error


def _cell(cell: Any) -> Cell:
    """A number as its digits, as few as tell it from others; so Excel shows it."""
    value = cell.value
    if value is None or (isinstance(value, str) and cell.data_type == "s"):
        return value or ""
    if cell.data_type == "n":
        whole = isinstance(value, int) or value.is_integer()
        return str(int(value)) if whole else format(Decimal(repr(value)), "f")
    if isinstance(value, datetime):
        return value
    kinds = {"b": "a truth value", "e": "an error", "f": "a formula"}
    return NoValue(f"{str(value)!r}, {kinds.get(cell.data_type, 'a time without a day')}")
