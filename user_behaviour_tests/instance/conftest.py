"""The local Dagster instance, for tests."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from user_behaviour.instance.instance import prepare
from user_behaviour.local.stack import Stack
from user_behaviour.project_files import PROJECT_FILES as CHECKOUT

LOCAL = CHECKOUT / "user_behaviour" / "local" / "dagster.yaml"


@pytest.fixture
def instance(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """The local instance, in a home of the test's own, with its environment in this process."""
    for name, value in prepare(tmp_path, LOCAL, dagster_url=stack.endpoints().dagster).items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.get() as opened:
        yield opened
