"""How long a user waits for `make dev`: measured while nothing else of the suite runs."""

import os

import pytest

from user_behaviour_tests.ui.dev_server import DevServer

pytestmark = pytest.mark.alone

START_PROMISE_SECONDS = 20


def test_the_ui_answers_within_20_seconds_on_an_empty_home(server: DevServer) -> None:
    """It took 9 to 12 s on two cores that others used too, the first start of PostgreSQL included."""
    load = os.getloadavg()[0]
    assert server.answered_after < START_PROMISE_SECONDS, f"it took {server.answered_after:.1f} s; load {load:.1f}"
