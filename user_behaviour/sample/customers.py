"""The sample shop's customers and their habits: how often, which weekday, what time, how much, and of what.

Holds people as arrays, one element a customer, so that a day's shoppers are drawn in one step.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from user_behaviour.sample.calendar import OPENED, YEAR_END, Stream, generator
from user_behaviour.sample.catalogue import Floats, Ints
from user_behaviour.sample.words import SECTIONS

COUNTRIES = (
    "United Kingdom", "Germany", "France", "Ireland", "Spain", "Netherlands", "Belgium", "Switzerland", "Portugal",
    "Australia", "Norway", "Italy", "Channel Islands", "Finland", "Sweden", "United Arab Emirates", "Unspecified",
)  # fmt: skip
HOME, UNSPECIFIED = 0, len(COUNTRIES) - 1
HOUSEHOLD, TRADE, WHOLESALE = range(3)
_STYLE_SHARES = (0.30, 0.62, 0.08)
_ABROAD, _KNOWN_BEFORE = 0.09, 0.3  # shares of customers; the latter had bought before the first day
_FIRST_ID, _COUNT, _FEWEST = 12346, 4700, 40


@dataclass(frozen=True)
class Customers:
    """One element a customer.

    `joined` is the ordinal of the day of the first purchase, `minute` the usual minute of the day, `basket` the length
    of an order against the mean, `style` one of `HOUSEHOLD`, `TRADE`, `WHOLESALE`, `section` the number of the
    favourite section, `country` a position in `COUNTRIES`.
    """

    ids: Ints
    joined: Ints
    activity: Floats
    weekday: Ints
    minute: Ints
    basket: Floats
    style: Ints
    section: Ints
    country: Ints

    def newcomers(self, day: date) -> Ints:
        """The customers whose first purchase is on the day, as positions in the arrays."""
        return np.flatnonzero(self.joined == day.toordinal())

    def regulars(self, rng: np.random.Generator, day: date, *, count: int) -> Ints:
        """`count` draws (with replacement) of those who have bought before, by their activity and weekday."""
        keenness = self.activity * np.where(self.weekday == day.weekday(), 2.4, 0.8)
        steps = np.cumsum(np.where(self.joined < day.toordinal(), keenness, 0.0))
        drawn = rng.random(count) * steps[-1]
        who: Ints = np.minimum(np.searchsorted(steps, drawn, side="right"), steps.size - 1)
        return who


def customers(seed: int, scale: float) -> Customers:
    """The customers of the shop: their number grows with the scale, from a few dozen on."""
    rng = generator(seed, Stream.CUSTOMERS)
    count = max(_FEWEST, round(_COUNT * scale))
    joined = OPENED.toordinal() + rng.integers(0, (YEAR_END - OPENED).days + 1, count)
    joined[: max(1, round(count * _KNOWN_BEFORE))] = OPENED.toordinal() - 1
    abroad = rng.random(count) < _ABROAD
    rarity = np.floor((UNSPECIFIED - 1) * rng.random(count) ** 2.2).astype(np.int64)
    return Customers(
        ids=_FIRST_ID + np.concatenate(([0], np.cumsum(rng.integers(1, 3, count - 1)))).astype(np.int64),
        joined=rng.permutation(joined),
        activity=rng.lognormal(0.0, 1.15, count),
        weekday=rng.choice(np.array([0, 1, 2, 3, 4, 6]), count),
        minute=np.clip(rng.normal(12.8 * 60, 110, count), 8 * 60, 18 * 60).astype(np.int64),
        basket=rng.lognormal(0.0, 0.5, count),
        style=rng.choice(3, count, p=_STYLE_SHARES).astype(np.int64),
        section=rng.integers(0, len(SECTIONS), count),
        country=np.where(abroad, 1 + rarity, HOME),
    )
