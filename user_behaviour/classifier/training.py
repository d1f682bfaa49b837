"""Training: a linear model over the terms of labelled reviews, by scikit-learn (the extra `training`).

Each term is weighted by how much likelier it is in a positive review than in a negative one, and by how rare it is
(naive Bayes and inverse document frequency); a linear support vector machine learns from these, scaled to length one.
After Wang and Manning, "Baselines and Bigrams", ACL 2012. The same labels give the same model, bit by bit.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.svm import LinearSVC

from user_behaviour.classifier.models import UntrainableError
from user_behaviour.classifier.review_scoring import Model, terms

FOLDS = 5
SEED = 20101201
DIGITS = 6  # of a weight: more would be of the machine


@dataclass(frozen=True)
class Configuration:
    """`fewest` is in how many reviews a term must be, `strictness` the support vector machine's C."""

    fewest: int
    strictness: float


CONFIGURATIONS = (Configuration(5, 0.25), Configuration(5, 0.5), Configuration(5, 1.0), Configuration(8, 0.5))


@dataclass(frozen=True)
class Trained:
    """A model, the configuration that was chosen, and the accuracy of each, 0 to 1, over all folds."""

    model: Model
    configuration: Configuration
    accuracies: dict[str, float]


def train(
    texts: Sequence[str],
    positive: Sequence[bool],
    groups: Sequence[int],
    *,
    configurations: Sequence[Configuration] = CONFIGURATIONS,
) -> Trained:
    """Chooses the configuration by cross-validation over these reviews alone, fits it to all, and calibrates it.

    Reviews of the same of the `groups` are in the same fold. Calibrated by the scores that reviews had in the fold in
    which they were not learnt from (Platt), and chosen by the verdicts that come of it. Raises `UntrainableError`.
    """
    truth = np.asarray(positive, bool)
    if min(np.count_nonzero(truth), np.count_nonzero(~truth)) < 2 * FOLDS:
        raise UntrainableError(
            f"{np.count_nonzero(truth)} positive reviews of {len(truth)} are too few to learn from; there must be at "
            f"least {2 * FOLDS} of each kind. Load more labels."
        )
    names, found = _matrix(texts)
    apart = min(len({group for group, said in zip(groups, truth, strict=True) if said == side}) for side in (0, 1))
    if not names or apart < FOLDS:
        raise UntrainableError(
            f"The reviews have {len(names)} terms in common, and of one kind there are {apart} that are no near copies "
            f"of each other; there must be some terms, and {FOLDS} of each kind. Load more labels."
        )
    folds = [*StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED).split(found, truth, groups)]
    scores = {}
    for configuration in configurations:
        scores[configuration] = np.empty(len(truth))
        for learnt, held_out in folds:
            fitted = _Fitted(found[learnt], truth[learnt], configuration)
            scores[configuration][held_out] = fitted.scores(found[held_out])
    platts = {one: LogisticRegression(C=1e6).fit(score[:, None], truth) for one, score in scores.items()}
    accuracies = {one: round(float(platts[one].score(scores[one][:, None], truth)), DIGITS) for one in configurations}
    chosen = max(configurations, key=lambda one: accuracies[one])  # of equals the first
    platt = platts[chosen]
    model = _model(names, _Fitted(found, truth, chosen), slope=platt.coef_[0, 0], offset=platt.intercept_[0])
    return Trained(model, chosen, {_named(one): accuracy for one, accuracy in accuracies.items()})


def uncalibrated(texts: Sequence[str], positive: Sequence[bool], configuration: Configuration) -> Model:
    """A model whose verdicts count and whose probabilities do not: a sixth of the work."""
    names, found = _matrix(texts)
    return _model(names, _Fitted(found, np.asarray(positive, bool), configuration), slope=1, offset=0)


def _model(names: Sequence[str], fitted: _Fitted, *, slope: float, offset: float) -> Model:
    return Model(
        version="",
        weights={names[at]: pair for at, pair in fitted.weights()},
        intercept=round(fitted.intercept, DIGITS),
        slope=round(float(slope), DIGITS),
        offset=round(float(offset), DIGITS),
    )


def _named(configuration: Configuration) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in asdict(configuration).items())


def _matrix(texts: Sequence[str]) -> tuple[list[str], sp.csr_matrix]:
    """Which term is in which review, and the terms in their order; without those that no configuration takes."""
    known: dict[str, int] = {}
    columns, ends = array("i"), array("q", [0])
    for text in texts:
        columns.extend(known.setdefault(term, len(known)) for term in terms(text))
        ends.append(len(columns))
    found = np.frombuffer(columns, np.int32) if columns else np.empty(0, np.int32)
    fewest = min(one.fewest for one in CONFIGURATIONS)
    enough = np.bincount(found, minlength=len(known)) >= min(fewest, max(len(texts) // 100, 1))
    names = sorted(term for term, at in known.items() if enough[at])
    place = np.full(len(known), -1, np.int32)
    for number, term in enumerate(names):
        place[known[term]] = number
    del known
    kept = enough[found]
    before = np.concatenate([[0], np.cumsum(kept)])
    shape = len(texts), len(names)
    return names, sp.csr_matrix((np.ones(before[-1], np.float32), place[found[kept]], before[ends]), shape=shape)


class _Fitted:
    """One configuration, fitted to reviews: `lengths` and `pulls` of all terms, 0 for those that it does not take."""

    def __init__(self, found: sp.csr_matrix, truth: Any, configuration: Configuration) -> None:
        in_all = np.asarray(found.sum(axis=0)).ravel()
        in_positive = np.asarray(found[truth].sum(axis=0)).ravel()
        in_negative = in_all - in_positive
        taken = in_all >= configuration.fewest
        likelier = np.log((1 + in_positive) / (taken.sum() + in_positive[taken].sum()))
        likelier -= np.log((1 + in_negative) / (taken.sum() + in_negative[taken].sum()))
        rarer = np.log((1 + found.shape[0]) / (1 + in_all)) + 1
        self.lengths = np.where(taken, likelier * rarer, 0)
        machine = LinearSVC(C=configuration.strictness, random_state=SEED).fit(self._scaled(found), truth)
        self.pulls = self.lengths * machine.coef_[0]
        self.intercept = float(machine.intercept_[0])

    def _scaled(self, found: sp.csr_matrix) -> sp.csr_matrix:
        weighted = found @ sp.diags_array(self.lengths)
        length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
        return sp.diags_array(1 / np.where(length > 0, length, 1)) @ weighted

    def scores(self, found: sp.csr_matrix) -> Any:
        """Of each review."""
        length = np.sqrt(found @ self.lengths**2)
        return found @ self.pulls / np.where(length > 0, length, 1) + self.intercept

    def weights(self) -> list[tuple[int, tuple[float, float]]]:
        """Length and pull of each term that has any, as the model keeps them."""
        rounded = np.round(np.stack([np.abs(self.lengths), self.pulls], axis=1), DIGITS)
        return [(int(at), (float(rounded[at, 0]), float(rounded[at, 1]))) for at in np.flatnonzero(rounded[:, 0])]
