"""The figures of an evaluation, by hand and by scikit-learn and SciPy; what the gate lets through; the page."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from user_behaviour.classifier.evaluation import (
    MOST_ECE,
    Gate,
    Judged,
    ece_by_chance,
    gate,
    reliability,
    report,
    roc,
)
from user_behaviour.classifier.evaluation_page import evaluation_page
from user_behaviour.classifier.judgement import Judgement

BEATS_BASELINE = (
    "500 reviews are judged rightly by this version alone and 50 by the baseline alone; by chance that has "
    "a probability of less than 0.0001, and less than 0.01 is needed."
)
GOOD_SLICES = "95.00% of the 1,000 reviews of the worst slice (all reviews) are judged rightly; 88% are needed."
CALIBRATED = "The calibration error is 0.00%; of 1,000 reviews 2.80% is allowed."

FIVE = Judged(
    texts=["good", "not bad", "a bad one", "<br />worst <b>", "it isn't so bad at all"],
    truth=np.array([True, True, False, False, True]),
    probability=np.array([0.9, 0.2, 0.7, 0.6, 1.0]),  # right, missed, mistaken, mistaken, right
    baseline=np.array([True, True, False, True, False]),
)


def judged(truth: np.ndarray, probability: np.ndarray, **others: object) -> Judged:
    """Reviews of one text; the baseline calls all of them positive."""
    ordinary = {"texts": ["a film"] * len(truth), "baseline": np.ones(len(truth), bool)}
    return Judged(truth=truth, probability=probability, **ordinary | others)


def thousand(*, confidence: float = 0.95, **others: object) -> Judged:
    """Every other review is positive, and every twentieth verdict wrong."""
    truth = np.arange(1000) % 2 == 0
    verdict = truth ^ (np.arange(1000) % 20 == 0)
    return judged(truth, np.where(verdict, confidence, 1 - confidence), **others)


def by_chance(n: int) -> Judged:
    """Probabilities of three digits, of which many are alike, and truths that follow them loosely."""
    random = np.random.default_rng(7)
    probability = random.random(n).round(3)
    return judged(random.random(n) < 0.2 + 0.6 * probability, probability)


def test_every_figure_of_five_reviews_is_what_one_reckons_by_hand() -> None:
    evaluation = report(FIVE).to_json()
    assert evaluation == {
        "n": 5,
        "accuracy": 0.4,
        "baseline_accuracy": 0.6,
        "confident_accuracy": 0.5,  # without the fourth
        "precision": 0.5,  # 2 of 4
        "recall": 0.666667,  # 2 of 3
        "f1": 0.571429,  # 2 · 2 / (2 · 2 + 2 + 1)
        "auc": 0.666667,  # 4 of the 6 pairs of a positive and a negative review are in order
        "brier": 0.3,  # (0.01 + 0.64 + 0.49 + 0.36 + 0) / 5
        "ece": 0.44,  # (0.1 + 0.8 + 0.7 + 0.6 + 0) / 5: each is a bin
        "confusion": {"true_positive": 2, "false_positive": 2, "false_negative": 1, "true_negative": 0},
        "slices": [
            {"name": "0 to 7 characters", "n": 2, "accuracy": 0.5},
            {"name": "8 to 9 characters", "n": 1, "accuracy": 0.0},
            {"name": "10 to 15 characters", "n": 1, "accuracy": 0.0},
            {"name": "16 to 22 characters", "n": 1, "accuracy": 1.0},
            {"name": "with a negation", "n": 2, "accuracy": 0.5},
            {"name": "without a negation", "n": 3, "accuracy": 0.333333},
        ],
        "mistakes": [
            {"text": "not bad", "truth": True, "probability": 0.2},
            {"text": "a bad one", "truth": False, "probability": 0.7},
            {"text": "<br />worst <b>", "truth": False, "probability": 0.6},
        ],
    }
    assert json.loads(json.dumps(evaluation)) == evaluation


def test_a_bin_counts_by_its_reviews_and_by_its_mean_confidence() -> None:
    """Of eleven the two least confident are one bin: half of them right, at 0.6; the others are sure, and right."""
    eleven = judged(np.array([True, False] + [True] * 9), np.array([0.6, 0.6] + [1.0] * 9))
    assert report(eleven).to_json()["ece"] == 0.018182  # 2/11 · 0.1
    assert reliability(eleven) == [(0.6, 0.5), *[(1.0, 1.0)] * 9]


def test_figures_are_those_of_scikit_learn() -> None:
    from sklearn import metrics  # seconds of imports, here and below, which every process of the tests would take

    chance = by_chance(2000)
    found, verdict = report(chance), chance.probability > 0.5
    assert {name: getattr(found, name) for name in ("accuracy", "precision", "recall", "f1", "auc", "brier")} == (
        pytest.approx(
            {
                "accuracy": metrics.accuracy_score(chance.truth, verdict),
                "precision": metrics.precision_score(chance.truth, verdict),
                "recall": metrics.recall_score(chance.truth, verdict),
                "f1": metrics.f1_score(chance.truth, verdict),
                "auc": metrics.roc_auc_score(chance.truth, chance.probability),
                "brier": metrics.brier_score_loss(chance.truth, chance.probability),
            }
        )
    )
    mistaken, caught, _ = metrics.roc_curve(chance.truth, chance.probability, drop_intermediate=False)
    np.testing.assert_allclose(roc(chance), np.column_stack([mistaken, caught]))


def test_the_bins_are_those_of_scikit_learn_by_quantiles_of_confidence() -> None:
    """Where no two confidences are equal, and ten bins share the reviews evenly."""
    from sklearn.calibration import calibration_curve

    random = np.random.default_rng(11)
    probability = random.permutation(np.linspace(0.001, 0.9985, 2000))
    chance = judged(random.random(2000) < 0.2 + 0.6 * probability, probability)
    confidence = np.maximum(probability, 1 - probability)
    assert len(set(confidence)) == 2000
    right = (probability > 0.5) == chance.truth
    accuracy, mean_confidence = calibration_curve(right, confidence, n_bins=10, strategy="quantile")
    np.testing.assert_allclose(reliability(chance), np.column_stack([mean_confidence, accuracy]))
    assert report(chance).ece == pytest.approx(np.abs(accuracy - mean_confidence).mean())


def test_a_review_as_probably_positive_as_not_is_judged_negative() -> None:
    evaluation = report(judged(np.array([True, False]), np.array([0.5, 0.5])))
    assert (evaluation.accuracy, evaluation.precision, evaluation.recall, evaluation.f1) == (0.5, 0, 0, 0)


def test_reviews_of_one_length_are_in_one_slice() -> None:
    evaluation = report(judged(FIVE.truth, FIVE.probability, texts=["four"] * 4 + ["longest"]))
    assert [(one.name, one.n) for one in evaluation.slices] == [
        ("0 to 4 characters", 4), ("5 to 7 characters", 1), ("without a negation", 5),
    ]  # fmt: skip


def test_of_many_mistakes_the_twenty_most_confident_are_shown_and_cut() -> None:
    probability = np.linspace(0.51, 0.99, 30)
    evaluation = report(judged(np.arange(30) == 0, probability, texts=["é" * 301] * 30))
    assert [one.probability for one in evaluation.mistakes] == probability[:9:-1].tolist()
    assert {one.text for one in evaluation.mistakes} == {"é" * 300}


@pytest.mark.parametrize("positive", [True, False])
def test_reviews_of_one_kind_are_no_ground_for_a_judgement(positive: bool) -> None:
    with pytest.raises(ValueError, match=f"{2 * positive} of 2 reviews are positive; a model is judged by both kinds"):
        report(judged(np.array([positive] * 2), np.array([0.1, 0.9])))


def passes(of: Judged, **live: np.ndarray) -> Gate:
    return gate(report(of), of, **live)


def test_a_version_that_is_better_even_and_calibrated_passes_with_its_figures() -> None:
    assert passes(thousand()) == Gate(True, (BEATS_BASELINE, GOOD_SLICES, CALIBRATED))


@pytest.mark.parametrize(
    ("won", "lost"), [(0, 0), (6, 0), (7, 0), (5, 40), (21, 9), (22, 8), (70, 50), (76, 50), (77, 50), (900, 50)]
)
@pytest.mark.parametrize("rival", ["baseline", "live version"])
def test_a_version_passes_only_with_a_lead_that_chance_seldom_gives(rival: str, won: int, lost: int) -> None:
    """The probability is that of SciPy's binomial test."""
    from scipy.stats import binomtest

    candidate = thousand()
    of_rival = candidate.right.copy()
    of_rival[np.flatnonzero(candidate.right)[:won]] = False
    of_rival[np.flatnonzero(~candidate.right)[:lost]] = True
    verdicts = of_rival == candidate.truth
    decision = passes(thousand(baseline=verdicts)) if rival == "baseline" else passes(candidate, live=verdicts)
    chance = binomtest(won, won + lost, alternative="greater").pvalue if won else 1
    shown = f"{chance:.4f}" if chance >= 0.0001 else "less than 0.0001"
    sentence = (
        f"{won} reviews are judged rightly by this version alone and {lost} by the {rival} alone; by chance that "
        f"has a probability of {shown}, and less than 0.01 is needed."
    )
    assert decision.passed == (chance < 0.01)
    assert sentence in decision.reasons
    assert decision.passed or decision.reasons == (sentence,)


