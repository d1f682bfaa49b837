"""A training: from the labels in the lake to a version there, and how much more labels would help."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from user_behaviour.classifier.evaluation import Points, report
from user_behaviour.classifier.judgement import judged
from user_behaviour.classifier.labels import Label, Labels
from user_behaviour.classifier.models import Models, UntrainableError
from user_behaviour.lake.lake import Lake

if TYPE_CHECKING:
    from user_behaviour.classifier.training import Trained

PARTS = (8, 4, 2)  # of the labels, an eighth and so on


def new_version(lake: Lake, *, log: Callable[[str], None]) -> str:
    """Trains on the loaded labels, and keeps the version; the same labels give the same one.

    Raises `LabelsError` and `UntrainableError`.
    """
    loaded = Labels(lake).loaded()
    labels = Labels(lake).read(loaded.version)
    learnt = [label for label in labels if not label.is_test]
    log(f"Training on {len(learnt):,} of {len(labels):,} labelled reviews")
    trained = _train(learnt)
    facts = {
        "labels": {"version": loaded.version, "rows": loaded.rows},
        "configuration": asdict(trained.configuration),
        "cross_validation": trained.accuracies,
        "evaluation": report(judged(labels, trained.model)).to_json(),
    }
    return Models(lake).add(trained.model, facts)


def learning_curve(lake: Lake, version: str) -> Points:
    """Numbers of reviews learnt from, with the accuracy on the test reviews; the last is that of the version itself.

    Parts that are too small to learn from are left out.
    """
    card = Models(lake).card(version)
    labels = Labels(lake).read(card["labels"]["version"])
    learnt = [label for label in labels if not label.is_test]
    learnt.sort(key=lambda label: label.group)  # a digest, and so in no order of theirs
    points = []
    for part in PARTS:
        some = learnt[: len(learnt) // part]
        with suppress(UntrainableError):  # of so few
            model = _train(some, card["configuration"]).model
            points.append((float(len(some)), float(judged(labels, model).right.mean())))
    return [*points, (float(len(learnt)), float(card["evaluation"]["accuracy"]))]


def _train(labels: Sequence[Label], configuration: Mapping[str, Any] | None = None) -> Trained:
    """By one configuration, or by the best of all."""
    if not find_spec("sklearn"):
        raise UntrainableError("Training needs scikit-learn: pip install 'user_behaviour[training]'.")
    from user_behaviour.classifier.training import CONFIGURATIONS, Configuration, train

    groups = {label.group: number for number, label in enumerate(labels)}
    return train(
        [label.review_str for label in labels],
        [label.positive_review for label in labels],
        [groups[label.group] for label in labels],
        configurations=[Configuration(**configuration)] if configuration else CONFIGURATIONS,
    )
