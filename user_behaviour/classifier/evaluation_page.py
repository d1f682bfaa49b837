"""An evaluation as one page of HTML that needs nothing beside it: tables, and three pictures in SVG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from user_behaviour.classifier.evaluation import Evaluation, Points

_WIDTH, _HEIGHT = 300, 220  # of a picture's frame
_STEPS = 5  # of an axis
_STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; max-width: 78rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse }
td, th { padding: .2rem .8rem; text-align: left; vertical-align: top; border-top: 1px solid #ddd }
svg { width: 25rem; font-size: 11px; text-anchor: middle }
polyline { fill: none; stroke: #1f5fa8; stroke-width: 2 }
figure { display: inline-block; margin: 1rem 0 }
figcaption { padding-left: 3rem }
path { stroke: #ddd }
.ideal { stroke: #888; stroke-width: 1; stroke-dasharray: 4 }
"""


def html(evaluation: Evaluation, *, title: str, roc: Points, reliability: Points, learning: Points) -> str:
    """The whole page; `learning` has numbers of reviews learnt from, with the accuracy on those of the evaluation."""
    figures = {
        name.replace("_", " "): value for name, value in evaluation.to_json().items() if isinstance(value, int | float)
    }
    confusion = evaluation.confusion
    parts = [
        f"<h1>{escape(title)}</h1>",
        _table(("figure", "value"), figures.items()),
        _picture("ROC: negatives taken for positive → positives found", roc, low=(0, 0), high=(1, 1), ideal=0),
        _picture(
            "Reliability: confidence → accuracy",
            reliability,
            low=(0.5, min(0.5, _floor(reliability))),
            high=(1, 1),
            ideal=0.5,
        ),
        _picture(
            "Learning: reviews learnt from → accuracy", learning, low=(0, _floor(learning)), high=(max(learning)[0], 1)
        ),
        "<h2>Verdicts</h2>",
        _table(
            ("label", "judged positive", "judged negative"),
            [
                ("positive", confusion.true_positive, confusion.false_negative),
                ("negative", confusion.false_positive, confusion.true_negative),
            ],
        ),
        "<h2>Slices</h2>",
        _table(("reviews", "n", "accuracy"), [(one.name, one.n, one.accuracy) for one in evaluation.slices]),
        "<h2>The most confident mistakes</h2>",
        _table(
            ("label", "probability of positive", "text"),
            [("positive" if one.truth else "negative", one.probability, one.text) for one in evaluation.mistakes],
        ),
    ]
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["".join(f"<td>{escape(_shown(value))}</td>" for value in row) for row in rows]
    head = "".join(f"<th>{name}</th>" for name in names)
    return "\n".join(["<table>", *(f"<tr>{line}</tr>" for line in (head, *lines)), "</table>"])


def _shown(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def _tick(value: float) -> str:
    return f"{value:g}" if value <= 1 else f"{value:,.0f}"


def _floor(points: Points) -> float:
    """Where an axis of shares begins, for all of these to be above it."""
    return int(min(share for _, share in points) * 20) / 20


def _picture(
    name: str, points: Points, *, low: tuple[float, float], high: tuple[float, float], ideal: float | None = None
) -> str:
    """A line through the points, in a frame from `low` to `high`; a dashed one of x = y, from `ideal` up."""

    def place(x: float, y: float) -> tuple[float, float]:
        across, up = ((value - a) / (b - a) for value, a, b in zip((x, y), low, high, strict=True))
        return round(across * _WIDTH, 1), round((1 - up) * _HEIGHT, 1)

    def line(kind: str, of: Points) -> str:
        places = dict.fromkeys(place(x, y) for x, y in of)  # thousands are at the same place
        return f'<polyline class="{kind}" points="{" ".join(f"{x},{y}" for x, y in places)}"/>'

    parts = []
    for step in range(_STEPS + 1):
        x, y = (a + (b - a) * step / _STEPS for a, b in zip(low, high, strict=True))
        across, up = place(x, y)
        parts.append(f'<path d="M{across},0v{_HEIGHT}M0,{up}h{_WIDTH}"/>')
        parts.append(
            f'<text x="{across}" y="{_HEIGHT + 16}">{_tick(x)}</text><text x="-20" y="{up + 4}">{_tick(y)}</text>'
        )
    if ideal is not None:
        parts.append(line("ideal", [(ideal, ideal), high]))
    parts.append(line("measured", points))
    box = f"-45 -12 {_WIDTH + 75} {_HEIGHT + 35}"
    return f'<figure><figcaption>{name}</figcaption><svg viewBox="{box}">{"".join(parts)}</svg></figure>'
