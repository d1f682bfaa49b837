"""The calendar of a home, on which all ways of starting agree. The demo itself runs from the wheel, in `test_wheel`."""

from datetime import date
from pathlib import Path

import pytest

from user_behaviour.settings import SettingError, read_settings, remember_last_day


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
