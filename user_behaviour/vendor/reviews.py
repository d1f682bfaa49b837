"""A vendor's review file, read strictly, row by row, losing nothing.

Here: which day a file's name says, the CSV dialect, what makes a row or a whole file unusable. Not here: where the
files lie, how bad rows are weighed, what becomes of the rows. Memory does not grow with the file.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from user_behaviour.tables.schemas import RAW_REVIEWS
from user_behaviour.vendor.lines import LONGEST_RECORD, Lines, UnreadableFile

HEADER = (b"cid", b"review_str")

_NAME = re.compile(r"movie_review_([0-9]{4}-[0-9]{2}-[0-9]{2})[^\x00-\x1f]*\.csv(?:\.gz)?")
_FIELD = re.compile(rb'(?:"([^"]*+(?:""[^"]*+)*+)(")?|([^",\r\n]*+))(,|(?:\r?\n)?\Z)?')
_BOM = b"\xef\xbb\xbf"
_LARGEST_CID = 2**31 - 1  # customer ids are of type int in the shop
_MAX_BYTES = {column.name: column.max_bytes or 0 for column in RAW_REVIEWS.columns}


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One review that can be used. `line` is the line on which it starts; the header is line 1."""

    cid: str
    review: str
    line: int


@dataclass(frozen=True, slots=True)
class BadRow:
    """One row that cannot be used: where it starts, why, and its bytes with their line end, unchanged.

    The reason never repeats the row's content, so it may be logged.
    """

    line: int
    reason: str
    raw: bytes


def day_of(name: str) -> date | None:
    """The day that a vendor file's name says, or None for a foreign name and for a day that no calendar has.

    The vendor's names are `movie_review_YYYY-MM-DD*.csv` and `….csv.gz`, case included; of a path the last component
    counts. A name too long for the column `source_file` is foreign.
    """
    name = name.rpartition("/")[2]
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    try:
        # A name that is not UTF-8 could not stand in the column either.
        return date.fromisoformat(match.group(1)) if len(name.encode()) <= _MAX_BYTES["source_file"] else None
    except ValueError:
        return None


def read_rows(stream: io.BufferedReader, name: str, *, max_bytes: int) -> Iterator[ReviewRow | BadRow]:
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
    lines = Lines(stream, name, max_bytes=max_bytes)
    header = lines.take()
    if not header.removeprefix(_BOM):
        raise UnreadableFile(name, "the file is empty, without even a header")
    if _split(header.removeprefix(_BOM)) != _Split(list(HEADER)):
        found = header[:60].decode("utf-8", "backslashreplace")
        raise lines.unreadable(f"the header {b','.join(HEADER).decode()} was expected, {found!a} was found", line=1)
    while line := lines.take():
        if line not in (b"\n", b"\r\n"):
            yield _row_from(lines, line)


class _Split(NamedTuple):
    """A text's fields, unquoted, and how it ends: in the middle of a quoted field, or against the rules, or well."""

    fields: list[bytes]
    is_open: bool = False
    broken: str = ""


def _split(text: bytes) -> _Split:
    fields: list[bytes] = []
    at = 0
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


def _row_from(lines: Lines, line: bytes) -> ReviewRow | BadRow:
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


def _whole_record(lines: Lines, first: bytes) -> tuple[bytes, _Split]:
    """The whole record that `first` opens; where there is none, `first` alone and the rule that is broken."""
    number = lines.number
    taken = [first]
    size = len(first)
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
    if len(cid.encode()) > _MAX_BYTES["cid"]:
        return f"customer id is longer than {_MAX_BYTES['cid']} bytes"
    if not (cid.isascii() and cid.isdigit()):
        return "customer id is not made of digits only"
    return f"customer id is larger than {_LARGEST_CID}" if int(cid) > _LARGEST_CID else ""


def _fault_in_review(review: str) -> str:
    if not review or review.isspace():
        return "review is empty"
    limit = _MAX_BYTES["review_str"]
    return f"review is longer than {limit} bytes" if len(review.encode()) > limit else ""
