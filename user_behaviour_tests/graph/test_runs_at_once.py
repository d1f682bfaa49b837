"""Runs that overlap in time: real processes of the command on one installation."""

import subprocess
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from user_behaviour.tables.days import DayRange
from user_behaviour_tests.command_line import Home
from user_behaviour_tests.graph.installation import Installation, Row, new_installation

pytestmark = [pytest.mark.takes(50), pytest.mark.slow]

DAYS = DayRange(date(2011, 10, 3), date(2011, 10, 8))


@pytest.fixture
def shop() -> Iterator[Installation]:
    with new_installation() as installation:
        installation.sell([(f"{day} 12:00:00", 4, "2.500", "A", 13700) for day in DAYS.days()])
        for day in DAYS.days():
            installation.deliver(f"movie_review_{day}.csv", "cid,review_str\n13700,good\n")
        yield installation


def _started(home: Home, first: str, last: str) -> subprocess.Popen[str]:
    command = home.command("run", "--from", first, "--to", last)
    return subprocess.Popen(command, env=home.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _ended(run: subprocess.Popen[str]) -> int:
    """Waits for a run; gives its exit status."""
    said, _ = run.communicate(timeout=300)
    print(said)  # shown where the test fails
    return run.returncode


def _expected(spent: str) -> list[Row]:
    return [(day, 13700, Decimal(spent), 1, 1) for day in DAYS.days()]


def test_runs_of_the_same_and_of_other_days_at_once_end_in_the_right_state(shop: Installation) -> None:
    home = Home(shop.home)
    runs = [_started(home, "2011-10-03", last) for last in ("2011-10-08", "2011-10-06")]
    # The shop goes on selling while they run; whichever snapshot is the newest has to win.
    shop.sell([(f"{day} 13:00:00", 4, "1.000", "B", 13700) for day in DAYS.days()])
    last = _started(home, "2011-10-05", "2011-10-08")
    for run in runs:
        _ended(run)
    assert _ended(last) == 0
    # Days that only the first runs covered may have been landed before the sale; those of the last were not.
    assert shop.metric()[2:] == _expected("14.00000")[2:]
    assert shop.run("2011-10-03", "2011-10-08").success
    assert shop.metric() == _expected("14.00000")
