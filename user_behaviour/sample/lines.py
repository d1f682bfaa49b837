"""The lines of a day's invoices of the sample shop: which article, how many, at what price.

Holds the shop's dirty corners too: fees among the goods, write-offs with odd texts, lines written twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from user_behaviour.sample.catalogue import (
    BANK_CHARGES,
    DISCOUNT,
    MANUAL,
    POSTAGE,
    SIZE,
    WEB_POSTAGE,
    Catalogue,
)
from user_behaviour.sample.customers import HOME, HOUSEHOLD, TRADE, WHOLESALE, Customers, Floats, Ints
from user_behaviour.sample.orders import NOBODY, REPEATED, Invoices, Kind

# How many of an article, and how often in a thousand lines, by the customer's style; nobody known buys as `_CASUAL`.
_CASUAL = 3
_QUANTITIES: dict[int, dict[int, int]] = {
    HOUSEHOLD: {1: 280, 2: 200, 3: 110, 4: 120, 5: 40, 6: 130, 8: 30, 10: 30, 12: 60},
    TRADE: {1: 150, 2: 120, 3: 70, 4: 90, 6: 120, 8: 50, 10: 60, 12: 200, 16: 20, 20: 25, 24: 70, 25: 13, 48: 12},
    WHOLESALE: {1: 30, 2: 40, 4: 40, 6: 80, 12: 250, 24: 250, 36: 60, 48: 140, 72: 40, 96: 40, 144: 25, 600: 5},
    _CASUAL: {1: 555, 2: 180, 3: 80, 4: 55, 5: 30, 6: 35, 8: 20, 10: 20, 12: 25},
}
_DRAWS = np.stack([np.repeat(list(table), list(table.values())) for _, table in sorted(_QUANTITIES.items())])
_BULK, _BULK_PRICE, _RETAIL_PRICE = 24, 0.85, 1.68
_WITH_POSTAGE, _WEB_ORDER, _HOARDING = 0.6, 20, 0.0004


@dataclass(frozen=True)
class Lines:
    """One element a line, in the order of the invoices. `invoice` is a position, `price` in pence."""

    invoice: Ints
    article: Ints
    quantity: Ints
    price: Ints


def draw_lines(
    catalogue: Catalogue, customers: Customers, invoices: Invoices, *, day: date, rng: np.random.Generator
) -> Lines:
    """The lines of a day's invoices; about one in a hundred is an exact repetition of the line before it."""
    invoice = np.repeat(np.arange(invoices.lines.size), invoices.lines)
    customer, kind = invoices.customer[invoice], invoices.kind[invoice]
    known = customer != NOBODY
    article = catalogue.pick(rng, day, favourite=np.where(known, customers.section[customer], -1))
    style = np.where(known, customers.style[customer], _CASUAL)
    quantity = _DRAWS[style, rng.integers(0, _DRAWS.shape[1], style.size)]
    quantity = np.where(known & (rng.random(style.size) < _HOARDING), quantity * 25, quantity)
    factor = np.where(known, np.where(quantity >= _BULK, _BULK_PRICE, 1.0), _RETAIL_PRICE)
    price = np.maximum(1, np.round(catalogue.price[article] * factor)).astype(np.int64)

    back, lost = kind == Kind.RETURN, kind == Kind.WRITE_OFF
    quantity = np.where(lost, -rng.integers(1, 90, lost.size), np.where(back, -np.minimum(quantity, 24), quantity))
    price = np.where(lost, 0, price)
    lines = _with_fees(Lines(invoice, article, quantity, price), customers, invoices, rng=rng)

    repeated = rng.integers(0, invoice.size, rng.poisson(invoice.size * REPEATED))
    kept = np.sort(np.concatenate((np.arange(invoice.size), repeated)))
    return Lines(lines.invoice[kept], lines.article[kept], lines.quantity[kept], lines.price[kept])


def _with_fees(lines: Lines, customers: Customers, invoices: Invoices, *, rng: np.random.Generator) -> Lines:
    """Postage ends the orders from abroad and the web orders; discounts, manual entries and charges are strewn in."""
    customer, kind = invoices.customer[lines.invoice], invoices.kind[lines.invoice]
    ends = np.diff(lines.invoice, append=-1) != 0
    chance: Floats = rng.random(ends.size)
    long = invoices.lines[lines.invoice]
    sale = kind == Kind.SALE
    abroad = ends & sale & (long > 1) & (customer != NOBODY) & (customers.country[customer] != HOME)
    fee = np.select(
        [
            abroad & (chance < _WITH_POSTAGE),
            ends & sale & (customer == NOBODY) & (long >= _WEB_ORDER),
            (kind == Kind.RETURN) & (chance < 0.008),
            sale & (chance > 0.999) & ~ends,
            sale & (customer == NOBODY) & (chance < 0.0003),
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
        np.where(is_fee, np.where(kind == Kind.RETURN, -1, 1), lines.quantity),
        np.where(is_fee, amount, lines.price),
    )
