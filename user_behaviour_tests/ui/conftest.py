"""One server, one browser and one backfill for all tests of the UI; they end with the last of them.

Of the package and not of the session: while a browser of Playwright's is open, nothing else in the process can run an
event loop of asyncio's.
"""

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from user_behaviour_tests.conftest import temporary_home
from user_behaviour_tests.graph.installation import Installation, Row
from user_behaviour_tests.ui.dev_server import DevServer, eventually
from user_behaviour_tests.ui.runs import Run, runs
from user_behaviour_tests.ui.small_shop import SETTINGS, open_shop

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SANDBOX_OF_A_ROOT = "--no-sandbox"  # Chromium refuses to start as root with it
QUIET = ("gpu", "quic", "background-networking", "component-update", "sync")
ARGUMENTS = [SANDBOX_OF_A_ROOT, "--no-first-run", *(f"--disable-{what}" for what in QUIET)]
PATIENCE_MILLISECONDS = 30_000
BACKFILL_LIMIT_SECONDS = 180

_BACKFILL = """
query ($id: String!) { partitionBackfillOrError(backfillId: $id) {
  __typename ... on PartitionBackfill { status } ... on PythonError { message } } }
"""


@dataclass(frozen=True)
class Backfill:
    """A backfill that has ended: its status, its runs, and the metric as it left it."""

    status: str
    runs: Sequence[Run]
    metric: Sequence[Row]


@pytest.fixture(scope="package")
def home() -> Iterator[Path]:
    with temporary_home() as home:
        yield home


@pytest.fixture(scope="package")
def server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevServer]:
    """Dagster's webserver and daemon on an empty home; nothing of it is left running, nor wrote an alarming line."""
    server = DevServer.start(home, tmp_path_factory.mktemp("dev") / "dev.log", settings=SETTINGS)
    left: Sequence[str] = ()
    try:
        yield server
    finally:
        left = server.stop()
    assert not left
    assert not server.complaints()


@pytest.fixture(scope="package")
def shop(home: Path, server: DevServer) -> Installation:
    """The home that the server looks at, with six days of purchases and vendor files."""
    shop = Installation(home)
    open_shop(shop)
    return shop


@pytest.fixture(scope="package")
def browser(server: DevServer) -> Iterator[BrowserContext]:
    """One profile for all pages, which so fetch and compile the UI's scripts once."""
    if (program := chromium()) is None:
        pytest.skip(f"no browser among {', '.join(CHROMIUM)} is on the PATH; `make browser` installs Debian's Chromium")
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield launched.new_context(base_url=server.url, viewport={"width": 2400, "height": 1300})


@pytest.fixture
def page(browser: BrowserContext, tmp_path: Path) -> Iterator[Page]:
    """A page of the UI; a screenshot of how the test left it is in the test's temporary directory."""
    with open_page(browser, tmp_path) as page:
        yield page


@pytest.fixture(scope="package")
def backfilled(
    browser: BrowserContext, server: DevServer, shop: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Backfill:
    """All days of all assets, materialized by clicking in the graph's page."""
    with open_page(browser, tmp_path_factory.mktemp("backfill")) as page:
        page.goto("/asset-groups")
        page.get_by_role("button", name="Materialize all").click()
        dialog = page.get_by_role("dialog")

        def all_days_are_chosen() -> bool:
            """As long as the dialog has not loaded what days there are, `All` is none of them."""
            dialog.get_by_role("button", name="All", exact=True).click()
            return "6 partitions" in dialog.inner_text()

        eventually(all_days_are_chosen, within=BACKFILL_LIMIT_SECONDS, every=1)
        dialog.get_by_role("button", name="Launch backfill").click()
        created = page.get_by_text(re.compile(r"Created backfill \w+"))
        backfill_id = created.inner_text().split()[2]

    def ended() -> str:
        status: str = server.ask(_BACKFILL, id=backfill_id)["partitionBackfillOrError"]["status"]
        return "" if status == "REQUESTED" else status

    status = eventually(ended, within=BACKFILL_LIMIT_SECONDS, every=1)
    return Backfill(status, runs(server, backfill=backfill_id), shop.metric())


def chromium() -> str | None:
    """The browser of this machine; None where it has none."""
    return next(filter(None, map(shutil.which, CHROMIUM)), None)


@contextmanager
def open_page(browser: BrowserContext, pictures: Path) -> Iterator[Page]:
    """A page in which no script may fail and no request be refused; its last sight is `page.png`."""
    wrong: list[str] = []
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MILLISECONDS)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("response", lambda answer: wrong.extend([f"{answer.status} {answer.url}"] if answer.status >= 400 else []))
    try:
        yield page
    finally:
        page.screenshot(path=pictures / "page.png")
        page.close()
    assert not wrong
