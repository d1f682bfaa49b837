"""A judgement as one page that needs nothing beside it: tables, and three charts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from user_behaviour.classifier.evaluation import Points, reliability, roc
from user_behaviour.classifier.judgement import Judgement
from user_behaviour.report.charts import curve
from user_behaviour.report.page import Spec, chart, page, paragraph, section, side, table

EVALUATION_PAGE = "evaluation.html"


@dataclass(frozen=True)
class EvaluationPage:
    """The `html`, and each of its `charts` by its title."""

    html: str
    charts: Mapping[str, Spec]


def evaluation_page(found: Judgement, learning: Points) -> EvaluationPage:
    """The whole page; `learning` has numbers of reviews learnt from, with the accuracy on those of the evaluation."""
    by_confidence, of_roc = reliability(found.judged), roc(found.judged)
    low = min(0.5, _floor(by_confidence))
    points = {
        "ROC: negatives taken for positive → positives found": (of_roc, curve(of_roc, ideal=(0, 0))),
        "Reliability: confidence → accuracy": (by_confidence, curve(by_confidence, ideal=(0.5, 0.5), low=low)),
        "Learning: reviews learnt from → accuracy": (learning, curve(learning, low=_floor(learning))),
    }
    verdict = "It passes the gate." if found.gate.passed else "It does not pass the gate."
    html = page(
        f"Version {found.version} of the review classifier",
        subtitle=verdict,
        body=[
            section("Gate", *map(paragraph, found.gate.reasons)),
            section("Figures", side(*_figures(found))),
            section("Charts", side(*(_chart(name, *one) for name, one in points.items()))),
            section("Mistakes", _mistakes(found)),
        ],
        made=[],
    )
    return EvaluationPage(html, {name: spec for name, (_, spec) in points.items()})


def _figures(found: Judgement) -> Iterator[str]:
    evaluation, confusion = found.evaluation, found.evaluation.confusion
    figures = [(name.replace("_", " "), _exact(value)) for name, value in evaluation.figures().items()]
    yield table("Of labelled reviews that training never saw", ("figure", "value"), figures)
    verdicts = [
        ("positive", confusion.true_positive, confusion.false_negative),
        ("negative", confusion.false_positive, confusion.true_negative),
    ]
    yield table("Verdicts", ("label", "judged positive", "judged negative"), verdicts)
    slices = [(one.name, one.n, one.accuracy) for one in evaluation.slices]
    yield table("Slices", ("reviews", "number", "accuracy"), slices)


def _chart(name: str, points: Points, spec: Spec) -> str:
    rows = [(_exact(x), _exact(y)) for x, y in points[:: max(len(points) // 50, 1)]]
    axes = name.partition(": ")[2].split(" → ")
    return chart(spec, title=name, says=f"From {rows[0]} to {rows[-1]}.", numbers=table(name, axes, rows))


def _mistakes(found: Judgement) -> str:
    rows = [("positive" if one.truth else "negative", one.probability, one.text) for one in found.evaluation.mistakes]
    return table("The most confident mistakes", ("label", "probability of positive", "text"), rows)


def _exact(value: float) -> str:
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}"


def _floor(points: Points) -> float:
    """Where an axis of shares up to 1 begins, for all of these to be on it."""
    return min(int(min(share for _, share in points) * 20), 19) / 20
