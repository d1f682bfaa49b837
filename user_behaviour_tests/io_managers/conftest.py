"""The greenhouse of a test: a lake and a Dagster instance in memory."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from user_behaviour_tests.io_managers.greenhouse import Greenhouse


@pytest.fixture
def greenhouse(tmp_path: Path) -> Iterator[Greenhouse]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Greenhouse(tmp_path, instance)
