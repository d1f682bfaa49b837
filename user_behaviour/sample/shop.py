"""The sample shop: purchase lines that look real, generated day by day from a seed.

A day is a pure function of seed, scale and date. This module holds the shop and how its lines are written;
`sample_orders` and `sample_lines` draw them. The vendor's reviews by the same customers are in `sample_vendor`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from user_behaviour.sample.calendar import OPENED, Stream, generator, is_trading_day, trading_days
from user_behaviour.sample.catalogue import Catalogue, catalogue
from user_behaviour.sample.customers import COUNTRIES, HOME, UNSPECIFIED, Customers, Ints, customers
from user_behaviour.sample.lines import Lines, draw_lines
from user_behaviour.sample.orders import NOBODY, Invoices, Kind, plan

MAX_SCALE = 100.0
_FIRST_INVOICE = 536365
_INVOICES_PER_DAY = 1000  # numbers that a day may use at scale 1; the busiest day uses about half of them
# The texts of write-offs stand in the place of the article's; most are empty, which is null.
_ODD_TEXTS = ("", "", "", "damaged", "?", "wet / mouldy", "lost in depot", "check", "sold as set ", "thrown away", "??")


class UnusableSample(ValueError):
    """A seed or scale of which no sample can be made."""


@dataclass(frozen=True)
class Shop:
    """A shop of a seed (0 or more) and a scale (above 0, up to 100).

    The scale multiplies lines, invoices and customers alike; however small it is, a trading day has at least three
    customers and about a dozen lines, and the shop a few dozen customers. Raises `UnusableSample`.
    """

    seed: int
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise UnusableSample(f"A sample shop was asked for with the seed {self.seed}; give an integer, 0 or more.")
        if not 0 < self.scale <= MAX_SCALE:
            raise UnusableSample(
                f"A sample shop was asked for at scale {self.scale}; give a number above 0, up to {MAX_SCALE:g}."
            )

    @cached_property
    def catalogue(self) -> Catalogue:
        return catalogue(self.seed)

    @cached_property
    def customers(self) -> Customers:
        return customers(self.seed, self.scale)

    def lines(self, first: date, last: date) -> Iterator[bytes]:
        """The purchase lines from `first` to `last`, both included, for `COPY … FROM STDIN (format csv)`.

        One chunk a trading day, UTF-8, no header, in the source table's column order and in the order of
        `invoice_date` (whole minutes, UTC, of opening hours). An empty field is null. Memory is bounded by a day.
        """
        return map(self._day, trading_days(first, last))

    def buyers(self, day: date) -> Ints:
        """The ids of the known customers who bought on the day, ascending; none when the shop is closed."""
        if not is_trading_day(day):
            return np.empty(0, np.int64)
        invoices = self._invoices(day)
        bought = invoices.customer[(invoices.kind == Kind.SALE) & (invoices.customer != NOBODY)]
        ids: Ints = self.customers.ids[np.unique(bought)]
        return ids

    def _invoices(self, day: date) -> Invoices:
        rng = generator(self.seed, Stream.ORDERS, day=day)
        return plan(self.customers, day, scale=self.scale, rng=rng)

    def _day(self, day: date) -> bytes:
        invoices = self._invoices(day)
        rng = generator(self.seed, Stream.LINES, day=day)
        lines = draw_lines(self.catalogue, self.customers, invoices, day=day, rng=rng)
        numbers = self._numbers(day, invoices, rng)
        stamps = [f"{day} {minute // 60:02d}:{minute % 60:02d}:00" for minute in invoices.minute.tolist()]
        tails = self._tails(invoices, rng)
        columns = zip(
            lines.invoice.tolist(),
            self._articles(lines, invoices, rng),
            lines.quantity.tolist(),
            lines.price.tolist(),
            strict=True,
        )
        return "".join(
            f"{numbers[n]},{article}{quantity},{stamps[n]},{price // 100}.{price % 100:02d},{tails[n]}\n"
            for n, article, quantity, price in columns
        ).encode()

    def _numbers(self, day: date, invoices: Invoices, rng: np.random.Generator) -> list[str]:
        """Invoice numbers that rise through the day, out of a block that is the day's own."""
        block = round(_INVOICES_PER_DAY * max(self.scale, 0.1))
        first = _FIRST_INVOICE + block * (day - OPENED).days
        numbers = first + np.cumsum(rng.integers(1, 3, invoices.kind.size)) - 1
        returns = (invoices.kind == Kind.RETURN).tolist()
        return [f"C{number}" if back else str(number) for number, back in zip(numbers.tolist(), returns, strict=True)]

    def _tails(self, invoices: Invoices, rng: np.random.Generator) -> list[str]:
        """Customer and country of each invoice, as a line ends with them."""
        strangers = np.where(rng.random(invoices.customer.size) < 0.02, UNSPECIFIED, HOME)
        known = invoices.customer != NOBODY
        country = np.where(known, self.customers.country[invoices.customer], strangers)
        ids = np.where(known, self.customers.ids[invoices.customer], NOBODY)
        people = zip(ids.tolist(), country.tolist(), strict=True)
        return [f"{'' if person == NOBODY else person},{COUNTRIES[place]}" for person, place in people]

    def _articles(self, lines: Lines, invoices: Invoices, rng: np.random.Generator) -> list[str]:
        """Code and text of each line, as a CSV line has them, with a comma behind."""
        entries = self.catalogue.entries
        articles = [entries[article] for article in lines.article.tolist()]
        lost = np.flatnonzero(invoices.kind[lines.invoice] == Kind.WRITE_OFF)
        odd = rng.integers(0, len(_ODD_TEXTS), lost.size)
        for line, text in zip(lost.tolist(), odd.tolist(), strict=True):
            articles[line] = f"{self.catalogue.codes[lines.article[line]]},{_ODD_TEXTS[text]},"
        return articles
