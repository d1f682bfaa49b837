"""Rows of days that a thread reads: each day gets its own, and its own error."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date

import pytest

from user_behaviour.lake.held_back import HeldBackError
from user_behaviour.lake.read_ahead import ReadAhead

DAYS = [date(2010, 12, day) for day in (1, 2, 3)]


def test_what_holds_a_day_back_and_what_is_left_of_it_do_not_reach_the_next() -> None:
    def read(day: date) -> Iterator[str]:
        yield f"{day:%d} first"
        if day == DAYS[1]:
            raise HeldBackError("a bad value")
        yield f"{day:%d} second"

    with closing(ReadAhead(DAYS, read)) as rows:
        assert next(rows.of(DAYS[0])) == "01 first"
        with pytest.raises(HeldBackError, match="a bad value"):
            list(rows.of(DAYS[1]))
        assert list(rows.of(DAYS[2])) == ["03 first", "03 second"]


def test_after_an_error_of_the_reading_a_later_day_is_an_error_and_not_empty() -> None:
    def read(day: date) -> Iterator[str]:
        raise OSError("the connection is lost")
        yield f"{day}"

    with closing(ReadAhead(DAYS, read)) as rows:
        with pytest.raises(OSError, match="the connection is lost"):
            list(rows.of(DAYS[0]))
        with pytest.raises(LookupError, match="2010-12-02 is asked for after the reading ended"):
            list(rows.of(DAYS[1]))
