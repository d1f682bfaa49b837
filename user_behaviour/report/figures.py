"""What the report of a day says in numbers: read from the warehouse, and compared with the day's own past."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from user_behaviour.tables.days import DayRange
from user_behaviour.tables.schemas import USER_BEHAVIOR_METRIC
from user_behaviour.tables.statements import statement
from user_behaviour.warehouse.published_days import published_days

if TYPE_CHECKING:
    from user_behaviour.warehouse.warehouse import Warehouse

Number = Decimal | int | float
SHOWN = timedelta(weeks=8)  # of the trends
WEEKS = 8
FEWEST_WEEKS = 4
USUAL = (
    f"Usual is from the lowest to the highest of the same weekday in the {WEEKS} weeks before, and a quarter of that "
    f"range beyond; with fewer than {FEWEST_WEEKS} such days nothing is called usual."
)


class UnpublishedDayError(Exception):
    """A report is wanted of a day that the metric does not have."""


@dataclass(frozen=True)
class MetricDay:
    """A published day of the metric; `facts` are what was counted when it was written."""

    day: date
    batch_id: str
    customers: int
    spent: Decimal
    reviews: int
    positive: int
    facts: Mapping[str, Any]

    @property
    def share(self) -> float | None:
        """The positive reviews of all; None where nobody reviewed."""
        return self.positive / self.reviews if self.reviews else None

    @property
    def classifier_version(self) -> str:
        """That of the classifier that scored the day's reviews; empty where there were none."""
        return self.facts.get("classifier_version") or ""


@dataclass(frozen=True)
class Measure:
    """Something that is measured every day."""

    name: str
    of: Callable[[MetricDay], Number | None]

    def usual(self, days: Mapping[date, MetricDay], day: date) -> tuple[Number, Number] | None:
        """From what to what the weekday was before the day, as `USUAL` says; None while there are too few."""
        past = (days.get(day - timedelta(weeks=n)) for n in range(1, WEEKS + 1))
        values: list[Any] = [value for value in (self.of(one) for one in past if one) if value is not None]
        if len(values) < FEWEST_WEEKS:
            return None
        low, high = min(values), max(values)
        beyond = (high - low) // 4 if isinstance(high, int) else (high - low) / 4
        return max(low - beyond, min(low, 0)), high + beyond


MEASURES = (
    Measure("Spent", lambda day: day.spent),
    Measure("Customers", lambda day: day.customers),
    Measure("Reviews", lambda day: day.reviews),
    Measure("Positive reviews", lambda day: day.share),
)


def last_published(warehouse: Warehouse, span: DayRange | None) -> date:
    """The last of the days that the metric has; raises `UnpublishedDayError` where it has none of them."""
    if span and (there := published_days(warehouse, USER_BEHAVIOR_METRIC.name, span)):
        return max(there)
    one = span.first if span and span.first == span.last else None
    raise UnpublishedDayError(
        f"The metric of {one or 'these days'} is not published, so there is nothing to report; run it first: "
        f"`user-behaviour run{f' --day {one}' if one else ''}`."
    )


def read_days(warehouse: Warehouse, day: date) -> dict[date, MetricDay]:
    """The published days that the report of a day shows or compares with, the day among them."""
    span = DayRange(day - SHOWN - timedelta(weeks=WEEKS), day)
    return {
        row["insert_date"]: MetricDay(
            row["insert_date"],
            row["batch_id"],
            row["customers"],
            Decimal(row["amount_spent"]),
            int(row["reviews"]),
            int(row["positive"]),
            json.loads(row["facts"]),
        )
        for row in warehouse.rows(statement("report/days.sql"), span.parameters())
    }


def movers(warehouse: Warehouse, day: date, file: str) -> list[dict[str, Any]]:
    """What spent more or less in the week up to the day than in the week before, the largest changes first."""
    week = timedelta(days=6)
    parameters = {"week": day - week, **DayRange(day - week - timedelta(days=7), day).parameters()}
    return warehouse.rows(statement(f"report/{file}.sql"), parameters)


def restatements(warehouse: Warehouse, day: date) -> list[dict[str, Any]]:
    """The newest changes of published figures of the days up to the day."""
    return warehouse.rows(statement("report/restatements.sql"), DayRange(day, day).parameters())
