"""The sensors and schedules: there to switch on, and what they do once they are."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Locator, Page, expect

from user_behaviour_tests.graph.installation import Installation
from user_behaviour_tests.ui.conftest import Backfill
from user_behaviour_tests.ui.dev_server import DevServer, eventually
from user_behaviour_tests.ui.runs import UNFINISHED, runs
from user_behaviour_tests.ui.small_shop import LATE_DAY, LATE_METRIC, LATE_REVIEWS, deliver

# Each of the two sensors looks every 30 s, asks at the second look that sees the same, and its run takes some seconds.
SENSORS_LIMIT_SECONDS = 240


def test_sensors_and_schedules_are_listed_and_off(page: Page, server: DevServer) -> None:
    page.goto("/automation")
    for name in ("vendor_files", "metric_follows", "purchases_daily", "purge_weekly"):
        expect(_switch(page, name)).not_to_be_checked()


def test_a_late_vendor_file_reaches_the_metric_by_the_sensors_alone(
    page: Page, server: DevServer, shop: Installation, backfilled: Backfill
) -> None:
    assert shop.metric(LATE_DAY, LATE_DAY) == []
    with _switched_on(page, "vendor_files", "metric_follows"):
        deliver(shop, LATE_DAY, LATE_REVIEWS)
        found = eventually(lambda: shop.metric(LATE_DAY, LATE_DAY), within=SENSORS_LIMIT_SECONDS)
        eventually(lambda: all(run.status not in UNFINISHED for run in runs(server)), within=SENSORS_LIMIT_SECONDS)
    assert found == [LATE_METRIC]
    for sensor in ("vendor_files", "metric_follows"):
        assert {run.status for run in runs(server, sensor_name=sensor)} == {"SUCCESS"}


@contextmanager
def _switched_on(page: Page, *names: str) -> Iterator[None]:
    """Clicks the switches of the Automation page, and back at the end."""
    page.goto("/automation")
    for name in names:
        _click(page, name)
        expect(_switch(page, name)).to_be_checked()
    try:
        yield
    finally:
        for name in names:
            _click(page, name)
            expect(_switch(page, name)).not_to_be_checked()


def _switch(page: Page, name: str) -> Locator:
    """The box of a line's switch, which comes late; the line has another box, which only marks it."""
    return _picture(page, name).get_by_role("checkbox")


def _click(page: Page, name: str) -> None:
    expect(_switch(page, name)).to_be_enabled()
    _picture(page, name).click()  # the box itself is out of sight


def _picture(page: Page, name: str) -> Locator:
    return page.locator("[data-index]").filter(has_text=name).locator("label[class*=Switch]")
