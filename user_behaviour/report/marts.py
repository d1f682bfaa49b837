"""The marts of the warehouse as pictures, each with its numbers; of the months up to a day."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from user_behaviour.report.charts import COLOUR, months_and_countries, over_time
from user_behaviour.report.page import chart, counted, paragraph, section, shown, side, table
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.statements import statement

if TYPE_CHECKING:
    from user_behaviour.warehouse.warehouse import Warehouse

Marts = Mapping[str, Sequence[Mapping[str, Any]]]
QUESTIONS = ("spend_and_sentiment", "segments", "sentiment_and_spend", "unhappy_products")
SENTIMENTS = {
    "positive": COLOUR["accent"],
    "mixed": COLOUR["second"],
    "negative": COLOUR["alert"],
    "no review": COLOUR["muted"],
}
# From the best down, each of these a step further from what the shop would like.
SEGMENTS = {
    "champions": "#1f77b4",
    "loyal customers": "#6baed6",
    "potential loyalists": "#17becf",
    "new customers": "#2ca02c",
    "promising": "#98c379",
    "need attention": "#e6b33d",
    "about to sleep": "#ff9f40",
    "cannot lose them": "#d6616b",
    "at risk": "#c44e52",
    "hibernating": "#8c8c8c",
}
READING = (
    "A circle is as large as what was spent in the country, by everybody. Segments are of the customers who bought in "
    "the twelve months up to the month's end: how recently, how often and for how much. What a customer said is what "
    "most of their reviews in the month say. Unhappy are customers of whose reviews, ever, most are not positive. The "
    "last month is as far as the marts have it."
)


def read_marts(warehouse: Warehouse, day: date) -> Marts:
    """The rows of each mart that the report shows."""
    first = day.replace(year=day.year - 1, day=1)
    parameters = {"first_month": first, **DayRange(day, day).parameters()}
    with ThreadPoolExecutor(len(QUESTIONS)) as pool:
        asked = {name: pool.submit(warehouse.rows, statement(f"report/{name}.sql"), parameters) for name in QUESTIONS}
        return {name: question.result() for name, question in asked.items()}


def marts_section(marts: Marts) -> str:
    """The section of the page; a sentence where there is nothing yet."""
    if not marts["spend_and_sentiment"]:
        return section("By month", paragraph("The marts have none of these months yet."))
    return section(
        "By month", side(*_charts(marts), paragraph(READING, kind="note")), _unhappy(marts["unhappy_products"])
    )


def _charts(marts: Marts) -> Iterator[str]:
    spent = marts["spend_and_sentiment"]
    yield chart(
        months_and_countries(spent),
        title="Spent by country, and what reviews said",
        says=f"Most is spent in {spent[0]['country']}.",
        numbers=_table("Spent by country", spent, positive_share=_share),
    )
    segments = [(one["month"], one["segment"], int(one["customers"])) for one in marts["segments"]]
    customers = sum(number for month, _, number in segments if month == segments[-1][0])
    yield chart(
        over_time(segments, number=",.0f", colours=SEGMENTS),
        title="Customers by segment",
        says=f"{counted(customers, 'customer')} in the last month.",
        numbers=_table("Customers by segment", marts["segments"], customers=int),
    )
    by_one = [(one["month"], one["sentiment"], one["amount_per_customer"]) for one in marts["sentiment_and_spend"]]
    last = ", ".join(f"{kind} {shown(value)}" for month, kind, value in by_one if month == by_one[-1][0])
    yield chart(
        over_time(by_one, number=",.0f", colours=SENTIMENTS, lines=True),
        title="What a customer spent, by what they said",
        says=f"In the last month: {last}.",
        numbers=_table("Spent by sentiment", marts["sentiment_and_spend"]),
    )


def _unhappy(rows: Sequence[Mapping[str, Any]]) -> str:
    caption = "Products whose customers are least happy, of those that twenty or more bought"
    return _table(caption, rows, unhappy_customers=int, unhappy_share=_share)


def _table(caption: str, rows: Sequence[Mapping[str, Any]], **as_: Callable[[Any], object]) -> str:
    """All columns of the rows, some of them as another type; a month by its number."""
    shown_as = {"month": "{:%Y-%m}".format, **as_}
    head = [name.replace("_", " ") for name in rows[0]] if rows else []
    return table(caption, head, [[shown_as[n](v) if n in shown_as else v for n, v in one.items()] for one in rows])


def _share(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
