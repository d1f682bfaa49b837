"""What a check says: the first offence, how many days offend besides, counts and a small sample."""

from datetime import date, timedelta

import pytest

from user_behaviour.checks.verdict import Offence, verdict


@pytest.mark.parametrize(("more", "tail"), [(0, ""), (1, " (1 more day offends)"), (2, " (2 more days offend)")])
def test_the_description_is_the_first_offence_and_how_many_days_offend_besides(more: int, tail: str) -> None:
    offences = [Offence(date(2011, 1, 1) + timedelta(days=n), f"{n} rows") for n in range(more + 1)]
    assert verdict(offences, looked_at=9).description == f"2011-01-01: 0 rows{tail}"


def test_the_sample_is_small_and_the_counts_are_whole() -> None:
    offences = [Offence(date(2011, 1, 1 + n // 5), f"{n} rows") for n in range(40)]
    result = verdict(offences, looked_at=31)
    metadata = {name: value.value for name, value in result.metadata.items()}
    assert metadata.pop("sample") == "\n".join(f"- **2011-01-0{1 + n // 5}** {n} rows" for n in range(10))
    assert metadata == {
        "days_looked_at": 31,
        "days_offending": 8,
        "offences": 40,
        "days": ", ".join(f"2011-01-0{n}" for n in range(1, 9)),
    }


def test_no_offence_is_a_pass_only_if_something_was_looked_at() -> None:
    assert verdict([], looked_at=1).passed
    assert not verdict([], looked_at=0).passed
