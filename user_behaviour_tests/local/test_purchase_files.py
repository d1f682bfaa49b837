"""Purchases as people have them: what each dress of a file comes to, and what is refused, by line and with a remedy."""

import csv
import gzip
import io
import random
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from user_behaviour.local.errors import ShopDataError
from user_behaviour.local.purchase_files import cell_tables
from user_behaviour.local.purchase_lines import Reading, copy_lines
from user_behaviour.local.shop_data import require_empty
from user_behaviour.local.stack import Stack
from user_behaviour_tests.databases import execute
from user_behaviour_tests.graph.installation import sell

OLDER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
NEWER = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country"
LINE = "536365,85123A,LANTERN,6,2010-12-01 08:26:00,2.55,17850,United Kingdom"
LANTERN = ["536365", "85123A", "LANTERN", "6", "2010-12-01 08:26:00", "2.55", "17850", "United Kingdom"]


def taken(path: Path, *, encoding: str = "utf-8", dates: str | None = None) -> list[list[str]]:
    """The lines as COPY gets them."""
    reading = Reading(date(2010, 12, 1), encoding, dates)
    lines = [line for table in cell_tables(path, encoding) for line in copy_lines(table, reading)]
    return list(csv.reader(io.StringIO(b"".join(lines).decode(), newline="")))


def refusal(path: Path, **options: Any) -> str:
    """Why a file is refused, without its path."""
    with pytest.raises(ShopDataError) as refused:
        taken(path, **options)
    return str(refused.value).removeprefix(str(path))


def one(column: str, value: str, *, delimiter: str = ",") -> str:
    """A file of one line that is a lantern but for one value."""
    cells = dict(zip(OLDER.split(","), LANTERN, strict=True)) | {column: value}
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter).writerows([cells.keys(), cells.values()])
    return file.getvalue()


def workbook(path: Path, *sheets: Iterable[Sequence[Any]], epoch: datetime | None = None) -> Path:
    made = Workbook()
    made.remove(made.active)
    made.epoch = epoch or made.epoch
    for rows in sheets:
        sheet = made.create_sheet()
        for row in rows:
            sheet.append(row)
    made.save(path)
    return path


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


MOMENT = datetime.fromisoformat("2010-12-01 08:26:00")
TYPED = (536365, "85123A", "LANTERN", 6, MOMENT, 2.55, 17850, "United Kingdom")

DRESSES: dict[str, bytes] = {
    "as the older file has it": f"{OLDER}\n{LINE}\n".encode(),
    "as the newer file has it": f"{NEWER}\n{LINE.replace('17850', '17850.0')}\n".encode(),
    "without a last line end": f"{OLDER}\n{LINE}".encode(),
    "byte order mark": f"\ufeff{OLDER}\n{LINE}\n".encode(),
    "everything quoted": f"\ufeff{OLDER}\n{LINE}\n".replace(",", '","').replace("I", '"I', 1).encode()
    .replace(b"Country\n", b'Country"\n"').replace(b"Kingdom\n", b'Kingdom"\n'),
    "Windows line ends": f"{OLDER}\r\n{LINE}\r\n".encode(),
    "old Macintosh line ends": f"{OLDER}\r{LINE}\r".encode(),
    "empty lines": f"{OLDER}\n\n{LINE}\n,,,,,,,\n\n".encode(),
    "semicolons": f"{OLDER}\n{LINE}\n".replace(",", ";").encode(),
    "tabs": f"{OLDER}\n{LINE}\n".replace(",", "\t").encode(),
    "another order, other columns, other case": (
        b"n,COUNTRY,Customer_ID,price,invoice date,quantity,description,StockCode,Invoice No,Total\n"
        b"0,United Kingdom,17850,2.55,2010-12-01T08:26,6,LANTERN,85123A,536365,15.30\n"
    ),
    "white space around numbers": one("Quantity", " 6 ").encode(),
    "whole pieces as a float": one("Quantity", "6.0").encode(),
}  # fmt: skip