def negated(reviews: int, wrong: int) -> Judged:
    """A thousand, of which those with a negation are sometimes wrong, and said to be; the others are right and sure."""
    truth = np.arange(1000) % 2 == 0
    mistaken = np.zeros(1000, bool)
    mistaken[np.linspace(0, reviews - 1, wrong).astype(int)] = True
    confidence = np.where(np.arange(1000) < reviews, 1 - wrong / reviews, 1)
    texts = ["not a film"] * reviews + ["now a film"] * (1000 - reviews)
    return judged(truth, np.where(truth ^ mistaken, confidence, 1 - confidence), texts=texts)


@pytest.mark.parametrize(("reviews", "wrong", "passed"), [(200, 25, False), (200, 24, True), (199, 24, True)])
def test_a_large_slice_below_the_floor_fails(reviews: int, wrong: int, passed: bool) -> None:
    decision = passes(negated(reviews, wrong))
    assert decision.passed == passed
    if not passed:
        assert decision.reasons == (
            "87.50% of the 200 reviews of the worst slice (with a negation) are judged rightly; 88% are needed.",
        )


def test_where_no_slice_is_large_the_whole_must_reach_the_floor() -> None:
    """Nothing passes because there was nothing to look at: 13 of 100 are wrong."""
    hundred = judged(np.arange(100) % 2 == 0, np.where((np.arange(100) % 2 == 0) ^ (np.arange(100) < 13), 0.87, 0.13))
    sentence = "87.00% of the 100 reviews of the worst slice (all reviews) are judged rightly; 88% are needed."
    assert sentence in passes(hundred).reasons


