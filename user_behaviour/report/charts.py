"""The charts of the pages, as specifications of Vega-Lite made by Altair; pure: values in, a specification out.

Colours are the variables of the page's style, so that a chart follows the reader's light or dark mode.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from user_behaviour.report.page import LIGHT, Spec

if TYPE_CHECKING:
    import altair as alt

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


def spec_of(made: alt.TopLevelMixin, *, height: int = 170) -> Spec:
    """A chart as wide as its place on the page, in the page's colours."""
    found: dict[str, Any] = made.to_dict()
    return {**found, "width": "container", "height": height, "autosize": {"type": "fit-x", "contains": "padding"}} | {
        "config": _CONFIG
    }
