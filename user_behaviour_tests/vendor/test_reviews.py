"""Reading a vendor's review file: which day, which rows, what is unusable and where, and what comes out as Arrow."""

import gzip
import subprocess
import sys
from datetime import date

import pytest

from user_behaviour.recipes import Quarantined
from user_behaviour.tables.schemas import QUARANTINED_REVIEWS, RAW_REVIEWS
from user_behaviour.vendor.file_name import day_of
from user_behaviour.vendor.landing import BATCH_CHARACTERS, BATCH_ROWS, batches
from user_behaviour.vendor.review_file import LONGEST_RECORD, BadRow, ReviewRow
from user_behaviour_tests.vendor.files import FIRST, HEADER, rows_of

UNUSABLE = [
    (b"5\n", "2 fields expected, 1 found"),
    (b"   \n", "2 fields expected, 1 found"),
    (b'""\n', "2 fields expected, 1 found"),
    (b"5,a,b\r\n", "2 fields expected, 3 found"),
    (b'5,"a\nb",c\n', "2 fields expected, 3 found"),
    (b",,,\n", "2 fields expected, 4 found"),
    (b",good\n", "customer id is empty"),
    (b'"",good\n', "customer id is empty"),
    ("\u2003 ,good\n".encode(), "customer id is empty"),
    (b"12345678901,good\n", "customer id is longer than 10 bytes"),
    (b"9" * 5000 + b",good\n", "customer id is longer than 10 bytes"),
    (b"2147483648,good\n", "customer id is larger than 2147483647"),
    (b"17850.0,good\n", "customer id is not made of digits only"),
    (b"-5,good\n", "customer id is not made of digits only"),
    (b" 5,good\n", "customer id is not made of digits only"),
    (b'"5\n",good\n', "customer id is not made of digits only"),
    ("٥,good\n".encode(), "customer id is not made of digits only"),
    ("²,good\n".encode(), "customer id is not made of digits only"),
    (b"\xef\xbb\xbf5,good\n", "customer id is not made of digits only"),
    (b"5,\n", "review is empty"),
    (b'5,""\n', "review is empty"),
    (b'5," \n\t "\n', "review is empty"),
    (b"5," + b"x" * 65536 + b"\n", "review is longer than 65535 bytes"),
    (b"5," + "ü".encode() * 32768 + b"\n", "review is longer than 65535 bytes"),
    (b"5," + b"x" * 900_000 + b"\n", "review is longer than 65535 bytes"),
    (b"5,caf\xe9\n", "invalid UTF-8"),
    (b"5,\xed\xa0\x80\n", "invalid UTF-8"),
    (b"\xff,good\n", "invalid UTF-8"),
    (b'5,"a\nb\xc3"\n', "invalid UTF-8"),
    (b'5,he said "x"\n', "quote in an unquoted field"),
    (b'5, "x"\n', "quote in an unquoted field"),
    (b'5,"he said "x" to me"\n', "text after a closing quote"),
    (b'5,"x" \n', "text after a closing quote"),
    (b"5,a\rb\n", "carriage return in an unquoted field"),
    (b"5,a\r\r\n", "carriage return in an unquoted field"),
]


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("movie_review_2010-12-01.csv", date(2010, 12, 1)),
        ("movie_review_2010-12-01.csv.gz", date(2010, 12, 1)),
        ("movie_review_2010-12-01_late.csv.gz", date(2010, 12, 1)),
        ("movie_review_2012-02-29 (2).csv", date(2012, 2, 29)),
        ("landing/of the vendor/movie_review_2010-12-01.csv", date(2010, 12, 1)),
        ("review.csv", None),
        ("movie_review_2010-12-01.txt", None),
        ("movie_review_2010-12-01.csv.tmp", None),
        ("movie_review_2010-12-01.csv\n", None),
        ("movie_review_2010-12-01.csv.gz.part", None),
        ("movie_review_2010-12-01.CSV", None),
        (".movie_review_2010-12-01.csv", None),
        ("old_movie_review_2010-12-01.csv", None),
        ("movie_review_2010-13-01.csv", None),
        ("movie_review_2011-02-30.csv", None),
        ("movie_review_0000-01-01.csv", None),
        ("movie_review_20101201.csv", None),
        ("movie_review_2010-12-1.csv", None),
        ("movie_review_٢٠١٠-12-01.csv", None),
        ("movie_review_2010-12-01.csv/part-0", None),
        (f"movie_review_2010-12-01{'x' * 300}.csv", None),
        ("movie_review_2010-12-01\udcff.csv", None),  # a name that is not UTF-8
        ("", None),
    ],
)
def test_the_day_is_the_one_in_the_name(name: str, day: date | None) -> None:
    assert day_of(name) == day


def test_rows_keep_their_text_and_the_line_on_which_they_start() -> None:
    content = (
        HEADER
        + b'17850,plain\r\n"13047","said ""so"", and so"\n\n12583,"first\r\nsecond\n\nfourth\n"\n\r\n99,"""",\n98,end'
    )
    assert rows_of(content) == [
        ReviewRow("17850", "plain", 2),
        ReviewRow("13047", 'said "so", and so', 3),
        ReviewRow("12583", "first\r\nsecond\n\nfourth\n", 5),
        BadRow(11, "2 fields expected, 3 found", b'99,"""",\n'),
        ReviewRow("98", "end", 12),
    ]