def test_a_version_that_is_too_sure_fails() -> None:
    assert passes(thousand(confidence=0.99)) == Gate(
        False, ("The calibration error is 4.00%; of 1,000 reviews 2.00% is allowed.",)
    )


def perfect(n: int, chance: np.random.Generator) -> Judged:
    """As sure as the model of the real labels, nine in ten verdicts right, and calibrated."""
    probability = 1 / (1 + np.exp(-chance.normal(np.where(chance.random(n) < 0.5, 3, -3), 2)))
    return judged(chance.random(n) < probability, probability)


def test_what_chance_gives_is_what_the_binomial_distribution_says() -> None:
    """Ten bins of a hundred verdicts at 0.95: of each, how far 95 is from the number that is right."""
    from scipy.stats import binom

    off = np.bincount(np.abs(95 - np.arange(101)), weights=binom.pmf(np.arange(101), 100, 0.95))
    total = np.ones(1)
    for _ in range(10):
        total = np.convolve(total, off)
    assert ece_by_chance(thousand()) == pytest.approx(np.searchsorted(total.cumsum(), 0.99) / 1000)


@pytest.mark.parametrize("n", [100, 300, 1_000, 2_610])
def test_a_perfect_calibration_is_seldom_rejected_however_few_the_reviews(n: int) -> None:
    """At 2 % whatever their number it was in all samples of 100 reviews, and in two of five of 1,000."""
    chance = np.random.default_rng(n)
    one = perfect(n, chance)
    most = max(MOST_ECE, ece_by_chance(one))
    samples = (replace(one, truth=chance.random(n) < one.probability) for _ in range(1_000))
    errors = [np.mean([abs(sure - right) for sure, right in reliability(sample)]) for sample in samples]
    assert sum(error > most for error in errors) <= 20


