"""How good a model is, by reviews whose labels it never saw, and whether that is enough to go live.

Pure functions over arrays: no files, no Dagster. Shares are from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from user_behaviour.classifier.review_scoring import NOT, tokens

Bools = NDArray[np.bool_]
Points = Sequence[tuple[float, float]]

BINS = 10  # of confidence
SHOWN_MISTAKES = 20
SHOWN_CHARACTERS = 300  # of a mistake's text
ALPHA = 0.01  # with a training every month, a version that is no better goes live about once in eight years
FLOOR = 0.88  # of a slice's accuracy
SLICE = 200  # reviews; of fewer, more than one in fifty slices that are 92 % right are below the floor by chance
MOST_ECE = 0.02  # where the reviews are enough to tell so much from chance
DRAWS = 5000  # so that once in a hundred times is not twice


@dataclass(frozen=True, eq=False)
class Judged:
    """Labelled reviews: `truth`, the model's `probability` of being positive, and what the `baseline` says."""

    texts: Sequence[str]
    truth: Bools
    probability: NDArray[np.float64]
    baseline: Bools

    @property
    def verdict(self) -> Bools:
        """Positive is what is more probable than not."""
        return np.greater(self.probability, 0.5)

    @property
    def right(self) -> Bools:
        return np.equal(self.verdict, self.truth)

    @property
    def confidence(self) -> NDArray[np.float64]:
        """The probability of the verdict, 0.5 to 1."""
        return np.maximum(self.probability, 1 - self.probability)