@pytest.mark.parametrize("dress", DRESSES)
def test_a_file_in_any_dress_is_the_same_lines(dress: str, tmp_path: Path) -> None:
    (plain := tmp_path / "a.csv").write_bytes(DRESSES[dress])
    (packed := tmp_path / "b").write_bytes(gzip.compress(DRESSES[dress]))
    archive = zipped(tmp_path / "c.zip", **{"data/": b"", "data/a.csv": DRESSES[dress], "__MACOSX/data/._a.csv": b"x"})
    assert taken(plain) == taken(packed) == taken(archive) == [LANTERN]


def test_texts_and_blanks_come_through_as_they_are(tmp_path: Path) -> None:
    odd = ' a "b", c;\nd\te\\N\r\n\\. '
    (path := tmp_path / "a.csv").write_text(
        one("Description", odd) + "C1,A,,-1,2010-12-01,-.5, ,EIRE\n", newline=""
    )  # fmt: skip
    (lantern, returned) = taken(path)
    assert lantern[2] == odd
    assert returned == ["C1", "A", "", "-1", "2010-12-01 00:00:00", "-.5", "", "EIRE"]


def test_the_real_lines_are_the_same_in_all_forms_in_which_they_are_published(tmp_path: Path, real_data: Path) -> None:
    """UCI's workbooks, of one sheet and of two; Kaggle's CSV in Latin-1 with American dates, in a zip archive."""
    with gzip.open(real_data / "online_retail.csv.gz", "rt", encoding="utf-8", newline="") as file:
        header, *lines = islice(csv.reader(file), 1001)
    moments = [datetime.fromisoformat(line[4]) for line in lines]
    dates = [f"{one.month}/{one.day}/{one.year} {one.hour}:{one:%M}" for one in moments]
    kaggle = io.StringIO()
    csv.writer(kaggle).writerows(
        [header, *([*row[:4], moment, *row[5:]] for row, moment in zip(lines, dates, strict=True))]
    )
    typed = [
        [int(code) if code.isdigit() else code for code in row[:2]]
        + [row[2], int(row[3]), moment, float(row[5]), int(row[6]) if row[6] else None, row[7]]
        for row, moment in zip(lines, moments, strict=True)
    ]
    uci = workbook(tmp_path / "Online Retail.xlsx", [header, *typed])
    both = workbook(tmp_path / "II.xlsx", [NEWER.split(","), *typed[:400]], [], [NEWER.split(","), *typed[400:]])
    american = zipped(tmp_path / "a.zip", **{"data.csv": kaggle.getvalue().encode("latin-1")})
    one_sheet = zipped(tmp_path / "b.zip", **{"Online Retail.xlsx": uci.read_bytes()})
    expected = [[*row[:5], Decimal(row[5]), *row[6:]] for row in lines]
    for path, encoding in ((american, "latin-1"), (one_sheet, "utf-8"), (both, "utf-8")):
        assert [[*row[:5], Decimal(row[5]), *row[6:]] for row in taken(path, encoding=encoding)] == expected


@pytest.mark.parametrize(
    ("dates", "written", "read"),
    [
        (None, "12/1/2010 8:26", "2010-12-01 08:26:00"),  # the day first, it would be before the calendar
        (None, "12/31/2010 20:26:30", "2010-12-31 20:26:30"),
        (None, "12/12/2010 0:00", "2010-12-12 00:00:00"),
        (None, "2010/12/1 8:26", "2010-12-01 08:26:00"),
        (None, "2010-12-01 08:26:00.5", "2010-12-01 08:26:00.500000"),
        ("month-first", "2/3/2011 8:26", "2011-02-03 08:26:00"),
        ("day-first", "2/3/2011 8:26", "2011-03-02 08:26:00"),
        ("day-first", "31.12.2010", "2010-12-31 00:00:00"),
        ("day-first", "2011-02-03 08:26", "2011-02-03 08:26:00"),
        ("zoned", "2010-12-01 00:26:00+02:00", "2010-11-30 22:26:00"),
        ("zoned", "2010-12-01T08:26:00Z", "2010-12-01 08:26:00"),
        ("zoned", "2010-12-01 08:26:00 -0530", "2010-12-01 13:56:00"),
    ],
)
def test_a_time_is_read_as_it_is_written_or_as_is_said(
    dates: str | None, written: str, read: str, tmp_path: Path
) -> None:
    (path := tmp_path / "a.csv").write_text(one("InvoiceDate", written))
    assert taken(path, dates=dates) == [[*LANTERN[:4], read, *LANTERN[5:]]]


