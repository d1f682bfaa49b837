"""The sample vendor's files: repeatable, of the promised size, well-formed but for a little dirt, worth classifying."""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
import subprocess
import sys
from collections import Counter
from datetime import date, timedelta
from hashlib import sha256
from typing import NamedTuple

import pytest

from user_behaviour.sample.shop import Shop
from user_behaviour.sample.vendor import Dirt, Vendor, VendorDrop

FIRST, LAST = date(2010, 12, 1), date(2011, 12, 9)
DAYS = [FIRST + timedelta(n) for n in range((LAST - FIRST).days + 1)]


class DayRead(NamedTuple):
    drops: tuple[VendorDrop, ...]
    files: list[list[list[str]]]
    """The rows of each file, undecodable bytes as surrogates."""
    faults: list[list[tuple[int, Dirt]]]
    """The unusable rows of each file, by position."""
    usable: list[list[str]]
    truth: list[bool]

    @property
    def size(self) -> int:
        return sum(len(rows) for rows in self.files)


def plain(drop: VendorDrop) -> bytes:
    return gzip.decompress(drop.content) if drop.name.endswith(".gz") else drop.content


def rows_of(drop: VendorDrop) -> list[list[str]]:
    text = plain(drop).decode("utf-8-sig", errors="surrogateescape")
    header, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert header == ["cid", "review_str"]
    return rows


def fault(row: list[str]) -> Dirt | None:
    """Why a row is unusable, judged from the row alone."""
    if len(row) != 2:
        return Dirt.WRONG_FIELD_COUNT
    cid, review = row
    faults = {
        Dirt.EMPTY_CUSTOMER: not cid,
        Dirt.OVERLONG_CUSTOMER: len(cid.encode()) > 10 and cid.isdecimal(),
        Dirt.NON_NUMERIC_CUSTOMER: bool(cid) and not cid.isdecimal(),
        Dirt.EMPTY_REVIEW: not review.strip(),
        Dirt.INVALID_UTF8: re.search("[\ud800-\udfff]", review) is not None,
    }
    return next((dirt for dirt, found in faults.items() if found), None)


def read(vendor: Vendor, day: date) -> DayRead:
    drops = vendor.files(day)
    files = [rows_of(drop) for drop in drops]
    faults = [[(n, kind) for n, row in enumerate(rows) if (kind := fault(row))] for rows in files]
    usable = [row for rows, bad in zip(files, faults, strict=True) for n, row in enumerate(rows) if n not in dict(bad)]
    return DayRead(drops, files, faults, usable, vendor.truth(day).tolist())


@pytest.fixture(scope="module")
def vendor() -> Vendor:
    return Vendor(Shop(7))


@pytest.fixture(scope="module")
def year(vendor: Vendor) -> dict[date, DayRead]:
    return {day: read(vendor, day) for day in DAYS}


def test_a_day_is_the_same_whatever_was_generated_before(year: dict[date, DayRead]) -> None:
    day = date(2011, 10, 5)
    assert Vendor(Shop(7)).files(day) == year[day].drops