@dataclass(frozen=True)
class Confusion:
    """Numbers of reviews by verdict."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int


@dataclass(frozen=True)
class Slice:
    """Reviews that have something in common."""

    name: str
    n: int
    accuracy: float


@dataclass(frozen=True)
class Mistake:
    """A review whose verdict is not its label (`truth`)."""

    text: str
    truth: bool
    probability: float


@dataclass(frozen=True)
class Evaluation:
    """`brier` is the mean square of probability - truth, `auc` the area below the ROC curve.

    `ece` is the expected calibration error: the reviews in the order of confidence, cut into ten bins of equal count;
    the mean of |mean confidence - accuracy| of the bins, weighted by their reviews (after Guo and others, ICML 2017,
    whose bins are of equal width). `confident_accuracy` leaves out the fifth of the reviews with the least confidence.
    """

    n: int
    accuracy: float
    baseline_accuracy: float
    confident_accuracy: float
    precision: float  # 0 where no verdict is positive
    recall: float
    f1: float
    auc: float
    brier: float
    ece: float
    confusion: Confusion
    slices: tuple[Slice, ...]
    mistakes: tuple[Mistake, ...]  # the most confident first

    def figures(self) -> dict[str, int | float]:
        """What is one number, by its name, as in `to_json`."""
        return {name: value for name, value in self.to_json().items() if isinstance(value, int | float)}

    def to_json(self) -> dict[str, Any]:
        """Plain values; numbers with six digits behind the point."""
        return asdict(self, dict_factory=lambda pairs: {name: _plain(value) for name, value in pairs})


@dataclass(frozen=True)
class Gate:
    """Whether a version may go live, and in sentences what fails; where nothing does, what holds."""

    passed: bool
    reasons: tuple[str, ...]


def report(judged: Judged) -> Evaluation:
    """Every figure of the evaluation. Raises `ValueError` unless there are reviews of both kinds."""
    truth, verdict, right, confidence = judged.truth, judged.verdict, judged.right, judged.confidence
    if len(set(truth.tolist())) < 2:
        raise ValueError(f"{truth.sum()} of {len(truth)} reviews are positive; a model is judged by both kinds.")
    n = len(truth)
    found, mistaken, missed = (int(of.sum()) for of in (verdict & truth, verdict & ~truth, ~verdict & truth))
    by_confidence = np.argsort(-confidence, kind="stable")
    wrong = by_confidence[~right[by_confidence]][:SHOWN_MISTAKES]
    false_share, found_share = np.transpose(roc(judged))
    return Evaluation(
        n=n,
        accuracy=float(right.mean()),
        baseline_accuracy=float((judged.baseline == truth).mean()),
        confident_accuracy=float(right[by_confidence[: n - n // 5]].mean()),
        precision=found / max(found + mistaken, 1),
        recall=found / (found + missed),
        f1=2 * found / (2 * found + mistaken + missed),
        auc=float(np.trapezoid(found_share, false_share)),
        brier=float(np.mean((judged.probability - truth) ** 2)),
        ece=sum(len(of) / n * abs(float(confidence[of].mean() - right[of].mean())) for of in _bins(judged)),
        confusion=Confusion(found, mistaken, missed, n - found - mistaken - missed),
        slices=tuple(Slice(name, int(of.sum()), float(right[of].mean())) for name, of in _slices(judged) if of.any()),
        mistakes=tuple(
            Mistake(judged.texts[at][:SHOWN_CHARACTERS], bool(truth[at]), float(judged.probability[at])) for at in wrong
        ),
    )


def roc(judged: Judged) -> Points:
    """From the highest threshold to the lowest: share of negatives taken for positive, share of positives found."""
    order = np.argsort(-judged.probability, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(judged.probability[order])), len(order) - 1)
    found = np.append(0, np.cumsum(judged.truth[order])[ends])
    mistaken = np.append(0, ends + 1) - found
    return list(zip((mistaken / mistaken[-1]).tolist(), (found / found[-1]).tolist(), strict=True))


def reliability(judged: Judged) -> Points:
    """Mean confidence and accuracy of each bin of `Evaluation.ece`."""
    return [(float(judged.confidence[of].mean()), float(judged.right[of].mean())) for of in _bins(judged)]


def gate(evaluation: Evaluation, judged: Judged, *, live: Bools | None = None) -> Gate:
    """Whether the version that was judged may go live; `live` are the verdicts of the version that is.

    It must beat the baseline and the live version: of the reviews that only one of two judges rightly, so many must be
    its own that a fair coin gives them with a probability below `ALPHA` (McNemar's test, exact and one-sided). The
    whole and every slice of `SLICE` reviews or more must reach the `FLOOR`; `ece` must be at most `MOST_ECE`, or
    `ece_by_chance` where that is more, as it is of fewer than about 2,500 reviews.
    """
    rivals = {"the baseline": judged.baseline} | ({} if live is None else {"the live version": live})
    claims = [_beats(judged, rival, verdicts) for rival, verdicts in rivals.items()]
    large = [one for one in evaluation.slices if one.n >= SLICE]
    worst = min([Slice("all reviews", evaluation.n, evaluation.accuracy), *large], key=lambda one: one.accuracy)
    in_worst = f"{worst.accuracy:.2%} of the {worst.n:,} reviews of the worst slice ({worst.name}) are judged rightly"
    most = max(MOST_ECE, ece_by_chance(judged))
    claims += [
        (worst.accuracy >= FLOOR, f"{in_worst}; {FLOOR:.0%} are needed."),
        (
            evaluation.ece <= most,
            f"The calibration error is {evaluation.ece:.2%}; of {evaluation.n:,} reviews {most:.2%} is allowed.",
        ),
    ]
    failing = tuple(sentence for holds, sentence in claims if not holds)
    return Gate(not failing, failing or tuple(sentence for _, sentence in claims))


def ece_by_chance(judged: Judged) -> float:
    """What `ece` exceeds once in a hundred times where the calibration is perfect.

    By simulation, with a fixed seed: as many verdicts of the same confidences, of which each is right with just that
    probability. The fewer the reviews, the further a bin's accuracy strays from its confidence by chance.
    """
    bins = _bins(judged)
    confidence = judged.confidence[np.concatenate(bins)]
    starts = np.cumsum([0, *map(len, bins[:-1])])
    chance = np.random.default_rng(0)
    draws = (chance.random(len(confidence)) < confidence for _ in range(DRAWS))
    errors = [np.abs(np.add.reduceat(confidence - right, starts)).sum() for right in draws]
    return float(np.quantile(errors, 0.99)) / len(confidence)


def _beats(judged: Judged, rival: str, verdicts: Bools) -> tuple[bool, str]:
    right, of_rival = judged.right, verdicts == judged.truth
    won, lost = int((right & ~of_rival).sum()), int((of_rival & ~right).sum())
    chance = _at_least(won, won + lost)
    shown = f"{chance:.4f}" if chance >= 0.0001 else "less than 0.0001"
    return chance < ALPHA, (
        f"{won:,} reviews are judged rightly by this version alone and {lost:,} by {rival} alone; by chance that has a "
        f"probability of {shown}, and less than {ALPHA:g} is needed."
    )


def _at_least(heads: int, throws: int) -> float:
    """The probability of so many heads or more, of a fair coin: exact."""
    ways, ways_in_all = 1, 0
    for number in range(throws, heads - 1, -1):
        ways_in_all += ways
        ways = ways * number // (throws - number + 1)
    return ways_in_all / (1 << throws)


def _bins(judged: Judged) -> list[NDArray[np.intp]]:
    """Positions of the reviews of each bin, the least confident first; as many in each, to one review."""
    return [of for of in np.array_split(np.argsort(judged.confidence, kind="stable"), BINS) if len(of)]


def _slices(judged: Judged) -> Iterator[tuple[str, Bools]]:
    """Quarters by length, with and without a negation."""
    lengths = np.array([len(text) for text in judged.texts])
    last = -1
    for edge in np.quantile(lengths, (0.25, 0.5, 0.75, 1), method="inverted_cdf").tolist():
        yield f"{last + 1:,} to {edge:,} characters", (last < lengths) & (lengths <= edge)
        last = edge
    negated = np.array([any(token.startswith(NOT) for token in tokens(text)) for text in judged.texts])
    yield from (("with a negation", negated), ("without a negation", ~negated))


def _plain(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else list(value) if isinstance(value, tuple) else value
