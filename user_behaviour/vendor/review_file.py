"""A vendor's review file, read strictly, row by row, losing nothing: in this process, and shipped alone to Spark.

Here: unpacking and limits, the CSV dialect, what makes a row or a whole file unusable, what is counted of a file. Not
here: where files lie, how a day's counts are weighed. Memory does not grow with the file. Standard library of Python
3.9 alone, which EMR runs, and nothing of the project's.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Union

HEADER = (b"cid", b"review_str")
LONGEST_RECORD = 1024 * 1024  # bytes; sixteen of the longest reviews. What is longer is a missing quote, or no CSV
LONGEST_CID, LONGEST_REVIEW = 10, 65535  # bytes that the columns of raw_reviews take
# What can follow is all optional, so that nothing is ever tried again. (Possessive repeats came with Python 3.11.)
_FIELD = re.compile(rb'(?:"([^"]*(?:""[^"]*)*)(")?|([^",\r\n]*))(,|(?:\r?\n)?\Z)?')
_BOMS = re.compile(rb"\A(?:\xef\xbb\xbf)+")  # of several Hadoop, and so Spark, takes away one by itself
_LARGEST_CID = 2**31 - 1  # customer ids are of type int in the shop


class ReviewRow(NamedTuple):
    """One review that can be used. `line` is the line on which it starts; the header is line 1."""

    cid: str
    review: str
    line: int


class BadRow(NamedTuple):
    """One row that cannot be used: where it starts, why, and its bytes with their line end, unchanged.

    The reason never repeats the row's content, so it may be logged.
    """

    line: int
    reason: str
    raw: bytes


Row = Union[ReviewRow, BadRow]  # noqa: UP007  (Python 3.10 has `|`)


class UnreadableFile(Exception):
    """A vendor file that cannot be read as a whole: permanent, until the vendor delivers it again.

    `line` is the line reached, or the one on which the damage begins; None where no line is to blame.
    """

    def __init__(self, file: str, reason: str, *, line: int | None = None) -> None:
        super().__init__(file, reason)
        self.file = file
        self.reason = reason
        self.line = line

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}, line {self.line}"
        return f"Vendor file {where}: {self.reason}; deliver the file again, whole and corrected."


def read_rows(stream: io.BufferedReader, name: str, *, max_bytes: int) -> Iterator[Row]:
    """The rows of a vendor file in order, each as a review or as a bad row; raises UnreadableFile, also half-way.

    The dialect is RFC 4180 (https://www.rfc-editor.org/rfc/rfc4180), plain or gzip (told by the content), UTF-8 with or
    without BOM, lines ending in LF or CRLF, the header `cid,review_str` exactly. Every byte after the header belongs
    to one row, or to an empty line, which is no row. `max_bytes` bounds the unpacked size. Decided, as RFC 4180 has it:

    - an unquoted field holds no quote and no lone carriage return, and nothing follows a closing quote: bad row;
    - a quoted field keeps its line ends as they are; blanks around a field belong to it, so a line of blanks is a row;
    - a record of several lines that breaks these rules, or is longer than LONGEST_RECORD, gives up its first line
      only, and reading goes on with the second: a missing quote costs one row, and not its good neighbours;
    - a quoted field still open where the file ends means a file cut off: unreadable. A last line without a line end is
      a row like any other.
    """
    lines = _Lines(stream, name, max_bytes=max_bytes)
    header = _BOMS.sub(b"", lines.take())
    if not header:
        raise UnreadableFile(name, "the file is empty, without even a header")
    if _split(header) != _Split(list(HEADER)):
        found = header[:60].decode("utf-8", "backslashreplace")
        raise lines.unreadable(f"the header {b','.join(HEADER).decode()} was expected, {found!a} was found", line=1)
    while line := lines.take():
        if line not in (b"\n", b"\r\n"):
            yield _row_from(lines, line)


@dataclass
class Tally:
    """What is counted of a file while it is read; `review_keys` sums up the CRC-32 of `name:line` of its reviews.

    `is_hopeless` says that more rows were bad than `most_bad`, and that reading ended there.
    """

    name: str
    rows_read: int = 0
    rows_bad: int = 0
    first_bad: str = ""
    unreadable: str = ""
    is_hopeless: bool = False
    review_keys: int = 0

    def rows(self, stream: io.BufferedReader, *, max_bytes: int, most_bad: int) -> Iterator[Row]:
        """The rows of the file, as far as it can be read."""
        try:
            for row in read_rows(stream, self.name, max_bytes=max_bytes):
                self.rows_read += 1
                if isinstance(row, ReviewRow):
                    self.review_keys += zlib.crc32(f"{self.name}:{row.line}".encode())
                else:
                    self.rows_bad += 1
                    self.first_bad = self.first_bad or f"{self.name}, line {row.line}: {row.reason}"
                    self.is_hopeless = self.rows_bad > most_bad
                yield row
                if self.is_hopeless:
                    break
        except UnreadableFile as error:
            self.unreadable = str(error)


class _Lines:
    """The physical lines of a file, unpacked, one at a time and numbered; lines can be given back."""

    def __init__(self, stream: io.BufferedReader, name: str, *, max_bytes: int) -> None:
        self.number = 0  # of the line taken last
        self._name = name
        self._bytes_left = self._max_bytes = max_bytes
        packed = stream.peek(2).startswith(b"\x1f\x8b")
        self._source = gzip.GzipFile(fileobj=stream) if packed else stream
        self._given_back: deque[bytes] = deque()

    def take(self) -> bytes:
        """The next line with its line end; empty at the end of the file."""
        line = self._given_back.popleft() if self._given_back else self._read()
        if line:
            self.number += 1
        return line

    def give_back(self, lines: Sequence[bytes]) -> None:
        """Lets the lines taken last be taken again."""
        self._given_back.extendleft(reversed(lines))
        self.number -= len(lines)

    def unreadable(self, reason: str, *, line: int) -> UnreadableFile:
        """The file's name to a reason and a line; to be raised."""
        return UnreadableFile(self._name, reason, line=line)

    def _read(self) -> bytes:
        number = self.number + 1
        try:
            line = self._source.readline(LONGEST_RECORD + 1)
        except EOFError as error:
            raise self.unreadable("the gzip data ends early: the file is cut off", line=number) from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise self.unreadable(f"the gzip data is damaged ({error})", line=number) from error
        self._bytes_left -= len(line)
        if self._bytes_left < 0:
            raise self.unreadable(f"the file has more than {self._max_bytes} bytes, unpacked", line=number)
        if len(line) > LONGEST_RECORD:
            raise self.unreadable(f"the line is longer than {LONGEST_RECORD} bytes", line=number)
        if b"\0" in line:
            raise self.unreadable("the line holds a NUL byte: the file is binary, or not UTF-8", line=number)
        return line


class _Split(NamedTuple):
    """A text's fields, unquoted, and how it ends: in the middle of a quoted field, or against the rules, or well."""

    fields: list[bytes]
    is_open: bool = False
    broken: str = ""


def _split(text: bytes) -> _Split:
    fields, at = list[bytes](), 0
    while match := _FIELD.match(text, at):
        quoted, closing, plain, end = match.groups()
        if quoted is not None and closing is None:
            return _Split(fields, is_open=True)
        if end is None:
            stray = "quote" if text.startswith(b'"', match.end()) else "carriage return"
            return _Split(fields, broken="text after a closing quote" if closing else f"{stray} in an unquoted field")
        fields.append(plain if quoted is None else quoted.replace(b'""', b'"'))
        if end != b",":
            break
        at = match.end()
    return _Split(fields)


def _row_from(lines: _Lines, line: bytes) -> Row:
    """The row that starts with `line`, the one taken last."""
    number = lines.number
    split = _split(line)
    if split.is_open:
        line, split = _whole_record(lines, line)
    if split.broken:
        return BadRow(number, split.broken, line)
    if len(split.fields) != len(HEADER):
        return BadRow(number, f"{len(HEADER)} fields expected, {len(split.fields)} found", line)
    try:
        cid, review = (field.decode() for field in split.fields)
    except UnicodeDecodeError:
        return BadRow(number, "invalid UTF-8", line)
    if reason := _fault_in_cid(cid) or _fault_in_review(review):
        return BadRow(number, reason, line)
    return ReviewRow(cid, review, number)


def _whole_record(lines: _Lines, first: bytes) -> tuple[bytes, _Split]:
    """The whole record that `first` opens; where there is none, `first` alone and the rule that is broken."""
    number = lines.number
    taken, size = [first], len(first)
    while line := lines.take():
        taken.append(line)
        size += len(line)
        if size > LONGEST_RECORD:
            lines.give_back(taken[1:])
            return first, _Split([], broken=f"quoted field without an end within {LONGEST_RECORD} bytes")
        if b'"' not in line:
            continue
        # A line inside a quoted field reads like a record whose first field has just been opened.
        split = _split(b'"' + line)
        if split.broken:
            lines.give_back(taken[1:])
            return first, split
        if not split.is_open:
            record = b"".join(taken)
            return record, _split(record)
    raise lines.unreadable("the file ends inside a quoted field: it is cut off, or a quote is missing", line=number)


def _fault_in_cid(cid: str) -> str:
    if not cid.strip():
        return "customer id is empty"
    if len(cid.encode()) > LONGEST_CID:
        return f"customer id is longer than {LONGEST_CID} bytes"
    if not (cid.isascii() and cid.isdigit()):
        return "customer id is not made of digits only"
    return f"customer id is larger than {_LARGEST_CID}" if int(cid) > _LARGEST_CID else ""


def _fault_in_review(review: str) -> str:
    if not review or review.isspace():
        return "review is empty"
    return f"review is longer than {LONGEST_REVIEW} bytes" if len(review.encode()) > LONGEST_REVIEW else ""
