"""Takes the pictures of the UI and the report that README and docs show, on a demo home: `make pictures`.

A test of the docs holds that each is there and small; what is on them, a person looks at.
"""

import tempfile
from datetime import date
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from user_behaviour.commands.dev import graph_page
from user_behaviour.report.daily_report import report_path
from user_behaviour_tests.command_line import Home
from user_behaviour_tests.conftest import temporary_home
from user_behaviour_tests.ui.conftest import ARGUMENTS, chromium
from user_behaviour_tests.ui.dev_server import DevServer

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
DAY = "2011-12-09"
BROKEN = f"movie_review_{DAY}_late.csv"
SETTLED_MILLISECONDS = 8_000  # the UI asks and draws for a while, and never says that it has done


def take() -> None:
    """Makes a demo, then delivers a broken file and a foreign one, and looks at what the UI makes of them."""
    with temporary_home() as place, tempfile.TemporaryDirectory() as log:
        home = Home(place)
        assert home.process("demo").returncode == 0
        server = DevServer.start(place, Path(log) / "dev.log", settings={})
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
                page = browser.new_page(base_url=server.url, viewport={"width": 1280, "height": 480})
                _shoot(page, local_report(place), "report", size=(1080, 860))
                page.goto("/")
                page.get_by_text("Hide navigation").click()
                _shoot(page, graph_page(server.url), "graph")
                (place / "vendor" / BROKEN).write_text("customer,review\n13543,A good film\n")
                (place / "vendor" / "reviews.csv").write_text("cid,review_str\n13543,A good film\n")
                assert home.process("run", "--day", DAY).returncode == 1
                _shoot(page, f"/assets/raw_reviews?view=partitions&partition={DAY}", "broken-file")
                _shoot(page, "/assets/vendor/movie_review_file?view=checks", "foreign-file")
        finally:
            server.stop()


def local_report(place: Path) -> str:
    """The address of the page that the demo made."""
    return (place / "lake" / report_path(date.fromisoformat(DAY))).as_uri()


def _shoot(page: Page, path: str, name: str, *, size: tuple[int, int] = (1280, 480)) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(path)
    page.wait_for_timeout(SETTLED_MILLISECONDS)
    page.screenshot(path=PICTURES / f"{name}.png")


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    take()
