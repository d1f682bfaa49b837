"""A plan as people read it: its sentences and tables, in the terminal and as a page."""

from collections.abc import Mapping, Sequence
from typing import Any

from user_behaviour.plans.plan import Plan
from user_behaviour.report.page import counted, page, paragraph, section, table

Rows = tuple[Sequence[str], Sequence[Sequence[Any]]]  # their columns' names first


def what_changes(plan: Plan) -> list[str]:
    """The sentences that stand before the tables."""
    total = plan.months[-1] if plan.months else {"rows_changed": 0, "rows_before": 0, "rows_after": 0}
    days = f"{counted(len(plan.batches), 'day')}, {min(plan.batches)} to {max(plan.batches)}"
    said = [
        f"{plan.change}.",
        f"{days}: the metric has {total['rows_before']:,} rows, and would have {total['rows_after']:,}; "
        f"{total['rows_changed']:,} would change, come or go.",
    ]
    if plan.unmade:
        said.append(f"{counted(len(plan.unmade), 'more day')} lack the other side of the metric, and are not compared.")
    return said


def what_it_takes(plan: Plan) -> list[str]:
    """What a rerun takes, here and on AWS."""
    took = plan.rerun
    here = f"{took.seconds:.0f} s here, {took.known}" if took.seconds is not None else f"here: unknown, {took.known}"
    return [
        f"To make the days again takes {here}; on AWS {took.vcpu_hours:.2f} vCPU-hours, {took.rpu_hours:.2f} RPU-hours "
        f"and ${took.usd:.2f}, by the rates of deploy/costs.py."
    ]


def by_month(plan: Plan) -> Rows:
    """What is, and what would be, of each month and of all."""
    return _rows(plan.months)


def largest(plan: Plan) -> Rows:
    """The rows of the metric that change most."""
    return _rows(plan.largest)


def plan_page(plan: Plan) -> str:
    """The page of a plan."""
    return page(
        f"Plan {plan.id}",
        subtitle=f"What would change in the metric. Made by {plan.who}, {plan.when}.",
        body=[
            section("What changes", *map(paragraph, what_changes(plan)), table("By month", *by_month(plan))),
            section("The rows that change most", table("The rows that change most", *largest(plan))),
            section("What it takes", *map(paragraph, what_it_takes(plan))),
        ],
        made=[paragraph(f"Nothing has changed yet. To make it so: user-behaviour apply {plan.id} --why …")],
    )


def _rows(found: Sequence[Mapping[str, Any]]) -> Rows:
    return [name.replace("_", " ") for name in (found[0] if found else ())], [[*row.values()] for row in found]
