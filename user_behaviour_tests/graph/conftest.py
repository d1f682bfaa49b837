"""One installation for the whole of the graph's tests; each test has days of its own."""

from collections.abc import Iterator

import pytest

from user_behaviour_tests.conftest import temporary_home
from user_behaviour_tests.graph.installation import Installation


@pytest.fixture(scope="session")
def installation() -> Iterator[Installation]:
    with temporary_home() as home:
        installation = Installation(home)
        yield installation
        installation.instance.dispose()
