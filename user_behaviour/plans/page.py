"""A plan as people read it: its sentences and tables, the same in the terminal and on its page."""

from collections.abc import Iterator, Sequence
from typing import Any

from user_behaviour.plans.plan import Plan
from user_behaviour.report.page import Figure, counted, figures, page, paragraph, section, shown, table


def _both(*figures: str) -> list[str]:
    return [f"{figure}_{of}" for figure in figures for of in ("before", "after")]


_MONEY = ["month", "days", "rows_changed", *_both("customers", "rows", "amount")]
_REVIEWS = ["month", *_both("reviews", "positive")]
_CARDS = {"Spent": "amount", "Customers": "customers", "Rows": "rows", "Positive reviews": "positive"}
_ROW = ["insert_date", "customerid", *_both("amount", "reviews", "positive")]


def what_changes(plan: Plan) -> str:
    """The days, and how many rows of the metric change."""
    span = f", {min(plan.batches)} to {max(plan.batches)}" if plan.batches else ""
    days = f"{counted(len(plan.batches), 'day')}{span}"
    unmade = f" {counted(len(plan.unmade), 'more day')} lack the other side of the metric yet." if plan.unmade else ""
    changed = _total(plan)["rows_changed"]
    return f"{days}: {counted(changed, 'row')} of the metric would change, come or go.{unmade}"


def what_it_takes(plan: Plan) -> str:
    """What a rerun takes, here and on AWS."""
    took = plan.rerun
    seconds = "an unknown time" if took.seconds is None else f"{took.seconds:.0f} s"
    return (
        f"To make the days again takes {seconds} here ({took.known}), and on AWS {took.vcpu_hours:.2f} vCPU-hours, "
        f"{took.rpu_hours:.2f} RPU-hours and ${took.usd:.2f}, by the rates of deploy/costs.py."
    )


def tables(plan: Plan) -> Iterator[tuple[str, Sequence[str], Sequence[Sequence[Any]]]]:
    """Each that has rows, with its title and the names of its columns."""
    by_month = (("Money by month", plan.months, _MONEY), ("Reviews by month", plan.months, _REVIEWS))
    for title, rows, names in (*by_month, ("The rows of the metric that change most", plan.largest, _ROW)):
        heads = [name.replace("_", " ") for name in names]
        # A customer's number counts nothing.
        if rows:
            yield title, heads, [[f"{row[n]}" if n == "customerid" else row[n] for n in names] for row in rows]
    if plan.reviews:
        heads = [name.replace("_", " ") for name in plan.reviews[0]]
        yield "The verdicts that change most", heads, [[*row.values()] for row in plan.reviews]


def plan_page(plan: Plan) -> str:
    """The page of a plan."""
    total = _total(plan)
    cards = [
        Figure(name, shown(total[f"{of}_after"]), f"instead of {shown(total[f'{of}_before'])}")
        for name, of in _CARDS.items()
    ]
    return page(
        f"What would change by plan {plan.id}",
        subtitle=f"{plan.change}. Planned by {plan.who}, {plan.when[:16].replace('T', ' ')} UTC.",
        body=[
            section("In all", figures(cards), *map(paragraph, (what_changes(plan), what_it_takes(plan)))),
            *([section("In parts", *parts)] if (parts := [table(*found) for found in tables(plan)]) else []),
        ],
        made=[paragraph(f"Nothing has changed by this plan until: user-behaviour apply {plan.id} --why …")],
    )


def _total(plan: Plan) -> dict[str, Any]:
    return dict(plan.months[-1]) if plan.months else dict.fromkeys(_MONEY + _REVIEWS, 0)
