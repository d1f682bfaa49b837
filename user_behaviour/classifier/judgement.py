"""How a version is judged before it scores: by the labels that training never sees, against what scores now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from user_behaviour.classifier.evaluation import Evaluation, Gate, Judged, gate, report
from user_behaviour.classifier.labels import Label, Labels
from user_behaviour.classifier.models import Models, UnknownVersionError
from user_behaviour.classifier.review_scoring import Model, ModelError, baseline
from user_behaviour.lake.lake import Lake


def judged(labels: Sequence[Label], model: Model) -> Judged:
    """The test reviews among the labels, as a model and the baseline see them."""
    test = [label for label in labels if label.is_test]
    return Judged(
        texts=[label.review_str for label in test],
        truth=np.array([label.positive_review for label in test], bool),
        probability=np.array([model.probability(label.review_str) for label in test], float),
        baseline=np.array([baseline(label.review_str) for label in test], bool),
    )


def unknown_share(model: Model, texts: Iterable[str]) -> float:
    """The share of the tokens of texts that a model does not know."""
    found = [model.read(text) for text in texts]
    return sum(one.unknown_tokens for one in found) / max(sum(one.tokens for one in found), 1)


@dataclass(frozen=True, eq=False)
class Judgement:
    """What there is to say of a version before it may score."""

    version: str
    judged: Judged
    evaluation: Evaluation
    gate: Gate


def judge(lake: Lake, version: str) -> Judgement:
    """Judges a version by the loaded labels: against the baseline, and the live version where another can be read.

    Raises `LabelsError`, `UnknownVersionError` and `ModelError`.
    """
    models, labels = Models(lake), Labels(lake)
    known = labels.read(labels.loaded().version)
    candidate = judged(known, models.model(version))
    evaluation, live = report(candidate), models.live()
    rival, unread = None, []
    if live and live != version:
        try:
            rival = judged(known, models.model(live)).verdict
        except (ModelError, UnknownVersionError) as error:  # else nothing could take its place
            unread = [f"The live version is no rival: {error}"]
    decision = gate(evaluation, candidate, live=rival)
    return Judgement(version, candidate, evaluation, Gate(decision.passed, (*decision.reasons, *unread)))
