"""The building blocks of a page: how values are written, that every text is escaped, what the page may do."""

import base64
import hashlib
import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from html import escape

import pytest

from user_behaviour.report.page import (
    Figure,
    Link,
    chart,
    counted,
    day_in_words,
    figures,
    page,
    paragraph,
    section,
    shown,
    table,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (1234567, "1,234,567"),
        (-3, "-3"),
        (Decimal("1936.08500"), "1,936.09"),
        (Decimal("-0.005"), "-0.01"),
        (0.719, "71.9 %"),
        (True, "yes"),
        (date(2011, 12, 9), "2011-12-09"),
        (datetime(2011, 12, 9, 4, 5, 59, tzinfo=UTC), "2011-12-09 04:05 UTC"),
        ("a text", "a text"),
    ],
)
def test_a_value_is_written_for_people(value: object, text: str) -> None:
    assert shown(value) == text


def test_days_and_counts_are_written_in_words() -> None:
    assert day_in_words(date(2011, 12, 9)) == "Friday, 9 December 2011"
    assert [counted(number, "day") for number in (0, 1, 1200)] == ["0 days", "1 day", "1,200 days"]


def test_every_text_is_escaped() -> None:
    """Among others what the shop calls an article, and what the vendor calls a file."""
    texts = iter(hostile := [f"<b title='{number}'>&</b>" for number in range(18)])
    numbers = table(next(texts), [next(texts)], [[next(texts)], [Link(next(texts), f"/?a={next(texts)}")]])
    blocks = [
        paragraph(next(texts), kind="note"),
        section(next(texts), figures([Figure(next(texts), next(texts), next(texts))])),
        table("", [], [], empty=next(texts)),
        chart({"data": next(texts)}, title=next(texts), says=next(texts), numbers=numbers),
    ]
    html = page(next(texts), subtitle=next(texts), body=blocks, made=[paragraph(next(texts))])
    in_chart = re.findall(r'class="spec">(.*?)</script>', html)[0]
    assert list(texts) == ["<b title='17'>&</b>"]
    assert [text for text in hostile if text in html] == []
    assert [text for text in hostile[:-1] if escape(text) not in html] == [json.loads(in_chart)["data"]]


def test_numbers_stand_to_the_right_and_no_rows_are_said() -> None:
    assert table("Spent", ["day", "amount"], [("2011-12-09", Decimal(5))]) == (
        '<div class="wide" tabindex="0" role="region" aria-label="Spent"><table><caption>Spent</caption>\n'
        '<thead><tr><th scope="col">day</th><th scope="col" class="number">amount</th></tr></thead>\n'
        '<tbody>\n<tr><td>2011-12-09</td><td class="number">5.00</td></tr>\n</tbody></table></div>\n'
    )
    assert table("Spent", ["day", "amount"], [], empty="Nobody bought.") == "<p>Nobody bought.</p>"


@pytest.mark.parametrize("charts", [0, 1])
def test_the_policy_names_every_script_and_style_and_nothing_else(charts: int) -> None:
    body = [chart({}, title="A", says="b", numbers="")] * charts
    html = page("A day", subtitle="", body=body, made=[])
    policy = dict(
        part.split(" ", 1) for part in re.findall(r'Content-Security-Policy" content="(.*?)"', html)[0].split("; ")
    )
    scripts, styles = (re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL) for tag in ("script", "style"))
    assert len(scripts) == 2 * charts
    assert policy["script-src"] == (" ".join(map(_sha256, scripts)) or "'none'")
    assert policy["style-src"] == " ".join(map(_sha256, styles))
    assert (policy["default-src"], policy["img-src"]) == ("'none'", "data:")
    assert "unsafe" not in html.partition("<style>")[0]


def _sha256(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
