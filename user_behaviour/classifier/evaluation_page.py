"""A judgement as one page of HTML that needs nothing beside it: tables, and three pictures in SVG."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from user_behaviour.classifier.evaluation import Evaluation, Points, reliability, roc
from user_behaviour.classifier.judgement import Judgement

EVALUATION_PAGE = "evaluation.html"
_WIDTH, _HEIGHT = 300, 220  # of a picture's frame
_STEPS = 5  # of an axis
_STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; max-width: 78rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse }
td, th { padding: .2rem .8rem; text-align: left; vertical-align: top; border-top: 1px solid #ddd }
figure { display: inline-block; margin: 1rem 0 }
figcaption { padding-left: 3rem }
"""
_SVG_STYLE = """
text { font: 11px system-ui, sans-serif; text-anchor: middle; fill: #666 }
polyline { fill: none; stroke: #1f5fa8; stroke-width: 2 }
path { stroke: #ddd }
.ideal { stroke: #888; stroke-width: 1; stroke-dasharray: 4 }
"""


@dataclass(frozen=True)
class EvaluationPage:
    """The `html`, and each of its `pictures` by its title: an SVG that can stand alone."""

    html: str
    pictures: Mapping[str, str]


def evaluation_page(found: Judgement, learning: Points) -> EvaluationPage:
    """The whole page; `learning` has numbers of reviews learnt from, with the accuracy on those of the evaluation."""
    evaluation, by_confidence = found.evaluation, reliability(found.judged)
    low = min(0.5, _floor(by_confidence))
    pictures = {
        "ROC: negatives taken for positive → positives found": _picture(
            roc(found.judged), low=(0, 0), high=(1, 1), ideal=0
        ),
        "Reliability: confidence → accuracy": _picture(by_confidence, low=(0.5, low), high=(1, 1), ideal=0.5),
        "Learning: reviews learnt from → accuracy": _picture(
            learning, low=(0, _floor(learning)), high=(max(learning)[0], 1)
        ),
    }
    title = f"Version {found.version} of the review classifier"
    body = "\n".join([f"<h1>{escape(title)}</h1>", *_body(found, evaluation, pictures)])
    html = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )
    return EvaluationPage(html, pictures)


def _body(found: Judgement, evaluation: Evaluation, pictures: Mapping[str, str]) -> Iterator[str]:
    confusion = evaluation.confusion
    yield f"<p>{'It passes the gate.' if found.gate.passed else 'It does not pass the gate.'}</p>"
    yield from (f"<p>{escape(reason)}</p>" for reason in found.gate.reasons)
    yield _table(("figure", "value"), [(name.replace("_", " "), value) for name, value in evaluation.figures().items()])
    yield from (f"<figure><figcaption>{name}</figcaption>{svg}</figure>" for name, svg in pictures.items())
    yield "<h2>Verdicts</h2>"
    yield _table(
        ("label", "judged positive", "judged negative"),
        [
            ("positive", confusion.true_positive, confusion.false_negative),
            ("negative", confusion.false_positive, confusion.true_negative),
        ],
    )
    yield "<h2>Slices</h2>"
    yield _table(("reviews", "n", "accuracy"), [(one.name, one.n, one.accuracy) for one in evaluation.slices])
    yield "<h2>The most confident mistakes</h2>"
    yield _table(
        ("label", "probability of positive", "text"),
        [("positive" if one.truth else "negative", one.probability, one.text) for one in evaluation.mistakes],
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
    """Where an axis of shares up to 1 begins, for all of these to be on it."""
    return min(int(min(share for _, share in points) * 20), 19) / 20


def _picture(points: Points, *, low: tuple[float, float], high: tuple[float, float], ideal: float | None = None) -> str:
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
    box = f'width="400" viewBox="-45 -12 {_WIDTH + 75} {_HEIGHT + 35}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box}><style>{_SVG_STYLE}</style>{"".join(parts)}</svg>'
