"""The charts of the pages, as specifications of Vega-Lite made by Altair; pure: values in, a specification out.

Colours are the variables of the page's style, so that a chart follows the reader's light or dark mode.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from user_behaviour.report.figures import Number
from user_behaviour.report.page import LIGHT, Spec

if TYPE_CHECKING:
    import altair as alt

Amount = tuple[date, str, Number]
COLOUR = {name: f"var(--{name})" for name in LIGHT}
_AXIS = {
    "labelColor": COLOUR["muted"],
    "titleColor": COLOUR["muted"],
    "titleFontWeight": "normal",
    "gridColor": COLOUR["line"],
    "domainColor": COLOUR["line"],
    "tickColor": COLOUR["line"],
}
_LABELS = {"labelColor": COLOUR["muted"], "titleColor": COLOUR["muted"], "titleFontWeight": "normal"}
_CONFIG: dict[str, Any] = {
    "mark": {"aria": False},  # the page names the chart, and has its numbers in a table
    "background": None,
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": _AXIS,
    "legend": _LABELS,
}
_TOLD = {"value": "value", "low": "usual from", "high": "to"}


@dataclass(frozen=True)
class TrendPoint:
    """A measure on a day, if it is known, and from what to what was usual, if anything was."""

    day: date
    value: Number | None
    usual: tuple[Number, Number] | None

    @property
    def is_unusual(self) -> bool:
        return self.value is not None and self.usual is not None and not self.usual[0] <= self.value <= self.usual[1]


def spec_of(made: alt.TopLevelMixin, *, height: int = 170) -> Spec:
    """A chart as wide as its place on the page, in the page's colours."""
    found: dict[str, Any] = made.to_dict()
    return {**found, "width": "container", "height": height, "autosize": {"type": "fit-x", "contains": "padding"}} | {
        "config": _CONFIG
    }


def trend(points: Sequence[TrendPoint], *, number: str) -> Spec:
    """A measure day by day, over what was usual; what was not is in another colour, and the last day is large.

    `number` is a format of d3: https://d3js.org/d3-format.
    """
    import altair as alt

    values = [
        {
            "day": point.day.isoformat(),
            "value": _plain(point.value),
            "line": _plain(point.value) or None,  # which the days break on which the shop is closed
            "low": _plain(point.usual[0]) if point.usual else None,
            "high": _plain(point.usual[1]) if point.usual else None,
            "colour": COLOUR["alert" if point.is_unusual else "accent"],
            "size": 110 if point is points[-1] else 22,
        }
        for point in points
    ]
    axis = alt.Axis(format="%-d %b", tickCount=6, grid=False)
    day = alt.X("utcyearmonthdate(day):T", title=None, axis=axis)
    middle = alt.X("utcyearmonthdate(day):T", title=None, axis=axis, bandPosition=0.5)
    tooltip = [alt.Tooltip("utcyearmonthdate(day):T", title="day", format="%a %-d %b %Y")]
    tooltip += [alt.Tooltip(f"{name}:Q", title=title, format=number) for name, title in _TOLD.items()]
    base, amount = alt.Chart({"values": values}), alt.Axis(format=number, tickCount=4)
    low = alt.Y("low:Q", title=None, axis=amount, scale=alt.Scale(zero="%" not in number))
    usual = base.mark_bar(color=COLOUR["usual"]).encode(x=day, y=low, y2="high:Q")
    line = base.mark_line(color=COLOUR["accent"], strokeWidth=1.25).encode(x=middle, y="line:Q")
    dots = base.mark_circle(opacity=1).encode(
        x=middle,
        y=alt.Y("value:Q", title=None, axis=amount),
        color=alt.Color("colour:N", scale=None),
        size=alt.Size("size:Q", scale=None),
        tooltip=tooltip,
    )
    return spec_of(alt.layer(*([usual] if any(point.usual for point in points) else []), line, dots))


