"""What a check says: the first offence, how many days offend besides, counts and a small sample."""

from datetime import date, timedelta

import dagster as dg
import pytest

from user_behaviour.checks.result import DaysUnderCheck, Offence
from user_behaviour.tables.days import DayRange

JANUARY = DayRange(date(2011, 1, 1), date(2011, 1, 31)).days()
CHECK = dg.AssetCheckKey(dg.AssetKey("raw_reviews"), "is_well")
MONTH = DaysUnderCheck(CHECK, JANUARY)
FIRST, SECOND, THIRD = JANUARY[:3]
EARLIER = DaysUnderCheck(CHECK, [SECOND], standing=[FIRST, THIRD])
WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


@pytest.mark.parametrize(("more", "tail"), [(0, ""), (1, " (1 more day offends)"), (2, " (2 more days offend)")])
def test_the_description_is_the_first_offence_and_how_many_days_offend_besides(more: int, tail: str) -> None:
    offences = [Offence(date(2011, 1, 1) + timedelta(days=n), f"{n} rows") for n in range(more + 1)]
    assert MONTH.result(offences, looked_at=JANUARY).description == f"2011-01-01: 0 rows{tail}"


def test_the_sample_is_small_and_the_counts_are_whole() -> None:
    offences = [Offence(date(2011, 1, 1 + n // 5), f"{n} rows") for n in range(40)]
    result = MONTH.result(offences, looked_at=JANUARY)
    metadata = {name: value.value for name, value in result.metadata.items()}
    assert metadata.pop("sample") == "\n".join(f"- **2011-01-0{1 + n // 5}** {n} rows" for n in range(10))
    assert metadata == {
        "days_looked_at": 31,
        "days_offending": 8,
        "offences": 40,
        "days": ", ".join(f"2011-01-0{n}" for n in range(1, 9)),
    }


def test_no_offence_is_a_pass_only_if_a_day_of_the_run_was_looked_at() -> None:
    assert MONTH.result([], looked_at=[FIRST]).passed
    assert not MONTH.result([], looked_at=[]).passed
    assert not EARLIER.result([], looked_at=[FIRST, THIRD]).passed


def test_days_of_other_runs_are_told_and_do_not_fail_this_one() -> None:
    offences = [Offence(FIRST, "1 lost"), Offence(THIRD, "3 lost")]
    result = EARLIER.result(offences, looked_at=EARLIER.days)
    assert (result.passed, result.severity) == (False, WARN)
    assert result.description == "Not of this run: 2011-01-01: 1 lost (1 more day offends)"
    assert result.metadata["days"].value == "2011-01-01, 2011-01-03"
    assert result.metadata["days_looked_at"].value == 1
    assert not EARLIER.fails(offences)
    assert EARLIER.result(offences, looked_at=EARLIER.days, standing=ERROR).severity is ERROR


def test_a_day_of_the_run_is_told_before_days_of_other_runs() -> None:
    offences = [Offence(FIRST, "1 lost"), Offence(SECOND, "2 lost")]
    result = EARLIER.result(offences, looked_at=EARLIER.days)
    assert result.severity is ERROR
    assert result.description == "2011-01-02: 2 lost (1 more day offends)"
    assert EARLIER.fails(offences)


def test_overtaken_days_warn_and_are_silent_where_a_day_of_the_run_offends() -> None:
    """A warning about one day must not hide a loss on another."""
    overtaken = [Offence(SECOND, "rerun the day")]
    alone = EARLIER.result([], looked_at=EARLIER.days, overtaken=overtaken)
    assert (alone.severity, alone.description) == (WARN, "2011-01-02: rerun the day")
    beside = EARLIER.result([Offence(FIRST, "1 lost")], looked_at=EARLIER.days, overtaken=overtaken)
    assert (beside.severity, beside.metadata["days"].value) == (WARN, "2011-01-01, 2011-01-02")
    outweighed = EARLIER.result([Offence(SECOND, "2 lost")], looked_at=EARLIER.days, overtaken=overtaken)
    assert (outweighed.severity, outweighed.metadata["offences"].value) == (ERROR, 1)
