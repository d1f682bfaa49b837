"""The stack that the tests of deploy/ share, none of which changes it."""

import pytest

from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.deploy.created_stack import CreatedStack, create


@pytest.fixture(scope="session")
def created(cloud: Cloud) -> CreatedStack:
    """Without any option."""
    return create(cloud, "deployed")
