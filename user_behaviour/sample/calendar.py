"""The sample's calendar: which days the shop trades, how busy each is, and the random numbers that a day owns.

Everything here is a pure function of its arguments, so any day can be generated alone and still be the same day.
What is sold or written on a day is not decided here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from enum import IntEnum
from functools import cache

import numpy as np

OPENED = date(2010, 12, 1)
YEAR_END = date(2011, 12, 9)
"""The first day of trade, and the last day of the period that `--scale 1` and the default range are sized for."""

# Day of the year and how busy it is against an ordinary day: a quiet winter, a busy autumn, a stop before Christmas.
_SEASON = ((1, 0.70), (12, 0.85), (45, 0.68), (90, 0.80), (182, 0.84), (225, 0.76), (258, 1.05), (288, 1.30))
_SEASON_END = ((312, 1.75), (335, 1.95), (344, 1.70), (357, 0.35), (366, 0.35))
_WEEKDAYS = (1.13, 1.09, 1.00, 1.10, 0.92, 0.0, 0.72)  # Monday first; Saturday is closed
_SPECIAL_CLOSURES = frozenset({date(2011, 4, 29)})
_MONDAY, _SATURDAY = 0, 5


class Stream(IntEnum):
    """What random numbers are for. Each use has its own stream, so that one cannot shift another."""

    CATALOGUE = 1
    CUSTOMERS = 2
    ORDERS = 3
    LINES = 4
    REVIEWS = 5
    DROPS = 6


def generator(seed: int, stream: Stream, *, day: date | None = None) -> np.random.Generator:
    """The random numbers of one stream of a day, or of the whole shop where no day is given."""
    ordinal = day.toordinal() if day else 0
    return np.random.default_rng(np.random.SeedSequence([seed, int(stream), ordinal]))


def is_trading_day(day: date) -> bool:
    """Whether the shop trades: since `OPENED`, except Saturdays, bank holidays and 24 December to 3 January."""
    return day >= OPENED and day.weekday() != _SATURDAY and not _is_holiday(day)


def trading_days(first: date, last: date) -> Iterator[date]:
    """The trading days from `first` to `last`, both included."""
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        if is_trading_day(day):
            yield day


def demand(day: date) -> float:
    """How busy a trading day is by season and weekday; 1.0 is the mean from `OPENED` to `YEAR_END`."""
    return _shape(day) / _mean_shape()


def _shape(day: date) -> float:
    days, factors = zip(*_SEASON, *_SEASON_END, strict=True)
    return float(np.interp(day.timetuple().tm_yday, days, factors)) * _WEEKDAYS[day.weekday()]


@cache
def _mean_shape() -> float:
    return float(np.mean([_shape(day) for day in trading_days(OPENED, YEAR_END)]))


def _is_holiday(day: date) -> bool:
    if (day.month, day.day) >= (12, 24) or (day.month, day.day) <= (1, 3):
        return True
    easter = _easter_sunday(day.year)
    if day in _SPECIAL_CLOSURES or day - easter in (timedelta(-2), timedelta(0), timedelta(1)):
        return True
    if day.weekday() != _MONDAY:
        return False
    first_of_month, last_of_month = day.day <= 7, day.day > 24
    return (day.month == 5 and (first_of_month or last_of_month)) or (day.month == 8 and last_of_month)


@cache
def _easter_sunday(year: int) -> date:
    """Easter Sunday of the Gregorian calendar, by the anonymous algorithm (Nature, 20 April 1876; Meeus)."""
    century, of_century = divmod(year, 100)
    golden = year % 19
    leaps, rest = divmod(century, 4)
    correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leaps - correction + 15) % 30
    four_years, years = divmod(of_century, 4)
    to_sunday = (32 + 2 * rest + 2 * four_years - epact - years) % 7
    shift = (golden + 11 * epact + 22 * to_sunday) // 451
    month, day = divmod(epact + to_sunday - 7 * shift + 114, 31)
    return date(year, month, day + 1)
