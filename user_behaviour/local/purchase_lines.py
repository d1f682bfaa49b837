"""Purchase lines out of tables of cells: every value as PostgreSQL reads it, unaltered, or refused with its line.

What can be read in two ways is read as the caller says (`Reading`); nothing is rounded, cut off or guessed.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache, partial
from operator import itemgetter

from user_behaviour.local.errors import ShopDataError
from user_behaviour.local.purchase_files import Cell, CellTable, NoValue, is_text
from user_behaviour.tables.schemas import RAW_PURCHASES
from user_behaviour.tables.table import Column

MONTH_FIRST, DAY_FIRST, ZONED = DATES = ("month-first", "day-first", "zoned")
COLUMNS = RAW_PURCHASES.without("batch_id").columns

# What the public files call the columns, the older file first; case and spaces aside.
_NAMES = (
    ("InvoiceNo", "Invoice"), ("StockCode",), ("Description",), ("Quantity",),
    ("InvoiceDate",), ("UnitPrice", "Price"), ("CustomerID",), ("Country",),
)  # fmt: skip
_HEADER = tuple(names[0] for names in _NAMES)
_SAME_AS = {name.casefold(): names[0] for names in _NAMES for name in names}

_WHOLE = re.compile(r"([+-]?[0-9]{1,15})(?:\.0*)?")
_PRICE = re.compile(r"[+-]?0*(?:[0-9]{1,5}(?:\.[0-9]{0,3}0*)?|\.[0-9]{1,3}0*)")
_MOMENT = re.compile(
    r"(?:(?P<year>\d{4})(?P<sign>[-/])(?P<month>\d\d?)(?P=sign)(?P<day>\d\d?)"
    r"|(?P<first>\d\d?)(?P<dot>[-/.])(?P<second>\d\d?)(?P=dot)(?P<last>\d{4}))"
    r"(?:[T ]+(?P<hour>\d\d?)(?P<rest>:\d\d(?::\d\d(?:\.\d{1,6})?)?) ?(?P<zone>Z|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII | re.IGNORECASE,
)
_REMEMBERED = 1 << 15  # cells of each column


@dataclass(frozen=True)
class Reading:
    """What a file does not say: the `encoding` of CSV; of DATES the order of day and month, or that zones are meant.

    Without an order the month is read first, as Kaggle's file has it, if the table bears it out: by a day after the
    12th, or by a date that would be before `first_day`, with which the calendar begins, were the day first, while none
    is so with the month first.
    """

    first_day: date
    encoding: str = "utf-8"
    dates: str | None = None


class _Refusal(Exception):
    """Why a header, a line or a value cannot be taken."""


def copy_lines(table: CellTable, reading: Reading) -> Iterator[bytes]:
    """The lines of a table, as `COPY … (format csv)` takes them into COLUMNS. Raises `ShopDataError`."""
    line, header = next(table.rows, (1, ("",)))
    moments = _Moments(reading)
    try:
        in_order = itemgetter(*_order([str(cell) for cell in header], reading.encoding))
        readers = _readers(reading.encoding, moments)
        for line, cells in table.rows:
            if len(cells) != len(header):
                raise _Refusal(f"it has {len(cells)} cells, the header has {len(header)}")
            moments.line = line
            yield f"{','.join([read(cell) for read, cell in zip(readers, in_order(cells), strict=True)])}\n".encode()
        line = moments.undecided_line or line
        moments.require_order()
    except _Refusal as refusal:
        raise ShopDataError(f"{table.place}, line {line}: {refusal}") from refusal


def _order(header: Sequence[str], encoding: str) -> list[int]:
    """Where in a row each column stands; other columns are left out."""
    names = [_SAME_AS.get(re.sub(r"[\s_]", "", name).casefold()) for name in header]
    wrong = [f"{name} is {'there twice' if name in names else 'missing'}" for name in _HEADER if names.count(name) != 1]
    if wrong:
        found = ",".join(header)
        remedy = "; ".join(wrong) if is_text(found) else _remedy(encoding)
        raise _Refusal(f"the header {','.join(_HEADER)} was expected, {_shown(found)} was found; {remedy}")
    return [names.index(name) for name in _HEADER]


def _readers(encoding: str, moments: "_Moments") -> Sequence[Callable[[Cell], str]]:
    """What makes of the cells of each column what COPY takes; they repeat, and most are only found again."""
    numbers = {"int": _whole, "decimal(8,3)": _price, "timestamp": moments.read}
    readers = []
    for name, column in zip(_HEADER, COLUMNS, strict=True):
        convert = partial(_text, column.max_bytes, encoding) if column.max_bytes else numbers[column.type]
        readers.append(lru_cache(_REMEMBERED)(partial(_read, name, column, convert)))
    return readers


def _read(name: str, column: Column, convert: Callable[[str], str], cell: Cell) -> str:
    try:
        if isinstance(cell, NoValue):
            raise _Refusal("write a plain value in its place")
        if isinstance(cell, datetime):
            if column.type != "timestamp":
                raise _Refusal("make that date a text or a number")
            return cell.isoformat(" ")
        text = cell if column.max_bytes else cell.strip()
        return convert(text) if text or not column.nullable else ""
    except _Refusal as refusal:
        raise _Refusal(f"{name} is {_shown(cell)}; {refusal}") from None


def _shown(cell: Cell) -> str:
    if not isinstance(cell, str):
        return str(cell)
    return repr(cell[:60] if is_text(cell) else cell[:60].encode(errors="surrogateescape"))


def _text(limit: int, encoding: str, text: str) -> str:
    if not is_text(text):
        raise _Refusal(_remedy(encoding))
    if not 0 < len(text) <= limit:
        raise _Refusal(f"the column takes 1 to {limit} characters")
    quoted = text.replace('"', '""')
    return f'"{quoted}"'


def _remedy(encoding: str) -> str:
    return (
        f"this is no text in {encoding}; name the file's encoding, as --encoding latin-1 (Kaggle's), cp1252 or utf-16"
    )


def _whole(text: str) -> str:
    match = _WHOLE.fullmatch(text)
    if not match or not -(1 << 31) <= int(match[1]) < 1 << 31:
        raise _Refusal("the column takes a whole number of up to 31 bits, as 1200")
    return str(int(match[1]))


def _price(text: str) -> str:
    if not _PRICE.fullmatch(text):
        raise _Refusal("the column takes a number as 1234.5, of at most 5 digits before the point and 3 after it")
    return text


class _Moments:
    """Reads times, and finds out whether the month comes first where that is not said."""

    def __init__(self, reading: Reading) -> None:
        self.line = 0
        self.undecided_line = 0
        self._reading = reading
        self._undecided = ""
        self._borne_out = reading.dates in (MONTH_FIRST, DAY_FIRST)
        self._in_calendar = set[bool]()  # of dates that the day first would put before the calendar

    def read(self, text: str) -> str:
        """A time as PostgreSQL reads it, in UTC."""
        if not (match := _MOMENT.fullmatch(text)):
            raise _Refusal("write a time as 2010-12-01 08:26:00")
        if match["zone"] and self._reading.dates != ZONED:
            raise _Refusal(f"it has a zone, the column has UTC; to convert it: --dates {ZONED}")
        time = f"{int(match['hour'] or 0):02}{match['rest'] or ':00'}{(match['zone'] or '').upper()}"
        try:
            moment = datetime.fromisoformat(f"{self._day(match, text)}T{time}")
            return str(moment.astimezone(UTC).replace(tzinfo=None) if match["zone"] else moment)
        except (ValueError, OverflowError):
            raise _Refusal("there is no such time") from None

    def require_order(self) -> None:
        """Refuses a table of dates of which nothing says how to read them."""
        if self._undecided and not self._borne_out and self._in_calendar != {True}:
            raise _Refusal(
                f"InvoiceDate is {self._undecided!r}, which can be read in two ways, and no other line tells which; "
                f"say it: --dates {DAY_FIRST}, or --dates {MONTH_FIRST}"
            )

    def _day(self, match: re.Match[str], text: str) -> date:
        if match["year"]:
            return date(int(match["year"]), int(match["month"]), int(match["day"]))
        first, second, year = int(match["first"]), int(match["second"]), int(match["last"])
        if self._reading.dates == DAY_FIRST:
            return date(year, second, first)
        if first > 12 >= second and self._reading.dates != MONTH_FIRST:
            raise _Refusal(f"there is no month {first}; if the day comes first: --dates {DAY_FIRST}")
        day = date(year, first, second)
        if second > 12:
            self._borne_out = True
        elif first != second:
            if min(day, date(year, second, first)) < self._reading.first_day:
                self._in_calendar.add(day >= self._reading.first_day)
            if not self._undecided:
                self._undecided, self.undecided_line = text, self.line
        return day
