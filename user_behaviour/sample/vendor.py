"""The sample vendor: the review files of each trading day, written mostly by the shop's customers of that day.

A day is a pure function of seed, scale and date. Files come as vendors send them: plain or gzip, with or without a
byte order mark, in one piece or two, and now and then with a row that cannot be used. Texts are in `sample_reviews`.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from datetime import date
from enum import Enum

import numpy as np

from user_behaviour.sample.calendar import Stream, demand, generator, is_trading_day
from user_behaviour.sample.catalogue import quoted
from user_behaviour.sample.customers import Ints
from user_behaviour.sample.reviews import Bools, Reviews, write
from user_behaviour.sample.shop import Shop

REVIEWS_PER_DAY = 82
"""Mean reviews of a trading day at scale 1: 25,000 from 2010-12-01 to 2011-12-09."""

CAN_BEAR_DIRT = 110
"""Rows from which a file may hold a bad row: one bad row is then below one in a hundred of the file and of the day."""

_FEWEST = 5
_DIRT_SHARE = 0.005
_BOUGHT_TODAY = 0.7
_SPLIT, _GZIPPED, _MARKED, _CARRIAGE_RETURNS = 0.08, 0.12, 0.12, 0.3
_HEADER = b"cid,review_str"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NOT_CUSTOMERS = ("guest", "n/a", "14a02", "unknown user", "-")


class Dirt(Enum):
    """Why a row cannot be used."""

    WRONG_FIELD_COUNT = 0
    EMPTY_CUSTOMER = 1
    OVERLONG_CUSTOMER = 2
    NON_NUMERIC_CUSTOMER = 3
    EMPTY_REVIEW = 4
    INVALID_UTF8 = 5


@dataclass(frozen=True)
class VendorDrop:
    """A file as the vendor drops it. `dirt` says what was put in on purpose: the kind by the row's position, from 0."""

    name: str
    content: bytes
    dirt: tuple[tuple[int, Dirt], ...] = ()


@dataclass(frozen=True)
class _Day:
    """A day's rows in file order: the first `first_file` of them are in the first file, and all dirt is there."""

    customers: Ints
    reviews: Reviews
    first_file: int
    dirt: dict[int, Dirt]


@dataclass(frozen=True)
class Vendor:
    """The vendor whose reviewers are the customers of `shop`; the shop's scale multiplies the reviews of a day.

    However small the scale, a trading day has at least five reviews. Days of few reviews have no dirt.
    """

    shop: Shop

    def files(self, day: date) -> tuple[VendorDrop, ...]:
        """The files of the day: one or two on a trading day, none otherwise. RFC 4180, header `cid,review_str`."""
        if not is_trading_day(day):
            return ()
        content = self._day(day)
        rng = self._rng(Stream.DROPS, day)
        rows = _rows(content, rng)
        gzipped, marked, returns = rng.random(3) < (_GZIPPED, _MARKED, _CARRIAGE_RETURNS)
        newline = b"\r\n" if returns else b"\n"
        drops = []
        for suffix, part in (("", rows[: content.first_file]), ("_2", rows[content.first_file :])):
            if not part:
                continue
            body = (_BYTE_ORDER_MARK if marked else b"") + newline.join((_HEADER, *part, b""))
            name = f"movie_review_{day}{suffix}.csv"
            dirt = () if suffix else tuple((row, content.dirt[row]) for row in sorted(content.dirt))
            if gzipped:
                name, body = f"{name}.gz", gzip.compress(body, compresslevel=6, mtime=0)
            drops.append(VendorDrop(name, body, dirt))
        return tuple(drops)

    def truth(self, day: date) -> Bools:
        """Whether the writer liked the film, for each usable review of the day in the order of its files.

        A judge for classifiers; no file of the vendor holds it. Empty when the shop is closed.
        """
        if not is_trading_day(day):
            return np.empty(0, np.bool_)
        content = self._day(day)
        usable = np.ones(content.customers.size, np.bool_)
        usable[list(content.dirt)] = False
        truth: Bools = content.reviews.positive[usable]
        return truth

    def _day(self, day: date) -> _Day:
        rng = self._rng(Stream.REVIEWS, day)
        mean = REVIEWS_PER_DAY * self.shop.scale * demand(day)
        count = max(_FEWEST, round(mean * float(np.clip(rng.lognormal(-0.02, 0.2), 0.55, 1.6))))
        buyers, everyone = self.shop.buyers(day), self.shop.customers.ids
        bought = rng.random(count) < _BOUGHT_TODAY
        who = np.where(bought, rng.choice(buyers, count), rng.choice(everyone, count))
        first_file = round(count * 0.6) if rng.random() < _SPLIT else count
        return _Day(who, write(rng, count), first_file, self._dirt(day, rng, first_file))

    def _dirt(self, day: date, rng: np.random.Generator, rows: int) -> dict[int, Dirt]:
        """Which rows of the first file are bad, and how; the kinds take turns from day to day."""
        if rows < CAN_BEAR_DIRT:
            return {}
        bad = rng.choice(rows, max(1, int(rows * _DIRT_SHARE)), replace=False).tolist()
        kinds = list(Dirt)
        return {row: kinds[(day.toordinal() + turn) % len(kinds)] for turn, row in enumerate(bad)}

    def _rng(self, stream: Stream, day: date) -> np.random.Generator:
        return generator(self.shop.seed, stream, day=day)


def _rows(content: _Day, rng: np.random.Generator) -> list[bytes]:
    pairs = zip(content.customers.tolist(), content.reviews.texts, strict=True)
    rows = [f"{customer},{quoted(text)}".encode() for customer, text in pairs]
    for row, dirt in content.dirt.items():
        rows[row] = _spoilt(str(content.customers[row]), content.reviews.texts[row], dirt, rng=rng)
    return rows


def _spoilt(customer: str, text: str, dirt: Dirt, *, rng: np.random.Generator) -> bytes:
    field = quoted(text)
    match dirt:
        case Dirt.WRONG_FIELD_COUNT:
            return (f"{customer},{field},5" if rng.random() < 0.5 else customer).encode()
        case Dirt.EMPTY_CUSTOMER:
            return f",{field}".encode()
        case Dirt.OVERLONG_CUSTOMER:
            return f"{customer}{customer}{customer},{field}".encode()
        case Dirt.NON_NUMERIC_CUSTOMER:
            return f"{_NOT_CUSTOMERS[int(rng.integers(len(_NOT_CUSTOMERS)))]},{field}".encode()
        case Dirt.EMPTY_REVIEW:
            empty = "" if rng.random() < 0.5 else '""'
            return f"{customer},{empty}".encode()
        case Dirt.INVALID_UTF8:
            latin = quoted(f"Café society, once more. {text}").encode().replace("é".encode(), b"\xe9", 1)
            return f"{customer},".encode() + latin