@pytest.mark.parametrize(("n", "slope"), [(300, 0.3), (300, 3), (1_000, 0.5), (1_000, 2), (2_610, 0.5), (2_610, 2)])
def test_a_model_whose_scores_were_not_calibrated_is_rejected(n: int, slope: float) -> None:
    """Too unsure by the raw score of a support vector machine (a calibration error of 9 to 16 %), or too sure (5 %)."""
    chance = np.random.default_rng(n)
    for _ in range(4):
        one = perfect(n, chance)
        odds = one.probability / (1 - one.probability)
        decision = passes(replace(one, probability=1 / (1 + odds**-slope), baseline=~one.truth))
        assert not decision.passed
        assert decision.reasons[-1].startswith("The calibration error is ")


def test_the_page_holds_tables_and_charts_and_every_text_is_escaped() -> None:
    text = "<script>alert('&')</script>"
    five = judged(FIVE.truth, FIVE.probability, texts=[text] * 5)
    gate = Gate(passed=False, reasons=("3 < 4",))
    page = evaluation_page(Judgement("<1>", five, report(five), gate), [(1000, 0.81), (4000, 0.9)])
    assert "&lt;script&gt;alert(&#x27;&amp;&#x27;)&lt;/script&gt;" in page.html
    assert "<title>Version &lt;1&gt; of the review classifier</title>" in page.html
    assert "<p>It does not pass the gate.</p>" in page.html
    assert "<p>3 &lt; 4</p>" in page.html
    for row in (("positive", 2, 1), ("negative", 2, 0), ("brier", "0.3000"), ("0 to 27 characters", 5, "40.0 %")):
        kinds = ["" if isinstance(cell, str) and "%" not in cell else ' class="number"' for cell in row]
        cells = [f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds, row, strict=True)]
        assert f"<tr>{''.join(cells)}</tr>" in page.html
    assert not re.search(r"src=|href=\"(?!data:,)|url\(|@import", page.html.partition("</main>")[0])
    lines = [
        [[tuple(at.values()) for at in line] for line in spec["datasets"].values()] for spec in page.charts.values()
    ]
    assert [sorted(line, key=len) for line in lines] == [
        [[(0, 0), (1, 1)], [(0.0, 0.0), (0.0, 0.3333), (0.0, 0.6667), (0.5, 0.6667), (1.0, 0.6667), (1.0, 1.0)]],
        [[(0.5, 0.5), (1, 1)], [(0.6, 0.0), (0.7, 0.0), (0.8, 0.0), (0.9, 1.0), (1.0, 1.0)]],
        [[(1000, 0.81), (4000, 0.9)]],
    ]
