"""The report of a day: it says what the warehouse says, and is itself in any browser, for anybody.

The warehouse is asked here in SQL of its own, and the page read as a browser has it.
"""

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright

from user_behaviour.assets import REPORTS
from user_behaviour.report.dagster_pages import DagsterPages
from user_behaviour.report.daily_report import DailyReport
from user_behaviour.report.figures import MetricDay, UnpublishedDayError
from user_behaviour.report.marts import QUESTIONS, marts_section
from user_behaviour.report.page import Figure, Link, shown
from user_behaviour_tests.graph.installation import WITH_MARTS, Installation, new_installation
from user_behaviour_tests.report.shop import BROKEN, DAY, FRIDAYS, open_shop
from user_behaviour_tests.ui.conftest import ARGUMENTS, chromium

pytestmark = pytest.mark.takes(40)

OF_DAY = (
    "select count(*) as customers, coalesce(sum(amount_spent), 0) as spent, coalesce(sum(review_count), 0) as reviews, "
    "coalesce(sum(review_score), 0) as positive from public.user_behavior_metric where insert_date = %(day)s"
)
WRITTEN = {"spent": "{:,.2f}", "share": "{:.1%}"}
WITH_REPORT = ["public/user_behavior_metric", "daily_report"]


class Tables(HTMLParser):
    """The tables of a page by their captions, each a list of rows of texts, and the large numbers by their names."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.figures: list[str] = []
        self._texts: list[str] = []
        self._caption = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag in ("caption", "td", "th", "dt", "dd"):
            self._texts = []
        elif tag == "tr":
            self.tables[self._caption].append([])

    def handle_data(self, data: str) -> None:
        self._texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        text = "".join(self._texts)
        if tag == "caption":
            self._caption = text
            self.tables[text] = []
        elif tag in ("td", "th"):
            self.tables[self._caption][-1].append(text)
        elif tag in ("dt", "dd"):
            self.figures.append(text)


@pytest.fixture(scope="module")
def shop() -> Iterator[Installation]:
    """All days from the first Friday to the last are made, by one run."""
    with new_installation() as made:
        open_shop(made)
        made.run(str(FRIDAYS[0]), str(DAY), select=WITH_MARTS)
        yield made


@pytest.fixture(scope="module")
def ran(shop: Installation) -> dg.ExecuteInProcessResult:
    """A run of the metric over the last week, with the report."""
    return shop.run(str(FRIDAYS[-2]), str(DAY), select=WITH_REPORT)


@pytest.fixture(scope="module")
def html(shop: Installation, ran: dg.ExecuteInProcessResult) -> str:
    return page_of(shop, DAY)


def page_of(shop: Installation, day: date) -> str:
    return (shop.home / "lake" / "reports" / f"insert_date={day}" / "report.html").read_text(encoding="utf-8")


def report_of(shop: Installation, day: str) -> dg.ExecuteInProcessResult:
    """A run of the report alone, as the command makes it."""
    job = shop.defs.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        instance=shop.instance,
        asset_selection=[report.key for report in REPORTS],
        run_config={"ops": {"daily_report": {"config": {"day": day}}}},
    )


def test_a_run_over_many_days_makes_the_page_of_its_last_day_and_no_other(
    shop: Installation, ran: dg.ExecuteInProcessResult
) -> None:
    assert ran.success
    made = [event for event in ran.get_asset_materialization_events() if event.asset_key == REPORTS[0].key]
    assert [event.partition for event in made] == [None]
    metadata = made[0].materialization.metadata
    assert metadata["day"].value == str(DAY)
    assert metadata["page"].value == f"file://{shop.home}/lake/reports/insert_date={DAY}/report.html"
    assert str(metadata["preview"].value).startswith("**Friday, 4 March 2011** 3 customers spent 30.00 and wrote 6")
    assert "](data:image/png;base64,iVBOR" in str(metadata["preview"].value)
    assert "link" not in metadata
    assert [path.name for path in (shop.home / "lake" / "reports").iterdir()] == [f"insert_date={DAY}"]


def test_the_large_numbers_are_those_of_the_warehouse(shop: Installation, html: str) -> None:
    (row,) = shop.here.warehouse.rows(OF_DAY, {"day": DAY})
    share = row["positive"] / row["reviews"]
    assert Tables(html).figures == [
        *("Spent", f"{row['spent']:,.2f}", "below the usual: 35.00 to 65.00"),
        *("Customers", f"{row['customers']}", "below the usual: 4 to 6"),
        *("Reviews", f"{row['reviews']}", "below the usual: 7 to 13"),
        *("Positive reviews", f"{share * 100:.1f} %", "as usual: 50.0 %"),
    ]
    assert (
        "3 customers spent 30.00 and wrote 6 reviews, 3 of them positive. For a Friday that is unusual: spent below "
        "the usual, customers below the usual, reviews below the usual."
    ) in html


def test_the_charts_show_and_tell_what_the_warehouse_has_of_each_day(shop: Installation, html: str) -> None:
    specs = [json.loads(text) for text in re.findall(r'class="spec">(.*?)</script>', html)]
    names = {"Spent": "spent", "Customers": "customers", "Reviews": "reviews", "Positive reviews": "share"}
    tables = Tables(html).tables
    for (title, name), spec in zip(names.items(), specs[: len(names)], strict=True):
        (values,) = spec["datasets"].values() if "datasets" in spec else [spec["data"]["values"]]
        assert [point["day"] for point in values] == [row[0] for row in tables[title][:0:-1]]
        for point, told in zip(values, tables[title][:0:-1], strict=True):
            (row,) = shop.here.warehouse.rows(OF_DAY, {"day": point["day"]})
            row["share"] = row["positive"] / row["reviews"] if row["reviews"] else None
            value = None if point["day"] == str(BROKEN) else row[name]
            assert point["value"] == (None if value is None else float(value))
            assert told[1] == ("–" if value is None else WRITTEN.get(name, "{:,}").format(value).replace("%", " %"))


MARTS = {
    "Spent by country": (
        "select to_char(month, 'YYYY-MM'), country, customers, amount_spent, reviews, positive_share "
        "from marts.spend_and_sentiment_by_month where month <= %(day)s order by 1"
    ),
    "Customers by segment": (
        "select to_char(month, 'YYYY-MM'), segment, cast(sum(customers) as int), sum(amount_spent) "
        "from marts.customer_segments_by_month where month <= %(day)s group by 1, 2 order by 1, 2"
    ),
    "Spent by sentiment": (
        "select to_char(month, 'YYYY-MM'), sentiment, customers, amount_per_customer "
        "from marts.sentiment_and_spend where month <= %(day)s order by 1, 2"
    ),
}


@pytest.mark.parametrize("caption", MARTS)
def test_the_marts_are_told_and_drawn_as_the_warehouse_has_them(shop: Installation, html: str, caption: str) -> None:
    with shop.here.warehouse.session() as connection, connection.cursor() as cursor:
        cursor.execute(MARTS[caption], {"day": DAY})
        rows = cursor.fetchall()
    assert len(rows) >= 3
    told = [[shown(float(cell) if caption == "Spent by country" and at == 5 else cell) for at, cell in enumerate(row)]
            for row in rows]  # fmt: skip
    assert Tables(html).tables[caption][1:] == told
    *_, spec = (
        json.loads(text) for text in re.findall(r'class="spec">(.*?)</script>', html.split(f"<caption>{caption}<")[0])
    )
    (values,) = spec["datasets"].values()
    assert [point.get("value", point.get("spent")) for point in values] == [
        float(row[{"Spent by country": 3, "Customers by segment": 2, "Spent by sentiment": 3}[caption]]) for row in rows
    ]


def test_marts_that_have_nothing_yet_are_told_in_a_sentence() -> None:
    assert "<p>The marts have none of these months yet.</p>" in marts_section(dict.fromkeys(QUESTIONS, ()))


def test_what_the_join_leaves_out_is_told(shop: Installation, html: str) -> None:
    assert Tables(html).tables["On the day: left out, since the metric joins purchases and reviews"][1:] == [
        ["customers who bought and did not review", "1"],
        ["spent by them", "6.03"],
        ["reviews of customers who did not buy", "0"],
        ["purchase lines of nobody known", "1"],
        ["spent on those", "35.00"],
    ]


def test_customers_who_moved_are_told_with_both_weeks(html: str) -> None:
    rows = Tables(html).tables["Customers that moved most"]
    assert rows == [
        ["customer", "before", "after", "change"],
        *([str(customer), "10.00", "0.00", "-10.00"] for customer in (12349, 12350)),
    ]
    assert Tables(html).tables["Countries that moved most"][1:] == [["United Kingdom", "50.00", "30.00", "-20.00"]]


def test_the_report_comes_after_the_checks_of_its_run_and_tells_what_they_found(
    shop: Installation, ran: dg.ExecuteInProcessResult, html: str
) -> None:
    """Nothing makes Dagster run them first but its priority."""
    assert [event.step_key for event in ran.all_events if event.is_step_start][-1] == "daily_report"
    (_head, *not_passed), page = Tables(html).tables["Checks that did not pass"], "http://127.0.0.1:3000/assets"
    found = {row[0]: row[1] for row in not_passed}
    assert found["raw_reviews: every_day_is_published"] == "FAILED"
    assert found["public/user_behavior_metric: every_day_is_published"] == "FAILED"
    assert f'<a href="{page}/raw_reviews?view=checks">raw_reviews: every_day_is_published</a>' in html
    assert f'<a href="{page.removesuffix("/assets")}/runs/{ran.run_id}">run {ran.run_id[:8]}</a>' in html


def test_a_check_that_the_last_run_did_not_come_to_is_told() -> None:
    @dg.asset
    def broken() -> None:
        raise dg.Failure

    @dg.asset_check(asset=broken)
    def holds() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([broken, holds], instance=instance, raise_on_error=False)
        (result,) = DagsterPages(checks=["broken:holds"]).check_results(instance)
    assert (str(result.check), result.state) == ("broken: holds", "not run")


def test_what_is_missing_or_held_back_is_told_and_escaped(html: str) -> None:
    rows = Tables(html).tables[next(name for name in Tables(html).tables if name.startswith("Missing"))]
    metric, reviews = (next(row for row in rows if row[:2] == [str(BROKEN), name]) for name in
                       ("public.user_behavior_metric", "raw_reviews"))  # fmt: skip
    assert metric[2] == "not published"
    assert "'<b>customer</b>,review\\n' was found" in reviews[2]
    assert "<b>customer" not in html


@pytest.mark.parametrize(
    ("day", "sentence", "large"),
    [
        (FRIDAYS[0], "4 customers spent 40.00 and wrote 8 reviews, 4 of them positive.", "40.00"),
        (FRIDAYS[0] + timedelta(days=1), "No customer bought and reviewed on this day.", "0.00"),
    ],
    ids=["the first day", "a day without purchases"],
)
def test_a_day_with_little_to_tell_has_a_page_too(shop: Installation, day: date, sentence: str, large: str) -> None:
    assert report_of(shop, str(day)).success
    html = page_of(shop, day)
    assert sentence in html
    assert Tables(html).figures[:3] == ["Spent", large, "nothing to compare with yet"]
    assert ("On the day nothing was left out of the metric." in html) == (large == "0.00")


def test_no_share_of_reviews_is_not_called_as_usual() -> None:
    days = {day: MetricDay(day, "batch", 1, Decimal(9), 2 if day < DAY else 0, int(day < DAY), {}) for day in FRIDAYS}
    report = DailyReport(DAY, days, moved={}, restatements=[], troubles=[], checks=[], made=[], run=Link("run", ""))
    assert report.figures()[-1] == Figure("Positive reviews", "–", "usual: 50.0 %")


def test_a_day_that_is_not_published_is_refused_in_a_sentence(shop: Installation) -> None:
    with pytest.raises(UnpublishedDayError, match=f"The metric of {BROKEN} is not published, so there is nothing to"):
        report_of(shop, str(BROKEN))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if (program := chromium()) is None:
        pytest.skip("no browser is on the PATH; `make browser` installs Debian's Chromium")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=program, args=ARGUMENTS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize(("day", "label"), [(DAY, "27 Feb"), (FRIDAYS[0], "7 Jan")], ids=["a day", "the first day"])
def test_any_browser_shows_it_without_network_errors_or_barriers(
    shop: Installation, browser: Browser, html: str, tmp_path: Path, day: date, label: str, width: int, scheme: Any
) -> None:
    """By axe's rules, on a phone and a desk, far from Greenwich; the policy of the page forbids scripts to be made."""
    (path := tmp_path / "report.html").write_text(page_of(shop, day), encoding="utf-8")
    viewport = {"width": width, "height": 900}
    page = browser.new_page(viewport=viewport, color_scheme=scheme, timezone_id="America/Los_Angeles")  # type: ignore[arg-type]
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url))
    page.goto(path.as_uri())
    page.locator(".chart svg").nth(3).wait_for()
    assert said == [path.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert [found["id"] for found in Axe().run(page).response["violations"]] == []
    assert label in page.locator(".chart svg").first.text_content()
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.close()


def test_a_page_on_paper_is_light_and_without_what_opens(shop: Installation, browser: Browser, html: str) -> None:
    page = browser.new_page(color_scheme="dark")
    page.set_content(html)
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("details").first.is_hidden()
    page.close()
