"""A day's invoices of the sample shop and the lines on them: who, when and of what kind; which article, how many.

The number of lines of a day is decided first and shared out, so that totals follow the scale closely. Holds the shop's
dirty corners too: fees among the goods, corrections of the stock, lines written twice.
"""

from dataclasses import astuple, dataclass
from datetime import date
from enum import IntEnum

import numpy as np

from user_behaviour.sample.calendar import amount_on
from user_behaviour.sample.catalogue import (
    BANK_CHARGES,
    DISCOUNT,
    MANUAL,
    POSTAGE,
    SIZE,
    WEB_POSTAGE,
    Catalogue,
    Floats,
    Ints,
)
from user_behaviour.sample.customers import HOME, HOUSEHOLD, TRADE, WHOLESALE, Customers

NOBODY = -1
_LINES_PER_DAY = 1771  # the mean of a trading day at scale 1: 540,000 from 2010-12-01 to 2011-12-09
_FEWEST_LINES, _FEWEST_ORDERS = 14, 3
# Shares of a day's lines. As many again are repeated because an article happens to be picked twice.
_ANONYMOUS, _RETURNED, _WRITTEN_OFF, _REPEATED = 0.245, 0.0165, 0.0035, 0.004
_LINES_PER_ORDER, _LINES_PER_ANONYMOUS, _LINES_PER_RETURN = 21.5, 36.0, 2.4
_OPENS, _CLOSES, _SUNDAY_OPENS, _SUNDAY_CLOSES = 8 * 60, 18 * 60, 10 * 60, 16 * 60
_SUNDAY = 6

# How many of an article, and how often in a thousand lines, by the customer's style; nobody known buys as `_CASUAL`.
_CASUAL = 3
_QUANTITIES: dict[int, dict[int, int]] = {
    HOUSEHOLD: {1: 280, 2: 200, 3: 110, 4: 120, 5: 40, 6: 130, 8: 30, 10: 30, 12: 60},
    TRADE: {1: 150, 2: 120, 3: 70, 4: 90, 6: 120, 8: 50, 10: 60, 12: 200, 16: 20, 20: 25, 24: 70, 25: 13, 48: 12},
    WHOLESALE: {1: 30, 2: 40, 4: 40, 6: 80, 12: 250, 24: 250, 36: 60, 48: 140, 72: 40, 96: 40, 144: 25, 600: 5},
    _CASUAL: {1: 555, 2: 180, 3: 80, 4: 55, 5: 30, 6: 35, 8: 20, 10: 20, 12: 25},
}
_THOUSAND = np.stack([np.repeat(list(table), list(table.values())) for table in _QUANTITIES.values()])
_BULK, _BULK_PRICE, _RETAIL_PRICE = 24, 0.85, 1.68
_WITH_POSTAGE, _WEB_ORDER, _HOARDING = 0.6, 20, 0.0004


class Kind(IntEnum):
    """What an invoice is: goods sold, goods taken back, or a correction of the stock."""

    SALE = 0
    RETURN = 1
    WRITE_OFF = 2


@dataclass(frozen=True)
class Invoices:
    """One element an invoice. `customer` is a position or `NOBODY`, `lines` their number, `minute` that of the day."""

    customer: Ints
    lines: Ints
    minute: Ints
    kind: Ints


@dataclass(frozen=True)
class Lines:
    """One element a line, in the order of the invoices. `invoice` is a position, `price` in pence."""

    invoice: Ints
    article: Ints
    quantity: Ints
    price: Ints


def invoices_of(customers: Customers, day: date, *, scale: float, rng: np.random.Generator) -> Invoices:
    """The invoices of a trading day, in the order of their minutes."""
    total = round(max(_FEWEST_LINES, amount_on(day, rng, mean=_LINES_PER_DAY * scale)) / (1 + _REPEATED))
    anonymous, returned, lost = (int(rng.poisson(total * share)) for share in (_ANONYMOUS, _RETURNED, _WRITTEN_OFF))
    # Nobody known has many invoices of one line and a few of hundreds: the web orders of a day, entered as one.
    parts = (
        _orders(customers, day, rng=rng, lines=max(total - anonymous - returned - lost, _FEWEST_ORDERS)),
        _returns(customers, day, rng=rng, lines=returned),
        _unnamed(rng, Kind.SALE, lines=anonymous, most=max(1, round(anonymous / _LINES_PER_ANONYMOUS))),
        _unnamed(rng, Kind.WRITE_OFF, lines=lost, most=lost),
    )
    customer, lines, minute, kind = (np.concatenate(column) for column in zip(*map(astuple, parts), strict=True))
    opens, closes = (_SUNDAY_OPENS, _SUNDAY_CLOSES) if day.weekday() == _SUNDAY else (_OPENS, _CLOSES)
    minute = np.clip(minute, opens + rng.integers(0, 45, minute.size), closes - rng.integers(1, 45, minute.size))
    order = np.argsort(minute, kind="stable")
    return Invoices(customer[order], lines[order], minute[order], kind[order])


