"""A training: from the labels in the lake to a version there, and how much more labels would help."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from user_behaviour.classifier.evaluation import Points, report
from user_behaviour.classifier.judgement import judged, unknown_share
from user_behaviour.classifier.labels import Label, Labels
from user_behaviour.classifier.models import Models, UntrainableError
from user_behaviour.lake.lake import Lake

if TYPE_CHECKING:
    from user_behaviour.classifier.training import Configuration, Trained

PARTS = (8, 4, 2)  # of the labels, an eighth and so on
# By which a version and what its card says are made.
CODE = (
    "labels.py",
    "near_duplicates.py",
    "review_scoring.py",
    "training.py",
    "evaluation.py",
    "judgement.py",
    "new_version.py",
)


def new_version(lake: Lake, *, log: Callable[[str], None]) -> str:
    """Trains on the loaded labels, and keeps the version.

    The same labels and the same code give the same version, so that what was trained last of them is not trained again.
    Raises `LabelsError` and `UntrainableError`.
    """
    models, loaded = Models(lake), Labels(lake).loaded()
    made_of = {"labels": {"version": loaded.version, "rows": loaded.rows}, "code": _code()}
    if (last := models.trained()) in models.versions() and made_of.items() <= models.card(last).items():
        log(f"Version {last} is of these labels and this code")
        return last
    labels = Labels(lake).read(loaded.version)
    learnt = [label for label in labels if not label.is_test]
    log(f"Training on {len(learnt):,} of {len(labels):,} labelled reviews")
    trained = _train(learnt)
    found = report(judged(labels, trained.model))
    facts = {
        **made_of,
        "configuration": asdict(trained.configuration),
        "cross_validation": trained.accuracies,
        "evaluation": found.to_json(),
        "unknown_share": round(unknown_share(trained.model, [one.review_str for one in labels if one.is_test]), 6),
        "learning": [*_learning(learnt, trained.configuration, labels), (len(learnt), found.accuracy)],
    }
    return models.add(trained.model, facts)


def _code() -> str:
    """The digest of the code that makes a version."""
    texts = (Path(__file__).with_name(name).read_bytes() for name in CODE)
    return hashlib.sha256(b"".join(texts)).hexdigest()[:12]


def _learning(learnt: Sequence[Label], configuration: Configuration, labels: Sequence[Label]) -> Points:
    """Numbers of reviews learnt from, with the accuracy on the test reviews; without parts too small to learn from."""
    from user_behaviour.classifier.training import uncalibrated

    mixed = sorted(learnt, key=lambda label: label.group)  # by a digest, and so in no order of theirs
    points = []
    for some in (mixed[: len(mixed) // part] for part in PARTS):
        positive = [label.positive_review for label in some]
        if len({*positive}) == 2:
            model = uncalibrated([label.review_str for label in some], positive, configuration)
            points.append((len(some), float(judged(labels, model).right.mean())))
    return points


def _train(labels: Sequence[Label]) -> Trained:
    if not find_spec("sklearn"):
        raise UntrainableError("Training needs scikit-learn: pip install 'user_behaviour[training]'.")
    from user_behaviour.classifier.training import train

    groups = {label.group: number for number, label in enumerate(labels)}
    return train(
        [label.review_str for label in labels],
        [label.positive_review for label in labels],
        [groups[label.group] for label in labels],
    )
