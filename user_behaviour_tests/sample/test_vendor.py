"""The sample vendor's files: repeatable, of the promised size, well-formed but for a few rows, worth classifying."""

import csv
import gzip
import io
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from user_behaviour.classifier.review_scoring import baseline
from user_behaviour.sample.calendar import is_trading_day
from user_behaviour.sample.shop import Shop
from user_behaviour.sample.vendor import Defect, Vendor

DAYS = [date(2010, 12, 1) + timedelta(n) for n in range(374)]


def plain(name: str, content: bytes) -> bytes:
    return gzip.decompress(content) if name.endswith(".gz") else content


def defect(row: list[str]) -> Defect | None:
    """Why a row is unusable, judged from the row alone; bytes that are no UTF-8 are surrogates."""
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


def rows_of(files: dict[str, bytes], day: date) -> Iterator[dict[str, Any]]:
    """The rows of a day's files; the usable ones have a review."""
    for name, content in files.items():
        text = plain(name, content).decode("utf-8-sig", errors="surrogateescape")
        header, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        assert header == ["cid", "review_str"]
        for row in rows:
            file = {"day": day, "file": name, "defect": defect(row)}
            yield file if file["defect"] else {**file, "cid": int(row[0]), "review": row[1]}


@pytest.fixture(scope="module")
def vendor() -> Vendor:
    return Vendor(Shop(7))


@pytest.fixture(scope="module")
def files(vendor: Vendor) -> dict[date, dict[str, bytes]]:
    return {day: vendor.files(day) for day in DAYS}


@pytest.fixture(scope="module")
def year(files: dict[date, dict[str, bytes]]) -> pd.DataFrame:
    return pd.DataFrame([row for day in DAYS for row in rows_of(files[day], day)])


@pytest.fixture(scope="module")
def reviews(year: pd.DataFrame) -> pd.DataFrame:
    """The usable rows."""
    return year[year.defect.isna()]


def test_scale_1_has_the_size_of_the_real_vendor(year: pd.DataFrame) -> None:
    sizes = year.day.value_counts()
    assert len(sizes) == 305
    assert 23_500 < sizes.sum() < 26_800
    assert sizes.min() > 15
    assert sizes.max() < 350


def test_reviews_multiply_with_the_scale_and_never_run_out() -> None:
    def written(scale: float, day: date) -> int:
        return len([*rows_of(Vendor(Shop(7, scale)).files(day), day)])

    day = date(2011, 6, 8)
    assert 9.5 < written(10, day) / written(1, day) < 10.5
    assert all(written(0.01, day) >= 5 for day in DAYS[5:30] if is_trading_day(day))


def test_files_come_on_trading_days_alone(vendor: Vendor, year: pd.DataFrame) -> None:
    assert not any(day.weekday() == 5 for day in year.day)
    assert vendor.files(date(2010, 12, 4)) == {}


def test_names_and_forms_are_those_that_vendors_use(files: dict[date, dict[str, bytes]]) -> None:
    names = [(day, name) for day in DAYS for name in files[day]]
    assert all(re.fullmatch(rf"movie_review_{day}(_2)?\.csv(\.gz)?", name) for day, name in names)
    assert {".csv", ".csv.gz", "_2.csv"} <= {name.removeprefix(f"movie_review_{day}") for day, name in names}
    contents = [plain(name, files[day][name]) for day, name in names]
    assert 5 < sum(content.startswith(b"\xef\xbb\xbf") for content in contents) < len(contents) / 2
    assert 5 < sum(b"cid,review_str\r\n" in content for content in contents) < len(contents) / 2


def test_reviews_have_markup_quotes_newlines_and_many_lengths(reviews: pd.DataFrame) -> None:
    for sign in ("<br /><br />", '"', "'", "\n", "\r\n", "é", ","):
        assert reviews.review.str.contains(sign, regex=False).mean() > 0.01
    lengths = sorted(len(review.encode()) for review in reviews.review)
    assert lengths[len(lengths) // 20] < 250
    assert 600 < lengths[len(lengths) // 2] < 1_400
    assert 2_000 < lengths[-1] < 65_535


def test_unusable_rows_stay_below_one_in_a_hundred_of_every_file_and_day(year: pd.DataFrame) -> None:
    for unit in ("file", "day"):
        assert year.defect.notna().groupby(year[unit]).mean().max() <= 0.0099


def test_every_defect_occurs(year: pd.DataFrame) -> None:
    assert set(year.defect.dropna()) == set(Defect)


def test_seven_in_ten_reviewers_bought_on_the_day(vendor: Vendor, reviews: pd.DataFrame) -> None:
    some = reviews[reviews.day < DAYS[120]]
    bought = [cids.isin(vendor.shop.buyers(day)) for day, cids in some.groupby("day").cid]
    assert 0.67 < pd.concat(bought).mean() < 0.74


def test_labels_are_of_other_texts_of_the_same_world(vendor: Vendor, reviews: pd.DataFrame) -> None:
    """Of both kinds, and the baseline is right of seven in ten; what is learnt from them, the demo's test says."""
    header, *rows = csv.reader(io.StringIO(vendor.labels().decode(), newline=""), strict=True)
    assert header == ["review_str", "positive_review"]
    assert len(rows) == 5_000
    labels = pd.DataFrame(rows, columns=["review", "label"]).assign(positive=lambda these: these.label == "true")
    assert set(labels.label) == {"true", "false"}
    assert 0.45 < labels.positive.mean() < 0.6
    assert 0.65 < (labels.review.map(baseline) == labels.positive).mean() < 0.75
    assert not set(labels.review[labels.review.str.len() > 150]) & set(reviews.review)
    assert labels.review.str.len().median() == pytest.approx(reviews.review.str.len().median(), rel=0.1)
    assert Vendor(Shop(7, 0.1)).labels() == vendor.labels() != Vendor(Shop(8)).labels()


def test_the_token_good_tells_reviews_apart(reviews: pd.DataFrame) -> None:
    good = reviews.review.str.lower().str.split().map(lambda words: "good" in words)
    assert 0.3 < good.mean() < 0.7