def test_another_process_generates_the_same_files() -> None:
    program = (
        "from datetime import date; from hashlib import sha256; from user_behaviour.sample.shop import Shop; "
        "from user_behaviour.sample.vendor import Vendor; "
        "drops = [drop for n in range(1, 31) for drop in Vendor(Shop(3)).files(date(2011, 11, n))]; "
        "print(sha256(b''.join(drop.name.encode() + drop.content for drop in drops)).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    drops = [drop for n in range(1, 31) for drop in Vendor(Shop(3)).files(date(2011, 11, n))]
    assert other.stdout.strip() == sha256(b"".join(drop.name.encode() + drop.content for drop in drops)).hexdigest()


def test_scale_1_has_the_size_of_the_real_vendor(year: dict[date, DayRead]) -> None:
    sizes = [content.size for content in year.values() if content.drops]
    assert len(sizes) == 305
    assert 23_500 < sum(sizes) < 26_800
    assert min(sizes) > 15
    assert max(sizes) < 350


def test_reviews_multiply_with_the_scale_and_never_run_out() -> None:
    day = date(2011, 6, 8)
    large, small = (read(Vendor(Shop(7, scale)), day).size for scale in (10, 1))
    assert 9.5 < large / small < 10.5
    tiny = Vendor(Shop(7, 0.01))
    assert all(read(tiny, day).size >= 5 for day in DAYS[5:30] if tiny.shop.buyers(day).size)


def test_files_come_on_trading_days_alone(year: dict[date, DayRead]) -> None:
    assert [day for day, content in year.items() if content.drops and day.weekday() == 5] == []
    assert year[date(2010, 12, 4)] == DayRead((), [], [], [], [])


def test_names_and_forms_are_those_that_vendors_use(year: dict[date, DayRead]) -> None:
    names = [(day, drop.name) for day, content in year.items() for drop in content.drops]
    assert all(re.fullmatch(rf"movie_review_{day}(_2)?\.csv(\.gz)?", name) for day, name in names)
    contents = [plain(drop) for content in year.values() for drop in content.drops]
    forms = Counter(name.removeprefix(f"movie_review_{day}") for day, name in names)
    assert {".csv", ".csv.gz", "_2.csv"} <= set(forms)
    assert 5 < sum(content.startswith(b"\xef\xbb\xbf") for content in contents) < len(contents) / 2
    assert 5 < sum(b"cid,review_str\r\n" in content for content in contents) < len(contents) / 2


def test_reviews_have_markup_quotes_newlines_and_many_lengths(year: dict[date, DayRead]) -> None:
    reviews = [row[1] for content in year.values() for row in content.usable]
    for sign in ("<br /><br />", '"', "'", "\n", "\r\n", "é", ","):
        assert sum(sign in review for review in reviews) > 0.01 * len(reviews)
    lengths = sorted(len(review.encode()) for review in reviews)
    assert lengths[len(lengths) // 20] < 250
    assert 600 < lengths[len(lengths) // 2] < 1_400
    assert 2_000 < lengths[-1] < 65_535


def test_dirt_stays_below_one_in_a_hundred_rows_of_every_file_and_day(year: dict[date, DayRead]) -> None:
    for content in year.values():
        assert sum(map(len, content.faults)) <= 0.0099 * content.size
        for rows, faults in zip(content.files, content.faults, strict=True):
            assert len(faults) <= 0.0099 * len(rows)


def test_every_kind_of_dirt_occurs_and_is_where_the_file_says(year: dict[date, DayRead]) -> None:
    found: Counter[Dirt] = Counter()
    for content in year.values():
        assert content.faults == [list(drop.dirt) for drop in content.drops]
        found.update(kind for faults in content.faults for _, kind in faults)
    assert set(found) == set(Dirt)


def test_seven_in_ten_reviewers_bought_on_the_day(vendor: Vendor, year: dict[date, DayRead]) -> None:
    bought = total = 0
    for day in DAYS[:120]:
        buyers = {str(customer) for customer in vendor.shop.buyers(day).tolist()}
        bought += sum(row[0] in buyers for row in year[day].usable)
        total += len(year[day].usable)
    assert 0.67 < bought / total < 0.74


def test_truth_has_one_sentiment_for_each_usable_review(year: dict[date, DayRead]) -> None:
    assert all(len(content.truth) == len(content.usable) for content in year.values())
    truth = [liked for content in year.values() for liked in content.truth]
    assert 0.45 < sum(truth) / len(truth) < 0.62


def test_the_token_good_alone_is_an_imperfect_classifier(year: dict[date, DayRead]) -> None:
    labelled = [pair for content in year.values() for pair in zip(content.usable, content.truth, strict=True)]
    says_good = [("good" in row[1].lower().split(), liked) for row, liked in labelled]
    accuracy = sum(good == liked for good, liked in says_good) / len(says_good)
    assert 0.55 < accuracy < 0.85
    disliked = [good for good, liked in says_good if not liked]
    assert 0.15 < sum(disliked) / len(disliked) < 0.45


def test_the_words_tell_the_sentiment_far_better_than_good_alone(year: dict[date, DayRead]) -> None:
    """A naive Bayes classifier, taught by every other day and judged on the days between."""
    counts: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    trading = [content for content in year.values() if content.drops]
    for content in trading[0:120:2]:
        for row, liked in zip(content.usable, content.truth, strict=True):
            counts[liked].update(set(row[1].lower().split()))
    weight = {word: math.log((counts[True][word] + 1) / (counts[False][word] + 1)) for word in counts[True]}
    right = total = 0
    for content in trading[1:120:2]:
        for row, liked in zip(content.usable, content.truth, strict=True):
            right += (sum(weight.get(word, 0.0) for word in set(row[1].lower().split())) > 0) == liked
            total += 1
    assert 0.80 < right / total < 0.99
