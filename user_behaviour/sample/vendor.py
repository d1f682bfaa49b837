"""The sample vendor: the review files of each trading day, written mostly by the shop's customers of that day.

A day is a pure function of seed, scale and date. Files come as vendors send them: plain or gzip, with or without a
byte order mark, in one piece or two, and now and then with a row that cannot be used. Texts are from `reviews`. Other
texts come with labels, to train a classifier by.
"""

import gzip
from dataclasses import dataclass
from datetime import date
from enum import Enum

import numpy as np

from user_behaviour.sample.calendar import Stream, amount_on, generator, is_trading_day
from user_behaviour.sample.catalogue import Ints, quoted
from user_behaviour.sample.reviews import write
from user_behaviour.sample.shop import Shop

_REVIEWS_PER_DAY = 82  # the mean of a trading day at scale 1: 25,000 from 2010-12-01 to 2011-12-09
_FEWEST = 5
_LABELLED = 5_000
_BOUGHT_TODAY = 0.7
_SPLIT, _GZIPPED, _MARKED, _CARRIAGE_RETURNS = 0.08, 0.12, 0.12, 0.3
# Smaller files hold no bad row: one would be more than one in a hundred of the file or of the day.
_FEWEST_WITH_BAD_ROWS, _BAD_ROWS = 110, 0.005
_BYTE_ORDER_MARK = "\ufeff"
_NOT_CUSTOMERS = ("guest", "n/a", "14a02", "unknown user", "-")


class Defect(Enum):
    """Why a row cannot be used."""

    WRONG_FIELD_COUNT = 0
    EMPTY_CUSTOMER = 1
    OVERLONG_CUSTOMER = 2
    NON_NUMERIC_CUSTOMER = 3
    EMPTY_REVIEW = 4
    INVALID_UTF8 = 5


@dataclass(frozen=True)
class _Day:
    """A day's rows in file order: the first `first_file` of them are in the first file, all with defects among them."""

    customers: Ints
    reviews: tuple[str, ...]
    first_file: int
    defects: dict[int, Defect]


@dataclass(frozen=True)
class Vendor:
    """The vendor whose reviewers are the customers of `shop`; the shop's scale multiplies the reviews of a day.

    However small the scale, a trading day has at least five reviews. Days of few reviews have no unusable row.
    """

    shop: Shop

    def files(self, day: date) -> dict[str, bytes]:
        """The files of the day by name: one or two on a trading day, none otherwise. CSV, header `cid,review_str`."""
        if not is_trading_day(day):
            return {}
        content = self._day(day)
        rng = generator(self.shop.seed, Stream.DROPS, day=day)
        rows = _rows(content, rng)
        gzipped, marked, returns = rng.random(3) < (_GZIPPED, _MARKED, _CARRIAGE_RETURNS)
        newline = "\r\n" if returns else "\n"
        files: dict[str, bytes] = {}
        for suffix, part in (("", rows[: content.first_file]), ("_2", rows[content.first_file :])):
            if not part:
                continue
            text = (_BYTE_ORDER_MARK if marked else "") + newline.join(("cid,review_str", *part, ""))
            name, file = f"movie_review_{day}{suffix}.csv", text.encode(errors="surrogateescape")
            if gzipped:
                name, file = f"{name}.gz", gzip.compress(file, compresslevel=6, mtime=0)
            files[name] = file
        return files

    def labels(self) -> bytes:
        """Texts that are in no file of a day, with what they mean: CSV, header `review_str,positive_review`.

        As many at every scale: what a classifier needs does not grow with the shop.
        """
        texts, positive = write(generator(self.shop.seed, Stream.LABELS), _LABELLED)
        rows = (f"{quoted(text)},{str(label).lower()}" for text, label in zip(texts, positive, strict=True))
        return "\n".join(("review_str,positive_review", *rows, "")).encode()

    def _day(self, day: date) -> _Day:
        rng = generator(self.shop.seed, Stream.REVIEWS, day=day)
        count = max(_FEWEST, amount_on(day, rng, mean=_REVIEWS_PER_DAY * self.shop.scale))
        bought = rng.random(count) < _BOUGHT_TODAY
        buyers, everyone = self.shop.buyers(day), self.shop.customers.ids
        customers = np.where(bought, rng.choice(buyers, count), rng.choice(everyone, count))
        first_file = round(count * 0.6) if rng.random() < _SPLIT else count
        texts, _ = write(rng, count)
        return _Day(customers, texts, first_file, _defects(day, rng, rows=first_file))


def _defects(day: date, rng: np.random.Generator, *, rows: int) -> dict[int, Defect]:
    """Which rows of the first file are bad, and how; the defects take turns from day to day."""
    if rows < _FEWEST_WITH_BAD_ROWS:
        return {}
    bad = rng.choice(rows, max(1, int(rows * _BAD_ROWS)), replace=False).tolist()
    return {row: Defect((day.toordinal() + turn) % len(Defect)) for turn, row in enumerate(bad)}


def _rows(content: _Day, rng: np.random.Generator) -> list[str]:
    """The day's lines; a byte that is no UTF-8 is a lone surrogate."""
    pairs = list(zip(content.customers.tolist(), content.reviews, strict=True))
    rows = [f"{customer},{quoted(text)}" for customer, text in pairs]
    for row, defect in content.defects.items():
        rows[row] = _spoilt(*pairs[row], defect=defect, rng=rng)
    return rows


def _spoilt(customer: int, text: str, *, defect: Defect, rng: np.random.Generator) -> str:
    match defect:
        case Defect.WRONG_FIELD_COUNT:
            return f"{customer},{quoted(text)},5" if rng.random() < 0.5 else f"{customer}"
        case Defect.EMPTY_CUSTOMER:
            return f",{quoted(text)}"
        case Defect.OVERLONG_CUSTOMER:
            return f"{customer}{customer}{customer},{quoted(text)}"
        case Defect.NON_NUMERIC_CUSTOMER:
            return f"{_NOT_CUSTOMERS[int(rng.integers(len(_NOT_CUSTOMERS)))]},{quoted(text)}"
        case Defect.EMPTY_REVIEW:
            return f"{customer}," if rng.random() < 0.5 else f'{customer},""'
        case Defect.INVALID_UTF8:
            latin = f"Caf\udce9 society, once more. {text}"
            return f"{customer},{quoted(latin)}"
