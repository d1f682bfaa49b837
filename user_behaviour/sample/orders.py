"""A day's invoices of the sample shop: who, when, of what kind and with how many lines; not yet what is on the lines.

The number of lines of a day is decided here and shared out, so that totals follow the scale closely.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import IntEnum

import numpy as np

from user_behaviour.sample.calendar import demand
from user_behaviour.sample.customers import Customers, Floats, Ints

LINES_PER_DAY = 1771
"""Mean purchase lines of a trading day at scale 1: 540,000 from 2010-12-01 to 2011-12-09."""

NOBODY = -1
REPEATED = 0.004
"""The share of lines written a second time; as many again come about because an article is picked twice."""

_FEWEST_LINES, _FEWEST_ORDERS = 14, 3
_RETURNED, _WRITTEN_OFF, _ANONYMOUS = 0.0165, 0.0035, 0.245
_LINES_PER_ORDER, _LINES_PER_ANONYMOUS, _LINES_PER_RETURN = 21.5, 36.0, 2.4
_OPENS, _CLOSES, _SUNDAY_OPENS, _SUNDAY_CLOSES = 8 * 60, 18 * 60, 10 * 60, 16 * 60
_SUNDAY = 6


class Kind(IntEnum):
    """What an invoice is: goods sold, goods taken back, or a correction of the stock."""

    SALE = 0
    RETURN = 1
    WRITE_OFF = 2


@dataclass(frozen=True)
class Invoices:
    """One element an invoice, in the order of `minute` (of the day). `customer` is a position or `NOBODY`."""

    customer: Ints
    lines: Ints
    minute: Ints
    kind: Ints


def plan(customers: Customers, day: date, *, scale: float, rng: np.random.Generator) -> Invoices:
    """The invoices of a trading day."""
    noise = float(np.clip(rng.lognormal(-0.02, 0.2), 0.55, 1.6))
    written = max(_FEWEST_LINES, round(LINES_PER_DAY * scale * demand(day) * noise))
    total = round(written / (1 + REPEATED))
    anonymous, returned, written_off = (
        int(rng.poisson(total * part)) for part in (_ANONYMOUS, _RETURNED, _WRITTEN_OFF)
    )
    parts = (
        _orders(customers, day, rng, max(total - anonymous - returned - written_off, _FEWEST_ORDERS)),
        _returns(customers, day, rng, returned),
        _without_customer(rng, anonymous, max(1, round(anonymous / _LINES_PER_ANONYMOUS)), Kind.SALE),
        _without_customer(rng, written_off, written_off, Kind.WRITE_OFF),
    )
    customer, lines, minute, kind = (np.concatenate(column) for column in zip(*parts, strict=True))
    opens, closes = (_SUNDAY_OPENS, _SUNDAY_CLOSES) if day.weekday() == _SUNDAY else (_OPENS, _CLOSES)
    minute = np.clip(minute, opens + rng.integers(0, 45, minute.size), closes - rng.integers(1, 45, minute.size))
    order = np.argsort(minute, kind="stable")
    return Invoices(customer[order], lines[order], minute[order], kind[order])


_Part = tuple[Ints, Ints, Ints, Ints]


def _orders(customers: Customers, day: date, rng: np.random.Generator, lines: int) -> _Part:
    wanted = min(lines, max(_FEWEST_ORDERS, round(lines / _LINES_PER_ORDER)))
    newcomers = customers.newcomers(day)[:wanted]
    who = np.concatenate((newcomers, customers.regulars(rng, day, count=wanted - newcomers.size)))
    sizes = _share_out(lines, customers.basket[who] * rng.lognormal(0.0, 0.8, wanted))
    minute = customers.minute[who] + rng.normal(0, 60, wanted).astype(np.int64)
    return who, sizes, minute, np.full(wanted, Kind.SALE, np.int64)


def _returns(customers: Customers, day: date, rng: np.random.Generator, lines: int) -> _Part:
    count = min(lines, max(1, round(lines / _LINES_PER_RETURN)))
    who = customers.regulars(rng, day, count=count)
    sizes = _share_out(lines, rng.lognormal(0.0, 1.0, count))
    return who, sizes, _any_minute(rng, count), np.full(count, Kind.RETURN, np.int64)


def _without_customer(rng: np.random.Generator, lines: int, most: int, kind: Kind) -> _Part:
    """Invoices of nobody known: many of one line, a few of hundreds (the web orders of a day, entered as one)."""
    count = min(lines, most)
    sizes = _share_out(lines, rng.lognormal(0.0, 2.2, count))
    return np.full(count, NOBODY, np.int64), sizes, _any_minute(rng, count), np.full(count, kind, np.int64)


def _any_minute(rng: np.random.Generator, count: int) -> Ints:
    return (_OPENS + (_CLOSES - _OPENS) * rng.beta(2.2, 2.2, count)).astype(np.int64)


def _share_out(total: int, weights: Floats) -> Ints:
    """Positive integers that add up to `total`, roughly in proportion to the weights (no more of them than `total`)."""
    if weights.size == 0:
        return np.empty(0, np.int64)
    edges = np.round(np.cumsum(weights) / weights.sum() * (total - weights.size))
    shares: Ints = 1 + np.diff(edges, prepend=0).astype(np.int64)
    return shares
