"""The healthy installation, once for all tests of the checks; each test breaks a day of its own."""

from collections.abc import Iterator
from datetime import date

import pytest

from user_behaviour_tests.checks.shop import Shop
from user_behaviour_tests.conftest import temporary_home
from user_behaviour_tests.graph.installation import Installation


@pytest.fixture(scope="session")
def shop() -> Iterator[Shop]:
    with temporary_home() as home:
        installation = Installation(home)
        yield Shop(installation)
        installation.instance.dispose()


@pytest.fixture
def days(shop: Shop) -> list[date]:
    return shop.three_days()
