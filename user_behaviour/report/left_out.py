"""What is not in the metric, since it joins purchases and reviews: on a day, and as a picture of some weeks."""

from collections.abc import Sequence
from decimal import Decimal

from user_behaviour.report.charts import COLOUR, over_time
from user_behaviour.report.figures import MetricDay
from user_behaviour.report.page import chart, shown, table

# Facts of a day's metadata, for people.
FACTS = {
    "customers_without_review": "customers who bought and did not review",
    "money_without_review": "spent by them",
    "reviews_without_purchase": "reviews of customers who did not buy",
    "lines_without_customer": "purchase lines of nobody known",
    "money_without_customer": "spent on those",
}
MONEY = {
    "by customers without a review": ("money_without_review", COLOUR["second"]),
    "by nobody known": ("money_without_customer", COLOUR["muted"]),
}
TITLE = "Spent, and not in the metric"


def left_out(day: MetricDay) -> str:
    """A table of what is left out on a day."""
    rows = [
        (name, Decimal(value) if fact.startswith("money") else int(value))
        for fact, name in FACTS.items()
        if (value := day.facts.get(fact)) is not None
    ]
    caption = "On the day: left out, since the metric joins purchases and reviews"
    return table(caption, ["what", "how much"], rows, empty="On the day nothing was left out of the metric.")


def left_out_chart(days: Sequence[MetricDay]) -> str:
    """A picture of the money that is left out on each of the days."""
    amounts = [
        (one.day, kind, Decimal(one.facts[fact]))
        for one in days
        for kind, (fact, _) in MONEY.items()
        if fact in one.facts
    ]
    colours = {kind: colour for kind, (_, colour) in MONEY.items()}
    return chart(
        over_time(amounts, number=",.0f", colours=colours, by_day=True),
        title=TITLE,
        says=f"{shown(sum((amount for *_, amount in amounts), Decimal()))} in these weeks.",
        numbers=table(TITLE, ("day", "who", "amount"), amounts[::-1]),
    )
