"""A vendor whose files land in a lake of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from user_behaviour_tests.vendor.files import Vendor


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[Vendor]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Vendor(tmp_path, instance)
