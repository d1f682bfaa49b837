"""The sample vendor's files: repeatable, of the promised size, well-formed but for a few rows, worth classifying."""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
from collections import Counter
from datetime import date, timedelta
from typing import NamedTuple

import pytest

from user_behaviour.sample.shop import Shop
from user_behaviour.sample.vendor import Defect, Vendor

DAYS = [date(2010, 12, 1) + timedelta(n) for n in range(374)]
Row = list[str]


class File(NamedTuple):
    """A vendor's file as read; bytes that are no UTF-8 are surrogates."""

    content: bytes
    rows: list[Row]

    @property
    def usable(self) -> list[Row]:
        return [row for row in self.rows if not defect(row)]

    @property
    def unusable(self) -> int:
        return len(self.rows) - len(self.usable)


class Day(NamedTuple):
    files: dict[str, File]
    reviews: list[tuple[str, str, bool]]
    """Customer and text of each usable row, with its sentiment."""


def defect(row: Row) -> Defect | None:
    """Why a row is unusable, judged from the row alone."""
    if len(row) != 2:
        return Defect.WRONG_FIELD_COUNT
    cid, review = row
    found = {
        Defect.EMPTY_CUSTOMER: not cid,
        Defect.OVERLONG_CUSTOMER: len(cid.encode()) > 10 and cid.isdecimal(),
        Defect.NON_NUMERIC_CUSTOMER: bool(cid) and not cid.isdecimal(),
        Defect.EMPTY_REVIEW: not review.strip(),
        Defect.INVALID_UTF8: re.search("[\ud800-\udfff]", review) is not None,
    }
    return next((kind for kind, is_so in found.items() if is_so), None)


def read(vendor: Vendor, day: date) -> Day:
    files = {}
    for name, content in vendor.files(day).items():
        plain = gzip.decompress(content) if name.endswith(".gz") else content
        text = io.StringIO(plain.decode("utf-8-sig", errors="surrogateescape"), newline="")
        header, *rows = csv.reader(text, strict=True)
        assert header == ["cid", "review_str"]
        files[name] = File(plain, rows)
    usable = [row for file in files.values() for row in file.usable]
    # As many sentiments as usable rows, or `strict` would say so.
    reviews = [(cid, text, liked) for (cid, text), liked in zip(usable, vendor.truth(day).tolist(), strict=True)]
    return Day(files, reviews)


@pytest.fixture(scope="module")
def vendor() -> Vendor:
    return Vendor(Shop(7))


@pytest.fixture(scope="module")
def year(vendor: Vendor) -> dict[date, Day]:
    return {day: read(vendor, day) for day in DAYS}


@pytest.fixture(scope="module")
def files(year: dict[date, Day]) -> list[File]:
    return [file for day in year.values() for file in day.files.values()]


def test_a_day_is_the_same_whatever_was_generated_before(year: dict[date, Day]) -> None:
    day = date(2011, 10, 5)
    assert read(Vendor(Shop(7)), day) == year[day]


def test_scale_1_has_the_size_of_the_real_vendor(year: dict[date, Day]) -> None:
    sizes = [sum(len(file.rows) for file in day.files.values()) for day in year.values() if day.files]
    assert len(sizes) == 305
    assert 23_500 < sum(sizes) < 26_800
    assert min(sizes) > 15
    assert max(sizes) < 350


def test_reviews_multiply_with_the_scale_and_never_run_out() -> None:
    large, small = (len(read(Vendor(Shop(7, scale)), date(2011, 6, 8)).reviews) for scale in (10, 1))
    assert 9.5 < large / small < 10.5
    tiny = Vendor(Shop(7, 0.01))
    assert all(len(read(tiny, day).reviews) >= 5 for day in DAYS[5:30] if tiny.shop.buyers(day).size)


def test_files_come_on_trading_days_alone(year: dict[date, Day]) -> None:
    assert [day for day, found in year.items() if found.files and day.weekday() == 5] == []
    assert year[date(2010, 12, 4)] == Day({}, [])


def test_names_and_forms_are_those_that_vendors_use(year: dict[date, Day], files: list[File]) -> None:
    names = [(day, name) for day, found in year.items() for name in found.files]
    assert all(re.fullmatch(rf"movie_review_{day}(_2)?\.csv(\.gz)?", name) for day, name in names)
    assert {".csv", ".csv.gz", "_2.csv"} <= {name.removeprefix(f"movie_review_{day}") for day, name in names}
    assert 5 < sum(file.content.startswith(b"\xef\xbb\xbf") for file in files) < len(files) / 2
    assert 5 < sum(b"cid,review_str\r\n" in file.content for file in files) < len(files) / 2


def test_reviews_have_markup_quotes_newlines_and_many_lengths(year: dict[date, Day]) -> None:
    texts = [text for day in year.values() for _, text, _ in day.reviews]
    for sign in ("<br /><br />", '"', "'", "\n", "\r\n", "é", ","):
        assert sum(sign in text for text in texts) > 0.01 * len(texts)
    lengths = sorted(len(text.encode()) for text in texts)
    assert lengths[len(lengths) // 20] < 250
    assert 600 < lengths[len(lengths) // 2] < 1_400
    assert 2_000 < lengths[-1] < 65_535


def test_unusable_rows_stay_below_one_in_a_hundred_of_every_file_and_day(files: list[File]) -> None:
    """Of a day too, since it has no more rows than its files."""
    assert [file for file in files if file.unusable > 0.0099 * len(file.rows)] == []


def test_every_defect_occurs(files: list[File]) -> None:
    assert {found for file in files for row in file.rows if (found := defect(row))} == set(Defect)


def test_seven_in_ten_reviewers_bought_on_the_day(vendor: Vendor, year: dict[date, Day]) -> None:
    bought = [
        cid in buyers
        for day in DAYS[:120]
        if (buyers := {str(customer) for customer in vendor.shop.buyers(day).tolist()})
        for cid, _, _ in year[day].reviews
    ]
    assert 0.67 < sum(bought) / len(bought) < 0.74


def test_half_of_the_reviews_are_positive(year: dict[date, Day]) -> None:
    truth = [liked for day in year.values() for _, _, liked in day.reviews]
    assert 0.45 < sum(truth) / len(truth) < 0.62


def test_the_token_good_alone_is_an_imperfect_classifier(year: dict[date, Day]) -> None:
    judged = [("good" in text.lower().split(), liked) for day in year.values() for _, text, liked in day.reviews]
    assert 0.55 < sum(good == liked for good, liked in judged) / len(judged) < 0.85
    disliked = [good for good, liked in judged if not liked]
    assert 0.15 < sum(disliked) / len(disliked) < 0.45


def test_the_words_tell_the_sentiment_far_better_than_good_alone(year: dict[date, Day]) -> None:
    """A naive Bayes classifier, taught by every other day and judged on the days between."""
    trading = [day.reviews for day in year.values() if day.files][:120]
    counts: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for _, text, liked in (review for reviews in trading[0::2] for review in reviews):
        counts[liked].update(set(text.lower().split()))
    weight = {word: math.log((counts[True][word] + 1) / (counts[False][word] + 1)) for word in counts[True]}
    right = [
        (sum(weight.get(word, 0.0) for word in set(text.lower().split())) > 0) == liked
        for reviews in trading[1::2]
        for _, text, liked in reviews
    ]
    assert 0.80 < sum(right) / len(right) < 0.99