@pytest.mark.parametrize(
    "padded", ["02/03/2011 08:26", "2/3/2011 8:26", "02.03.2011", "1/12/2010 8:26", "01/12/2009 07:45"]
)
def test_a_date_that_can_be_read_in_two_ways_is_refused_unless_another_line_tells(padded: str, tmp_path: Path) -> None:
    (path := tmp_path / "a.csv").write_text(f"{OLDER}\n{LINE}\n{LINE.replace('2010-12-01 08:26:00', padded)}\n")
    assert refusal(path) == (
        f", line 3: InvoiceDate is '{padded}', which can be read in two ways, and no other line tells which; "
        "say it: --dates day-first, or --dates month-first"
    )
    with path.open("a") as file:
        file.write(LINE.replace("2010-12-01 08:26:00", "03/13/2011 08:26"))
    first, second = (int(part) for part in padded.replace(".", "/").split("/")[:2])
    assert taken(path)[1][4][5:10] == f"{first:02}-{second:02}"


NUMBER = "the column takes a number as 1234.5, of at most 5 digits before the point and 3 after it"
WHOLE = "the column takes a whole number of up to 31 bits, as 1200"
MONTH_13 = "there is no month 13; if the day comes first: --dates day-first"
ZONED = "it has a zone, the column has UTC; to convert it: --dates zoned"

REFUSED: dict[tuple[str, str], Sequence[str]] = {
    ("UnitPrice", NUMBER): (
        "NaN", "inf", "-Infinity", "2.5549", "0.0004", "123456", "2,55", "1,234.5", "£2.55", "1e3", "0x1F", "1_0", "٣",
        "", ".",
    ),
    ("Quantity", WHOLE): (
        "6.5", "many", "1,200", "NaN", "2147483648", "-2147483649", "1e3", "0x1F", "1_0", "9" * 5000, "",
    ),
    ("CustomerID", WHOLE): ("11001.5", "nan", "1.1001e4", "2147483648"),
    ("InvoiceDate", "write a time as 2010-12-01 08:26:00"): (
        "now", "infinity", "epoch", "40513.35", "20101201", "12/1/10 8:26", "1 Dec 2010", "2010-12-01 08:26 CET",
        "2010-12-01 08:26:00.1234567", "12/31/2010 1:26 PM", "",
    ),
    ("InvoiceDate", "there is no such time"): (
        "2010-02-30", "2010-12-01 24:26", "2010-12-01 08:60", "13/13/2010", "0000-01-01 00:00:00",
    ),
    ("InvoiceDate", MONTH_13): ("13/12/2010 08:26", "13.12.2010"),
    ("InvoiceDate", ZONED): ("2010-12-01 00:26:00+02:00", "2010-12-01T00:26Z", "12/1/2010 8:26 +0200"),
    ("InvoiceNo", "the column takes 1 to 10 characters"): ("", "5" * 11),
    ("Country", "the column takes 1 to 20 characters"): ("United Kingdom       ",),  # PostgreSQL cuts blanks off
}  # fmt: skip


@pytest.mark.parametrize(
    ("column", "why", "value"), [(*of, value) for of, values in REFUSED.items() for value in values]
)
def test_a_value_that_the_column_cannot_hold_as_it_is_written_is_refused_by_line(
    column: str, why: str, value: str, tmp_path: Path
) -> None:
    (path := tmp_path / "a.csv").write_text(one(column, value))
    assert refusal(path) == f", line 2: {column} is {value[:60]!r}; {why}"


def test_dates_that_leave_the_calendar_in_either_order_are_refused(tmp_path: Path) -> None:
    """Three days of November, the day first: the last alone spoke for the month first, and the file was misread."""
    november = "\n".join(LINE.replace("2010-12-01", f"{day}/11/2010") for day in (10, 11, 12))
    (path := tmp_path / "a.csv").write_text(f"{OLDER}\n{november}\n")
    assert ", line 2: InvoiceDate is '10/11/2010 08:26:00', which can be read in two ways" in refusal(path)


