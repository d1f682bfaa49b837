"""How a version is judged before it scores: by the labels that training never sees, against what scores now."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from user_behaviour.classifier.evaluation import Evaluation, Gate, Judged, gate
from user_behaviour.classifier.labels import Label
from user_behaviour.classifier.models import Models
from user_behaviour.classifier.review_scoring import Model, baseline


def judged(labels: Sequence[Label], model: Model) -> Judged:
    """The test reviews among the labels, as a model and the baseline see them."""
    test = [label for label in labels if label.is_test]
    return Judged(
        texts=[label.review_str for label in test],
        truth=np.array([label.positive_review for label in test], bool),
        probability=np.array([model.probability(label.review_str) for label in test], float),
        baseline=np.array([baseline(label.review_str) for label in test], bool),
    )


def gated(models: Models, labels: Sequence[Label], version: str, evaluation: Evaluation, candidate: Judged) -> Gate:
    """Whether a version that was judged may go live: against the baseline, and the live version where one is."""
    live = models.live()
    rival = judged(labels, models.model(live)).verdict if live and live != version else None
    return gate(evaluation, candidate, live=rival)
