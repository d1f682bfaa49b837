"""How a day is compared with its own past: volume against the same weekday, a share against the weeks before.

Pure arithmetic on counts. Both rules are silent while there is too little past to speak of.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from math import sqrt
from statistics import median

from user_behaviour.checks.result import Offence

WEEKS = 8
FEWEST_WEEKS = 4
FACTOR = 4.0
BAND_DAYS = 28
FEWEST_REVIEWS = 200
STANDARD_ERRORS = 4.0


def days_before(days: Sequence[date], count: int) -> list[date]:
    """The days, and so many days before each, in order."""
    return sorted({day - timedelta(days=n) for day in days for n in range(count + 1)})


def unusual_volumes(rows: Mapping[date, int], days: Sequence[date]) -> list[Offence]:
    """Days with more than `FACTOR` times, or less than a `FACTOR`th, of the median of the same weekday.

    The past are the last `WEEKS` same weekdays that are known; at least `FEWEST_WEEKS` must be.
    """
    offences = []
    for day in days:
        past = [rows[d] for d in (day - timedelta(weeks=n) for n in range(1, WEEKS + 1)) if d in rows]
        if len(past) < FEWEST_WEEKS:
            continue
        usual = median(past)
        if not usual / FACTOR <= rows.get(day, 0) <= usual * FACTOR:
            offences.append(Offence(day, f"{rows.get(day, 0)} rows; a {day:%A} usually has {usual:g}"))
    return offences


def unusual_shares(counts: Mapping[date, tuple[int, int]], days: Sequence[date]) -> list[Offence]:
    """Days whose share lies outside the band of the `BAND_DAYS` before; `counts` are (with, all) for each day.

    The band is `STANDARD_ERRORS` of a binomial share on both sides: sqrt(p (1 - p) / n), p the share of the days
    before, n the day's own count. At least `FEWEST_REVIEWS` must have come before.
    """
    offences = []
    for day in days:
        past = [counts[d] for d in (day - timedelta(days=n) for n in range(1, BAND_DAYS + 1)) if d in counts]
        some, every = sum(c[0] for c in past), sum(c[1] for c in past)
        of_day = counts.get(day, (0, 0))
        if every < FEWEST_REVIEWS or not of_day[1]:
            continue
        expected, share = some / every, of_day[0] / of_day[1]
        width = STANDARD_ERRORS * sqrt(expected * (1 - expected) / of_day[1])
        if abs(share - expected) > width:
            offences.append(Offence(day, f"{share:.0%} of {of_day[1]}; expected {expected:.0%} ± {width:.0%}"))
    return offences