def test_a_gzip_in_a_gzip_is_read(tmp_path: Path) -> None:
    (path := tmp_path / "a.csv.gz").write_bytes(gzip.compress(gzip.compress(one("Quantity", "6").encode())))
    assert taken(path) == [LANTERN]


def test_every_number_is_taken_with_all_its_digits_or_refused(tmp_path: Path) -> None:
    """Prices of up to five decimals, at random: PostgreSQL would round the fourth away, and says nothing."""
    chance = random.Random(1)
    for digits in (chance.randrange(10**4) * 10 ** chance.randrange(4) for _ in range(30)):
        price = f"{digits / 10**5:.5f}"
        (path := tmp_path / "a.csv").write_text(one("UnitPrice", price))
        if digits % 100:
            assert "at most" in refusal(path)
        else:
            assert taken(path)[0][5] == price


TEXT = "this is no text in utf-8; name the file's encoding, as --encoding latin-1 (Kaggle's), cp1252 or utf-16"


def test_bytes_of_another_encoding_are_refused_by_line_and_read_when_it_is_named(tmp_path: Path) -> None:
    pound = f"{OLDER}\n{LINE}\n{LINE.replace('LANTERN', 'VOUCHER £5')}\n"
    (latin := tmp_path / "a.csv").write_bytes(pound.encode("latin-1"))
    assert refusal(latin) == rf", line 3: Description is b'VOUCHER \xa35'; {TEXT}"
    (wide := tmp_path / "b.csv").write_bytes(pound.encode("utf-16"))
    assert refusal(wide).endswith(f"was found; {TEXT}")
    (nul := tmp_path / "c.csv").write_bytes(pound.replace("£", "\0").encode())
    assert refusal(nul) == rf", line 3: Description is b'VOUCHER \x005'; {TEXT}"
    for path, encoding in ((latin, "latin-1"), (latin, "cp1252"), (wide, "utf-16")):
        assert [line[2] for line in taken(path, encoding=encoding)] == ["LANTERN", "VOUCHER £5"]
    assert ", line 1 or below: " in refusal(latin, encoding="utf-16")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", f", line 1: the header {OLDER} was expected, '' was found; InvoiceNo is missing; StockCode is missing; "),
        (f"{OLDER.replace('Quantity,', '')}\n", "was found; Quantity is missing"),
        (f"{OLDER},Price\n{LINE},1\n", "was found; UnitPrice is there twice"),
        (f"{OLDER}\n536365,85123A\n", ", line 2: it has 2 cells, the header has 8"),
        (f"{OLDER}\n{LINE},more\n", ", line 2: it has 9 cells, the header has 8"),
        (one("Description", "two\nlines") + "1,2\n", ", line 4: it has 2 cells, the header has 8"),
        (f'{OLDER}\n{LINE}\n"5,A,B\n{LINE}\n', ", line 3: unexpected end of data"),
        (f'{OLDER}\n{LINE}\n"5"5,A\n', ", line 3: ',' expected after '\"'"),
        (f"{OLDER}\n{'5' * 200_000}\n", ", line 2: the line has more than 131,072 characters"),
    ],
)  # fmt: skip
def test_a_table_that_is_no_table_of_purchases_is_refused_by_line(content: str, said: str, tmp_path: Path) -> None:
    (path := tmp_path / "a.csv").write_text(content)
    assert said in refusal(path)


def test_a_gzip_that_holds_one_endless_line_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    (path := tmp_path / "a.gz").write_bytes(gzip.compress(bytes(100_000_000), 1))
    assert refusal(path) == ", line 1: the line has more than 131,072 characters"


def test_an_archive_holds_one_file_that_can_be_opened(tmp_path: Path) -> None:
    file = f"{OLDER}\n{LINE}\n".encode()
    two, none = zipped(tmp_path / "a.zip", **{"a.csv": file, "b.csv": file}), zipped(tmp_path / "b.zip", **{"c/": b""})
    assert refusal(two) == " holds 2 files (a.csv, b.csv); unpack it, and name what to load"
    assert refusal(none) == " holds 0 files (nothing); unpack it, and name what to load"
    locked = zipped(tmp_path / "c.zip", **{"a.csv": file}).read_bytes()
    for record, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = locked.index(record) + flags
        locked = locked[:at] + b"\x01" + locked[at + 1 :]
    (path := tmp_path / "d.zip").write_bytes(locked)
    assert refusal(path) == " is packed with a password; unpack it, and name what to load"


