"""The sample shop: purchase lines that look real, generated day by day from a seed.

A day is a pure function of seed, scale and date. Holds the shop and how its lines are written; what is on them is drawn
in `invoices`. The reviews by the same customers are the `vendor`'s.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from user_behaviour.sample.calendar import OPENED, Stream, generator, is_trading_day, trading_days
from user_behaviour.sample.catalogue import Catalogue, Ints, catalogue
from user_behaviour.sample.customers import COUNTRIES, HOME, UNSPECIFIED, Customers, customers
from user_behaviour.sample.invoices import NOBODY, Invoices, Kind, invoices_of, lines_of

MAX_SCALE = 100.0
_FIRST_INVOICE = 536365
_INVOICES_PER_DAY = 1000  # numbers that a day may use at scale 1; the busiest day uses about half of them
# The texts of write-offs stand in the place of the article's; many are empty, which is null.
_REASONS = ("", "", "", "damaged", "?", "wet / mouldy", "lost in depot", "check", "sold as set ", "thrown away", "??")


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
        return invoices_of(self.customers, day, scale=self.scale, rng=rng)

    def _day(self, day: date) -> bytes:
        invoices, codes = self._invoices(day), self.catalogue.codes
        rng = generator(self.seed, Stream.LINES, day=day)
        lines = lines_of(invoices, self.customers, catalogue=self.catalogue, day=day, rng=rng)
        numbers = self._numbers(day, invoices, rng)
        stamps = [f"{day} {minute // 60:02d}:{minute % 60:02d}:00" for minute in invoices.minute.tolist()]
        buyers = self._buyers(invoices, rng)
        texts = [self.catalogue.texts[article] for article in lines.article.tolist()]
        lost = np.flatnonzero(invoices.kind[lines.invoice] == Kind.WRITE_OFF)
        for line, text in zip(lost.tolist(), rng.integers(0, len(_REASONS), lost.size).tolist(), strict=True):
            texts[line] = _REASONS[text]
        columns = (lines.invoice, lines.article, lines.quantity, lines.price)
        rows = zip(*(column.tolist() for column in columns), texts, strict=True)
        return "".join(
            f"{numbers[n]},{codes[article]},{text},{quantity},{stamps[n]},{pence / 100:.2f},{buyers[n]}\n"
            for n, article, quantity, pence, text in rows
        ).encode()

    def _numbers(self, day: date, invoices: Invoices, rng: np.random.Generator) -> list[str]:
        """Invoice numbers that rise through the day, out of a block that is the day's own."""
        block = round(_INVOICES_PER_DAY * max(self.scale, 0.1))
        first = _FIRST_INVOICE + block * (day - OPENED).days
        numbers = first + np.cumsum(rng.integers(1, 3, invoices.kind.size)) - 1
        returns = invoices.kind == Kind.RETURN
        return [f"C{number}" if back else str(number) for number, back in zip(numbers.tolist(), returns, strict=True)]

    def _buyers(self, invoices: Invoices, rng: np.random.Generator) -> list[str]:
        """Customer and country of each invoice; one in fifty of nobody known is of an unspecified country."""
        known = invoices.customer != NOBODY
        strangers = np.where(rng.random(known.size) < 0.02, UNSPECIFIED, HOME)
        ids = self.customers.ids[invoices.customer].tolist()
        countries = np.where(known, self.customers.country[invoices.customer], strangers).tolist()
        columns = zip(known.tolist(), ids, countries, strict=True)
        return [f"{id_ if is_known else ''},{COUNTRIES[country]}" for is_known, id_, country in columns]