@pytest.mark.parametrize("header", [b"cid,review_str\n", b"cid,review_str\r\n", b'"cid","review_str"\n'])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_every_spelling_of_the_header_and_the_packing_reads_the_same(header: bytes, bom: bytes, pack: type) -> None:
    assert rows_of(pack(bom + header + "1,schön\n".encode())) == [ReviewRow("1", "schön", 2)]


def test_a_header_without_rows_is_an_empty_file_that_can_be_read() -> None:
    assert rows_of(b"cid,review_str") == rows_of(HEADER) == rows_of(HEADER + b"\n\r\n\n") == []


@pytest.mark.parametrize(("raw", "reason"), UNUSABLE)
def test_an_unusable_row_is_quarantined_with_line_reason_and_raw_bytes(raw: bytes, reason: str) -> None:
    content = HEADER + b'1,"two\nlines"\n' + raw + b"2,after\n"
    after = 4 + raw.count(b"\n")
    assert rows_of(content) == [ReviewRow("1", "two\nlines", 2), BadRow(4, reason, raw), ReviewRow("2", "after", after)]


def test_the_longest_values_are_still_good() -> None:
    content = HEADER + b"2147483647," + b"x" * 65535 + b"\n0000000001," + "ü".encode() * 32767 + b"\n"
    assert rows_of(content) == [ReviewRow("2147483647", "x" * 65535, 2), ReviewRow("0000000001", "ü" * 32767, 3)]


def test_a_missing_closing_quote_costs_its_own_row_and_not_its_neighbours() -> None:
    content = HEADER + b'1,"never closed\n2,two\n\n3,"three"\n4,four\n'
    assert rows_of(content) == [
        BadRow(2, "text after a closing quote", b'1,"never closed\n'),
        ReviewRow("2", "two", 3),
        ReviewRow("3", "three", 5),
        ReviewRow("4", "four", 6),
    ]


@pytest.mark.parametrize("line", [b"2,two\n", b'2,""""\n', b"\n"])
def test_a_quote_that_stays_open_for_too_long_costs_its_own_row_only(line: bytes) -> None:
    followers = LONGEST_RECORD // len(line) + 10
    first, *others = rows_of(HEADER + b'1,"never closed\n' + line * followers)
    assert first == BadRow(2, f"quoted field without an end within {LONGEST_RECORD} bytes", b'1,"never closed\n')
    assert len(others) == (0 if line == b"\n" else followers)
    assert all(isinstance(row, ReviewRow) and row.line == number for number, row in enumerate(others, start=3))


def test_reviews_become_batches_of_the_declared_schema() -> None:
    (batch,) = batches([("a.csv", ReviewRow("1", "good", 2)), ("b.csv", ReviewRow("3", "fine", 5))])
    assert batch.schema == RAW_REVIEWS.without("batch_id").arrow_schema()
    assert batch.to_pylist() == [
        {"cid": "1", "review_str": "good", "source_file": "a.csv", "line_number": 2},
        {"cid": "3", "review_str": "fine", "source_file": "b.csv", "line_number": 5},
    ]


@pytest.mark.parametrize(
    ("review", "sizes"),
    [
        ("good", [BATCH_ROWS, BATCH_ROWS, 1000]),
        ("x" * 64_000, [BATCH_CHARACTERS // 64_000 + 1] * 2 + [6]),
        ("", []),
    ],
)
def test_batches_are_bounded_in_rows_and_in_text(review: str, sizes: list[int]) -> None:
    found = batches((FIRST, ReviewRow("1", review, n)) for n in range(sum(sizes)))
    assert [batch.num_rows for batch in found] == sizes


def test_bad_rows_of_several_files_become_batches_with_their_raw_bytes() -> None:
    rows = [("a.csv", BadRow(3, "invalid UTF-8", b"5,\xe9\n")), ("b.csv.gz", BadRow(2, "review is empty", b"5,\n"))]
    (found,) = batches(rows)
    assert isinstance(found, Quarantined)
    assert found.rows.schema == QUARANTINED_REVIEWS.arrow_schema()
    assert found.rows.to_pylist() == [
        {"source_file": "a.csv", "line_number": 3, "reason": "invalid UTF-8", "raw": b"5,\xe9\n"},
        {"source_file": "b.csv.gz", "line_number": 2, "reason": "review is empty", "raw": b"5,\n"},
    ]


def test_large_bad_rows_share_a_batch_with_reviews_only_as_far_as_it_goes() -> None:
    raw = b"x" * (BATCH_CHARACTERS // 2)
    found = list(
        batches([(FIRST, BadRow(2, "", raw)), (FIRST, ReviewRow("1", "good", 3)), (FIRST, BadRow(4, "", raw))])
    )
    assert [batch.rows.num_rows if isinstance(batch, Quarantined) else -batch.num_rows for batch in found] == [-1, 2]


def test_importing_the_module_does_not_import_arrow() -> None:
    program = "import sys, user_behaviour.vendor.review_file; sys.exit('pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