def test_a_workbook_is_read_by_what_its_cells_are(tmp_path: Path) -> None:
    texts = ("536365", "85123A", "LANTERN", "6.0", "2010-12-01 08:26", "2.55", "17850.0", "United Kingdom")
    rows = [[], [*OLDER.split(","), "Total"], (*TYPED, "=D3*F3"), [], texts, (*TYPED[:6], None, "EIRE", None, None)]
    expected = [LANTERN, LANTERN, [*LANTERN[:6], "", "EIRE"]]
    assert taken(workbook(tmp_path / "a.xlsx", rows)) == expected
    assert taken(workbook(tmp_path / "b.xlsx", [], rows, epoch=CALENDAR_MAC_1904)) == expected


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("CustomerID", "#N/A", "CustomerID is '#N/A', an error; write a plain value in its place"),
        ("UnitPrice", "=1+1", "UnitPrice is '=1+1', a formula; write a plain value in its place"),
        ("Quantity", True, "Quantity is 'True', a truth value; write a plain value in its place"),
        ("InvoiceDate", time(8), "InvoiceDate is '08:00:00', a time without a day; write a plain value in its place"),
        ("InvoiceDate", 40513.35, "InvoiceDate is '40513.35'; write a time as 2010-12-01 08:26:00"),
        ("StockCode", MOMENT, "StockCode is 2010-12-01 08:26:00; make that date a text or a number"),
        ("UnitPrice", 2.5549, f"UnitPrice is '2.5549'; {NUMBER}"),
        ("UnitPrice", 1e-5, f"UnitPrice is '0.00001'; {NUMBER}"),
        ("Quantity", 1e300, f"Quantity is '{str(int(1e300))[:60]}'; {WHOLE}"),
    ],
)  # fmt: skip
def test_a_cell_of_a_workbook_that_holds_no_such_value_is_refused_by_sheet_and_line(
    column: str, value: object, said: str, tmp_path: Path
) -> None:
    cells = dict(zip(OLDER.split(","), TYPED, strict=True)) | {column: value}
    path = workbook(tmp_path / "a.xlsx", [OLDER.split(","), TYPED, list(cells.values())])
    assert refusal(path) == f", sheet 'Sheet', line 3: {said}"


def test_a_workbook_that_cannot_be_read_says_what_to_do(tmp_path: Path) -> None:
    (old := tmp_path / "a.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504))
    assert refusal(old) == " is an .xls workbook, or one with a password; save it as .xlsx without one"
    other = zipped(tmp_path / "b.xlsx", **{"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<document/>"})
    assert refusal(other).startswith(" cannot be read as a workbook (")
    whole = zipfile.ZipFile(workbook(tmp_path / "whole.xlsx", [OLDER.split(","), TYPED]))
    parts = {name: whole.read(name) for name in whole.namelist()}
    parts["xl/worksheets/sheet1.xml"] = parts["xl/worksheets/sheet1.xml"][:-100]
    assert refusal(zipped(tmp_path / "cut.xlsx", **parts)).startswith(", sheet 'Sheet', cannot be read below line ")
    assert refusal(workbook(tmp_path / "c.xlsx", [], [])) == " has no sheet that holds anything"
    far = workbook(tmp_path / "d.xlsx", [OLDER.split(","), TYPED, [], [*TYPED, *[None] * 16000, "x"]])
    assert refusal(far) == ", sheet 'Sheet', line 4: it has 16009 cells, the header has 8"


def test_a_source_that_holds_purchases_is_not_filled(stack: Stack) -> None:
    """Where it is not the embedded one: the sample, or a file, would take the place of a shop's purchases."""
    shop = stack.endpoints().shop
    sell(stack, [("2199-01-01 08:00:00", 3, "2.500", "A", 12346)])

    try:
        with pytest.raises(
            ShopDataError, match="USER_BEHAVIOUR_SOURCE_URL holds purchases, and only an empty one is f"
        ):
            require_empty(shop)
    finally:
        execute(shop, "delete from retail.user_purchase where invoice_date >= '2199-01-01'")