def _orders(customers: Customers, day: date, *, rng: np.random.Generator, lines: int) -> Invoices:
    count = min(lines, max(_FEWEST_ORDERS, round(lines / _LINES_PER_ORDER)))
    newcomers = customers.newcomers(day)[:count]
    who = np.concatenate((newcomers, customers.regulars(rng, day, count=count - newcomers.size)))
    shares = _share_out(lines, customers.basket[who] * rng.lognormal(0.0, 0.8, count))
    minute = customers.minute[who] + rng.normal(0, 60, count).astype(np.int64)
    return Invoices(who, shares, minute, np.full(count, Kind.SALE))


def _returns(customers: Customers, day: date, *, rng: np.random.Generator, lines: int) -> Invoices:
    count = min(lines, max(1, round(lines / _LINES_PER_RETURN)))
    who = customers.regulars(rng, day, count=count)
    shares = _share_out(lines, rng.lognormal(0.0, 1.0, count))
    return Invoices(who, shares, _any_minute(rng, count), np.full(count, Kind.RETURN))


def _unnamed(rng: np.random.Generator, kind: Kind, *, lines: int, most: int) -> Invoices:
    count = min(lines, most)
    shares = _share_out(lines, rng.lognormal(0.0, 2.2, count))
    return Invoices(np.full(count, NOBODY), shares, _any_minute(rng, count), np.full(count, kind))


def _any_minute(rng: np.random.Generator, count: int) -> Ints:
    return (_OPENS + (_CLOSES - _OPENS) * rng.beta(2.2, 2.2, count)).astype(np.int64)


def _share_out(total: int, weights: Floats) -> Ints:
    """Positive integers that add up to `total`, roughly in proportion to the weights (no more of them than `total`)."""
    edges = np.round(np.cumsum(weights) / weights.sum() * (total - weights.size))
    shares: Ints = 1 + np.diff(edges, prepend=0).astype(np.int64)
    return shares


def lines_of(
    invoices: Invoices, customers: Customers, *, catalogue: Catalogue, day: date, rng: np.random.Generator
) -> Lines:
    """The lines of a day's invoices; about one in a hundred is an exact repetition of the line before it."""
    invoice = np.repeat(np.arange(invoices.lines.size), invoices.lines)
    customer, kind = invoices.customer[invoice], invoices.kind[invoice]
    known = customer != NOBODY
    article = catalogue.pick(rng, day, favourite=np.where(known, customers.section[customer], -1))
    style = np.where(known, customers.style[customer], _CASUAL)
    quantity = _THOUSAND[style, rng.integers(0, 1000, style.size)]
    quantity = np.where(known & (rng.random(style.size) < _HOARDING), quantity * 25, quantity)
    factor = np.where(known, np.where(quantity >= _BULK, _BULK_PRICE, 1.0), _RETAIL_PRICE)
    price = np.maximum(1, np.round(catalogue.prices[article] * factor)).astype(np.int64)

    back, lost = kind == Kind.RETURN, kind == Kind.WRITE_OFF
    quantity = np.where(lost, -rng.integers(1, 90, lost.size), np.where(back, -np.minimum(quantity, 24), quantity))
    price = np.where(lost, 0, price)
    lines = _with_fees(Lines(invoice, article, quantity, price), invoices, customers=customers, rng=rng)

    repeated = rng.integers(0, invoice.size, rng.poisson(invoice.size * _REPEATED))
    kept = np.sort(np.concatenate((np.arange(invoice.size), repeated)))
    return Lines(lines.invoice[kept], lines.article[kept], lines.quantity[kept], lines.price[kept])


def _with_fees(lines: Lines, invoices: Invoices, *, customers: Customers, rng: np.random.Generator) -> Lines:
    """Postage ends the orders from abroad and the web orders; discounts, manual entries and charges are strewn in."""
    customer, size = invoices.customer[lines.invoice], invoices.lines[lines.invoice]
    sale, back = invoices.kind[lines.invoice] == Kind.SALE, invoices.kind[lines.invoice] == Kind.RETURN
    last = np.diff(lines.invoice, append=-1) != 0
    unknown = customer == NOBODY
    abroad = ~unknown & (customers.country[customer] != HOME)
    chance = rng.random(last.size)
    fee = np.select(
        [
            last & sale & abroad & (size > 1) & (chance < _WITH_POSTAGE),
            last & sale & unknown & (size >= _WEB_ORDER),
            back & (chance < 0.008),
            sale & (chance > 0.999) & ~last,
            sale & unknown & (chance < 0.0003),
        ],
        [POSTAGE, WEB_POSTAGE, DISCOUNT, MANUAL, BANK_CHARGES],
        default=-1,
    )
    amount = np.round(rng.lognormal(7.6, 0.8, fee.size)).astype(np.int64)
    amount = np.where(fee == POSTAGE, 1800 + 500 * (amount % 5), amount)
    is_fee = fee >= SIZE
    return Lines(
        lines.invoice,
        np.where(is_fee, fee, lines.article),
        np.where(is_fee, np.where(back, -1, 1), lines.quantity),
        np.where(is_fee, amount, lines.price),
    )
