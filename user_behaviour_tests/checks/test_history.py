"""The arithmetic of history, by counts made by hand: silent, at the border, over it."""

from datetime import date, timedelta

import pytest

from user_behaviour.checks.history import days_before, unusual_shares, unusual_volumes
from user_behaviour.checks.result import Offence

DAY = date(2011, 6, 1)  # a Wednesday


def weeks(*rows: int) -> dict[date, int]:
    """The rows of the Wednesdays before, the newest first."""
    return {DAY - timedelta(weeks=n): count for n, count in enumerate(rows, 1)}


def shares(*counts: tuple[int, int]) -> dict[date, tuple[int, int]]:
    """The positive and all reviews of the days before, the newest first."""
    return {DAY - timedelta(days=n): count for n, count in enumerate(counts, 1)}


def test_days_before_come_in_order_with_the_days_themselves() -> None:
    days = [date(2011, 3, 2), date(2011, 3, 3)]
    assert days_before(days, 2) == [date(2011, 2, 28), date(2011, 3, 1), *days]


def test_eight_usual_weeks_and_a_tenfold_day() -> None:
    assert unusual_volumes({**weeks(*[100] * 8), DAY: 1000}, [DAY]) == [
        Offence(DAY, "1000 rows; a Wednesday usually has 100")
    ]


@pytest.mark.parametrize(
    ("rows", "usual"), [(400, True), (401, False), (25, True), (24, False), (0, False), (100, True)]
)
def test_volume_may_be_a_quarter_up_to_four_times_the_median(rows: int, *, usual: bool) -> None:
    past = weeks(1, 100, 100, 100, 100, 100, 100, 9999)  # one holiday and one sale do not move the median
    assert (unusual_volumes({**past, DAY: rows}, [DAY]) == []) is usual


def test_the_median_of_an_even_number_of_weeks_lies_between_the_middle_ones() -> None:
    assert unusual_volumes({**weeks(10, 20, 31, 40), DAY: 102}, [DAY]) == []
    assert unusual_volumes({**weeks(10, 20, 31, 40), DAY: 103}, [DAY]) == [
        Offence(DAY, "103 rows; a Wednesday usually has 25.5")
    ]


def test_volume_is_silent_with_three_weeks_and_speaks_with_four() -> None:
    assert unusual_volumes({**weeks(100, 100, 100), DAY: 1000}, [DAY]) == []
    assert len(unusual_volumes({**weeks(100, 100, 100, 100), DAY: 1000}, [DAY])) == 1


def test_other_weekdays_and_weeks_further_back_are_no_past() -> None:
    others = {DAY - timedelta(days=n): 100 for n in range(1, 100) if n % 7}
    older = {DAY - timedelta(weeks=n): 100 for n in range(9, 20)}
    assert unusual_volumes({**others, **older, DAY: 1000}, [DAY]) == []


def test_a_weekday_on_which_nothing_ever_happens_stays_silent_until_something_does() -> None:
    """Closed on Saturdays: none is usual, and a single row is not; a median of nought was once taken for no past."""
    closed = weeks(*[0] * 8)
    assert unusual_volumes({**closed, DAY: 0}, [DAY]) == []
    assert unusual_volumes({**closed, DAY: 1}, [DAY]) == [Offence(DAY, "1 rows; a Wednesday usually has 0")]


def test_each_day_of_a_run_is_held_against_its_own_weekday() -> None:
    next_day = DAY + timedelta(days=1)
    quiet = {next_day - timedelta(weeks=n): 10 for n in range(1, 9)}
    rows = {**weeks(*[100] * 8), **quiet, DAY: 100, next_day: 100}
    assert unusual_volumes(rows, [DAY, next_day]) == [Offence(next_day, "100 rows; a Thursday usually has 10")]


@pytest.mark.parametrize(("positive", "usual"), [(48, True), (49, False), (16, True), (15, False), (32, True)])
def test_a_share_may_lie_four_standard_errors_off(positive: int, *, usual: bool) -> None:
    """Half of 400 before, 64 reviews on the day: 4 · sqrt(0.25 / 64) is 0.25, so 16 to 48 of them may be positive."""
    past = shares(*[(50, 100)] * 4)
    assert (unusual_shares({**past, DAY: (positive, 64)}, [DAY]) == []) is usual


def test_an_unusual_share_is_told_with_its_band() -> None:
    past = shares(*[(50, 100)] * 4)
    assert unusual_shares({**past, DAY: (64, 64)}, [DAY]) == [Offence(DAY, "100% of 64; expected 50% ± 25%")]


def test_a_share_is_silent_with_199_reviews_before_and_speaks_with_200() -> None:
    assert unusual_shares({**shares((50, 100), (50, 99)), DAY: (64, 64)}, [DAY]) == []
    assert len(unusual_shares({**shares((50, 100), (50, 100)), DAY: (64, 64)}, [DAY])) == 1


def test_a_share_of_no_reviews_is_no_share() -> None:
    assert unusual_shares({**shares((100, 200)), DAY: (0, 0)}, [DAY]) == []


def test_the_band_is_of_the_28_days_before_and_no_older_ones() -> None:
    older = {DAY - timedelta(days=29): (1000, 1000)}
    assert unusual_shares({**older, DAY: (0, 64)}, [DAY]) == []
    oldest_that_counts = {DAY - timedelta(days=28): (100, 200)}
    assert len(unusual_shares({**oldest_that_counts, DAY: (0, 64)}, [DAY])) == 1


def test_the_days_of_a_run_are_the_past_of_its_later_days() -> None:
    first = {DAY: (200, 400)}
    next_day = DAY + timedelta(days=1)
    assert unusual_shares({**first, next_day: (64, 64)}, [DAY, next_day]) == [
        Offence(next_day, "100% of 64; expected 50% ± 25%")
    ]
