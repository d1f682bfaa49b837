"""The seam: what the environment says, and which deployment that is."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields, replace
from datetime import date
from pathlib import Path

import pytest

from user_behaviour.deployments import DEPLOYMENTS, Deployment, SettingError, deployment, read_settings


def test_an_empty_environment_is_the_local_deployment_in_the_checkout() -> None:
    found = read_settings({})

    assert (found.deployment, found.home.name) == ("local", ".user_behaviour")
    assert (found.first_day, found.last_day) == (date(2010, 12, 1), None)
    assert (found.bad_row_share, found.file_bytes) == (0.01, 1 << 30)


def test_every_setting_is_read_from_its_variable() -> None:
    found = read_settings(
        {
            "USER_BEHAVIOUR_DEPLOYMENT": "local",
            "USER_BEHAVIOUR_HOME": "/somewhere",
            "USER_BEHAVIOUR_FIRST_DAY": "2019-01-01",
            "USER_BEHAVIOUR_LAST_DAY": "2019-12-31",
            "USER_BEHAVIOUR_BAD_ROW_SHARE": "0.25",
            "USER_BEHAVIOUR_FILE_BYTES": "1000",
        }
    )

    assert found.home == Path("/somewhere")
    assert (found.first_day, found.last_day) == (date(2019, 1, 1), date(2019, 12, 31))
    assert (found.bad_row_share, found.file_bytes) == (0.25, 1000)


def test_an_empty_variable_is_none() -> None:
    assert read_settings({"USER_BEHAVIOUR_LAST_DAY": "", "USER_BEHAVIOUR_HOME": ""}) == read_settings({})


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("FIRST_DAY", "1.12.2010", "write a day as 2010-12-01"),
        ("LAST_DAY", "2011-02-30", "write a day as 2010-12-01"),
        ("LAST_DAY", "2010-11-30", "before the first day"),
        ("BAD_ROW_SHARE", "1 %", "write a number from 0 to 1"),
        ("BAD_ROW_SHARE", "nan", "write a number from 0 to 1"),
        ("FILE_BYTES", "inf", "write a number from 1"),
        ("FILE_BYTES", "1 GiB", "write a number"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_its_value(name: str, value: str, advice: str) -> None:
    with pytest.raises(SettingError) as caught:
        read_settings({f"USER_BEHAVIOUR_{name}": value})

    assert str(caught.value).startswith(f"USER_BEHAVIOUR_{name} is '{value}'; {advice}")


def test_an_unknown_deployment_is_named_with_the_choices() -> None:
    with pytest.raises(SettingError, match=r"Deployment 'prodd' is unknown; choose one of: .*local.*\(USER_BEHAVIOUR_"):
        deployment(read_settings({"USER_BEHAVIOUR_DEPLOYMENT": "prodd"}))


@pytest.mark.parametrize("name", ["local"])
def test_a_deployment_has_a_twin_of_every_role_and_touches_nothing_when_it_is_made(name: str, tmp_path: Path) -> None:
    made = DEPLOYMENTS[name](replace(read_settings({}), home=tmp_path / "home"))

    assert all(getattr(made, field.name) is not None for field in fields(Deployment))
    assert not (tmp_path / "home").exists()


def test_two_homes_share_nothing(tmp_path: Path) -> None:
    one, two = (DEPLOYMENTS["local"](replace(read_settings({}), home=tmp_path / name)) for name in ("one", "two"))

    assert one.lake.uri("x") != two.lake.uri("x")
    assert one.vendor_drop.uri() != two.vendor_drop.uri()


def test_reading_the_settings_imports_no_product() -> None:
    code = (
        "import sys; from user_behaviour.deployments import read_settings; read_settings({}); "
        "print(*{'psycopg2', 'pyarrow', 'pyspark', 'boto3', 'dagster', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "\n"
