"""A catalog that the tests of triggers share, empty before each."""

from collections.abc import Iterator

import pytest

from user_behaviour.local.stack import Stack
from user_behaviour_tests.triggers.ticks import Catalog, new_catalog


@pytest.fixture(scope="package")
def database(stack: Stack) -> Iterator[Catalog]:
    with new_catalog(stack) as catalog:
        yield catalog


@pytest.fixture
def catalog(database: Catalog) -> Catalog:
    database.clear()
    return database
