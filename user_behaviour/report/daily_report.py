"""The report of a day, as a page: what happened, the weeks before it, and what is known of the data behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from user_behaviour.io_managers.restatement import in_words
from user_behaviour.report.charts import TrendPoint, trend
from user_behaviour.report.dagster_pages import STATES, CheckResult, DagsterPages
from user_behaviour.report.data_state import Trouble, troubles
from user_behaviour.report.figures import MEASURES, SHOWN, USUAL, Measure, MetricDay, movers, read_days, restatements
from user_behaviour.report.left_out import left_out, left_out_chart
from user_behaviour.report.marts import Marts, marts_section
from user_behaviour.report.page import (
    Figure,
    Link,
    chart,
    counted,
    day_in_words,
    figures,
    page,
    paragraph,
    picture_in_markdown,
    section,
    shown,
    side,
    table,
)
from user_behaviour.tables.days import DayRange

if TYPE_CHECKING:
    import dagster as dg

    from user_behaviour.lake.lake import Lake
    from user_behaviour.warehouse.warehouse import Warehouse

MOVING = {"Customers": "customer", "Countries": "country"}
LOOK_BACK = 28  # days, in which something may be missing
MOST = 10  # of what is missing
_FORMATS = {"Spent": ",.0f", "Positive reviews": ".0%"}


def report_path(day: date) -> str:
    """Where the lake keeps the page of a day."""
    return f"reports/insert_date={day}/report.html"


@dataclass(frozen=True)
class DailyReport:
    """What the report of a day says but for the marts; `days` are the published ones, to where comparisons begin."""

    day: date
    days: Mapping[date, MetricDay]
    moved: Mapping[str, Sequence[Mapping[str, Any]]]
    restatements: Sequence[Mapping[str, Any]]
    troubles: Sequence[Trouble]
    checks: Sequence[CheckResult]
    made: Sequence[Sequence[object]]
    run: Link

    @property
    def of_day(self) -> MetricDay:
        return self.days[self.day]

    @property
    def headline(self) -> str:
        """The day in a sentence or two."""
        day, weekday = self.of_day, f"{self.day:%A}"
        if not day.customers:
            return "No customer bought and reviewed on this day."
        said = (
            f"{counted(day.customers, 'customer')} spent {shown(day.spent)} and wrote "
            f"{counted(day.reviews, 'review')}, {day.positive:,} of them positive."
        )
        found = [(measure.name.lower(), point) for measure in MEASURES if (point := self.point(measure, self.day))]
        odd = [f"{name} {_side(point)}" for name, point in found if point.is_unusual]
        if odd:
            return f"{said} For a {weekday} that is unusual: {', '.join(odd)}."
        return f"{said} A usual {weekday}." if any(point.usual for _, point in found) else said

    def point(self, measure: Measure, day: date) -> TrendPoint:
        """A measure on a day, with what was usual."""
        value = measure.of(self.days[day]) if day in self.days else None
        return TrendPoint(day, value, measure.usual(self.days, day))

    def trend(self, measure: Measure) -> list[TrendPoint]:
        """A measure on the day and in the weeks before, from the first day that is known."""
        first = max(min(self.days), self.day - SHOWN + timedelta(days=1))
        return [self.point(measure, first + timedelta(days=n)) for n in range((self.day - first).days + 1)]

    def html(self, classifier: str, marts: Marts) -> str:
        """The page; `classifier` says in a sentence which one scored the reviews."""
        made = f"Made at {shown(datetime.now(UTC))} by {self.run} of user_behaviour {version('user_behaviour')}, from "
        made += f"batch {self.of_day.batch_id} of public.user_behavior_metric."
        body = [
            self._what_happened(classifier),
            self._trends(),
            self._movers(),
            marts_section(marts),
            self._data(),
        ]
        return page(day_in_words(self.day), subtitle=self.headline, body=body, made=[paragraph(made)])

    def figures(self) -> list[Figure]:
        """The measures of the day, each with what was usual."""
        found = []
        for measure in MEASURES:
            point = self.point(measure, self.day)
            says = "nothing to compare with yet"
            if point.usual:
                low, high = map(shown, point.usual)
                says = f"{_side(point)}: {low}" + (f" to {high}" if high != low else "")
            found.append(Figure(measure.name, shown(point.value), says, alert=point.is_unusual))
        return found

    def markdown(self) -> str:
        """The day in short, with a picture of what was spent in these weeks."""
        rows = "\n".join(f"| {one.name} | {one.value} | {one.says} |" for one in self.figures())
        image = picture_in_markdown("Spent", trend(self.trend(MEASURES[0]), number=",.0f"), width=640)
        return f"**{day_in_words(self.day)}** {self.headline}\n\n| | | |\n| --- | --: | --- |\n{rows}\n\n{image}"

    def _what_happened(self, classifier: str) -> str:
        return section(
            "What happened",
            figures(self.figures()),
            paragraph(f"Of customers who bought and reviewed on the day. {classifier} {USUAL}", kind="note"),
        )

    def _trends(self) -> str:
        charts = [self._trend(measure) for measure in MEASURES]
        shown_days = [one for one in self.days.values() if one.day > self.day - SHOWN]
        return section(
            f"The last {SHOWN.days // 7} weeks", side(*charts, left_out_chart(shown_days), left_out(self.of_day))
        )

    def _trend(self, measure: Measure) -> str:
        points = self.trend(measure)
        rows = [(point.day, point.value, *(point.usual or (None, None))) for point in reversed(points)]
        odd = sum(point.is_unusual for point in points)
        says = (
            f"{shown(points[-1].value)} on the day; {counted(odd, 'day')} of {len(points)} outside of what was usual."
        )
        numbers = table(measure.name, ["day", "value", "usual from", "to"], rows)
        spec = trend(points, number=_FORMATS.get(measure.name, ",.0f"))
        return chart(spec, title=measure.name, says=says, numbers=numbers)

    def _movers(self) -> str:
        tables = [
            table(
                f"{name} that moved most",
                (MOVING[name], "before", "after", "change"),
                [(one["name"], one["before"], one["after"], one["after"] - one["before"]) for one in rows],
            )
            for name, rows in self.moved.items()
        ]
        said = f"What was spent in the seven days up to {self.day}, and in the seven before."
        return section("Who moved", paragraph(said, kind="note"), side(*tables))

    def _data(self) -> str:
        counts = {state: sum(one.state == state for one in self.checks) for state in reversed(STATES)}
        said = ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "no results yet"
        restated = [(one["insert_date"], one["moment"], in_words(one), one["cause"]) for one in self.restatements]
        not_passed = [(one.check, one.state, one.said, one.at) for one in self.checks if one.state != "passed"]
        return section(
            "What is known of the data",
            table(
                f"Missing, held back or quarantined in the {LOOK_BACK} days up to the day, the newest first",
                ["day", "data", "what"],
                self.troubles[::-1][:MOST],
                empty=f"Nothing is missing, held back or in quarantine of the {LOOK_BACK} days up to the day.",
            ),
            paragraph(f"And {more:,} more.") if (more := len(self.troubles) - MOST) > 0 else "",
            table(
                "Figures that changed after they were published, the newest first",
                ["day", "changed at", "what", "why"],
                restated,
                empty="No published figure of the days up to the day was ever changed.",
            ),
            paragraph(f"Checks: {said}."),
            table("Checks that did not pass", ["check", "result", "what it found", "when"], not_passed, empty=""),
            table("When everything was made last", ["asset", "made", "day", "by"], self.made, empty=""),
        )


def read_report(
    day: date,
    first: date,
    warehouse: Warehouse,
    lake: Lake,
    pages: DagsterPages,
    *,
    instance: dg.DagsterInstance,
    run_id: str,
) -> DailyReport:
    """Reads what the report of a published day says; `first` is the first day that there can be."""
    days = read_days(warehouse, day)
    looked_at = DayRange(max(first, day - timedelta(days=LOOK_BACK - 1)), day).days()
    return DailyReport(
        day,
        days,
        moved={name: movers(warehouse, day, f"{name.lower()}_that_moved") for name in MOVING},
        restatements=restatements(warehouse, day),
        troubles=troubles(lake, looked_at, published=days),
        checks=pages.check_results(instance),
        made=pages.last_made(instance),
        run=pages.run(run_id),
    )


def _side(point: TrendPoint) -> str:
    """Where a value lies by what was usual."""
    if not point.usual or point.value is None or not point.is_unusual:
        return "usual" if point.value is None else "as usual"
    return "above the usual" if point.value > point.usual[1] else "below the usual"
