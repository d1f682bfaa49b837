"""`user-behaviour demo`: from data to the metric, and a calendar on which all ways of starting agree."""

from datetime import date
from pathlib import Path

import pytest

from user_behaviour.settings import SettingError, read_settings, remember_last_day
from user_behaviour_tests.command_line import Home, temporary_installation


def partitions(home: Home, **variables: str) -> str:
    (line,) = [line for line in home.call("status", **variables).stdout.splitlines() if line.startswith("partitions:")]
    return line.removeprefix("partitions:").strip()


def test_the_demo_shows_the_metric_ends_the_calendar_and_changes_nothing_a_second_time() -> None:
    """It ended with the sample under `make`, and had 5,460 missing partitions under the command that it named."""
    first_day = {"USER_BEHAVIOUR_FIRST_DAY": "2011-12-08"}
    with temporary_installation() as home:
        assert home.call("generate", "--from", "2011-12-08", "--to", "2011-12-09", "--scale", "0.05").returncode == 0
        assert partitions(home) == "2010-12-01 to yesterday"
        first, second = (home.process("demo", **first_day) for _ in range(2))
        assert (first.returncode, second.returncode) == (0, 0), first.stdout + first.stderr
        assert first.stderr == ""
        assert "2011-12-08 to 2011-12-09, 7 assets" in first.stdout
        shown = "public.user_behavior_metric, ten rows of the newest day that has some:"
        assert (
            first.stdout.split(shown)[1].split("s in all")[0].splitlines()[:-1]
            == (second.stdout.split(shown)[1].split("s in all")[0].splitlines()[:-1])
        )
        assert len(home.rows("select * from user_behavior_metric")) > 0
        assert "Nothing is missing from 2011-12-08 to 2011-12-09." in second.stdout
        assert partitions(home) == "2010-12-01 to 2011-12-09"
        assert partitions(home, USER_BEHAVIOUR_LAST_DAY="2011-12-31") == "2010-12-01 to 2011-12-31"


def test_the_last_day_of_a_home_is_every_starts_unless_the_environment_says_another(tmp_path: Path) -> None:
    here = {"USER_BEHAVIOUR_HOME": str(tmp_path)}
    assert read_settings(here).last_day is None
    remember_last_day(tmp_path, date(2011, 12, 9))
    assert read_settings(here).last_day == date(2011, 12, 9)
    assert read_settings({**here, "USER_BEHAVIOUR_LAST_DAY": "2012-01-31"}).last_day == date(2012, 1, 31)


def test_a_remembered_day_that_is_none_is_named_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "last_day").write_text("soon")
    with pytest.raises(
        SettingError, match=r"last_day holds 'soon', which is not a day as 2010-12-01; correct or remove"
    ):
        read_settings({"USER_BEHAVIOUR_HOME": str(tmp_path)})