def over_time(
    rows: Sequence[Amount], *, number: str, colours: Mapping[str, str], by_day: bool = False, lines: bool = False
) -> Spec:
    """Amounts by month or day, and kind: bars on one another, or lines; the kinds are those that have a colour."""
    import altair as alt

    unit, label, whole = (
        ("utcyearmonthdate", "%-d %b", "%a %-d %b %Y") if by_day else ("utcyearmonth", "%b %y", "%B %Y")
    )
    values = [{"time": time.isoformat(), "kind": kind, "value": _plain(value)} for time, kind, value in rows]
    scale = alt.Scale(domain=[*colours], range=[*colours.values()])
    base = alt.Chart({"values": values}).encode(
        x=alt.X(f"{unit}(time):T", title=None, axis=alt.Axis(format=label, grid=False, tickCount=6), bandPosition=0.5),
        y=alt.Y("value:Q", title=None, axis=alt.Axis(format=number, tickCount=5)),
        color=alt.Color("kind:N", scale=scale, legend=alt.Legend(title=None, orient="bottom", columns=2)),
        tooltip=[
            alt.Tooltip(f"{unit}(time):T", title="when", format=whole),
            alt.Tooltip("kind:N", title="what"),
            alt.Tooltip("value:Q", format=number),
        ],
    )
    return spec_of(base.mark_line(point=True) if lines else base.mark_bar(), height=200)


def months_and_countries(rows: Sequence[Mapping[str, Any]]) -> Spec:
    """A circle a month and country, as large as what was spent; its colour says which share of reviews is positive."""
    import altair as alt

    colours = {"most positive": COLOUR["accent"], "even": COLOUR["muted"], "most not": COLOUR["alert"]}
    values = [
        {
            "month": row["month"].isoformat(),
            "country": row["country"],
            "spent": _plain(row["amount_spent"]),
            "customers": row["customers"],
            "reviews": _tone(_plain(row["positive_share"])),
        }
        for row in rows
    ]
    legend = alt.Legend(title="reviews", orient="bottom", titleAnchor="middle")
    made = (
        alt.Chart({"values": values})
        .mark_circle(opacity=0.85)
        .encode(
            x=alt.X("utcyearmonth(month):T", title=None, axis=alt.Axis(format="%b %y", grid=False), bandPosition=0.5),
            y=alt.Y("country:N", title=None, sort=[*dict.fromkeys(row["country"] for row in rows)]),
            size=alt.Size("spent:Q", scale=alt.Scale(type="pow", exponent=0.5, range=[12, 500]), legend=None),
            color=alt.Color("reviews:N", scale=alt.Scale(domain=[*colours], range=[*colours.values()]), legend=legend),
            tooltip=[
                alt.Tooltip("utcyearmonth(month):T", title="month", format="%B %Y"),
                "country:N",
                alt.Tooltip("spent:Q", format=",.2f"),
                "customers:Q",
                "reviews:N",
            ],
        )
    )
    return spec_of(made, height=270)


def curve(points: Sequence[tuple[float, float]], *, low: float = 0, ideal: tuple[float, float] | None = None) -> Spec:
    """A line through points whose heights are shares, from `low` up; and a dashed one of what were `ideal`, up to 1."""
    import altair as alt

    def through(of: Sequence[tuple[float, float]]) -> alt.Chart:
        places = dict.fromkeys((round(x, 4), round(y, 4)) for x, y in of)  # thousands are at the same place
        return alt.Chart({"values": [{"x": x, "y": y} for x, y in places]}).encode(
            x=alt.X("x:Q", title=None, scale=alt.Scale(zero=False)),
            y=alt.Y("y:Q", title=None, scale=alt.Scale(domain=[low, 1])),
        )

    measured = through(points).mark_line(color=COLOUR["accent"], strokeWidth=2)
    dashed = [through([ideal, (1, 1)]).mark_line(color=COLOUR["muted"], strokeDash=[4, 4])] if ideal else []
    return spec_of(alt.layer(*dashed, measured))


def _tone(share: float | None) -> str:
    """What most of some reviews say; without any, or close to half, they are even."""
    return "even" if share is None or abs(share - 0.5) < 0.05 else "most positive" if share > 0.5 else "most not"


def _plain(value: Number | None) -> float | None:
    """A number as JSON has it."""
    return None if value is None else float(value)
