"""What each figure of drift sees, and how often it errs on quiet days: by hand, by simulation, on the real reviews."""

import csv
import gzip
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from user_behaviour.classifier.drift import Facts, Figure, figures, latest, limit
from user_behaviour.classifier.judgement import unknown_share
from user_behaviour.classifier.review_scoring import Model, Reading

FIRST = date(2011, 1, 1)
HALVES = "50 0 0 0 0 0 0 0 0 50"


def facts(readings: Iterable[tuple[Reading, int]], version: str = "v") -> Facts:
    """What the Spark program says of a day, from the readings of its reviews and their characters."""
    of, characters = zip(*readings, strict=True)
    tenths, _ = np.histogram([one.probability for one in of], 10, (0, 1))
    return {
        "classifier_version": version,
        "reviews": len(of),
        "positive_reviews": sum(one.probability > 0.5 for one in of),
        "tokens": sum(one.tokens for one in of),
        "unknown_tokens": sum(one.unknown_tokens for one in of),
        "characters": sum(characters),
        "probability_tenths": " ".join(map(str, tenths)),
    }


def quiet(random: np.random.Generator, **change: float) -> Facts:
    """A day of some 80 reviews whose figures are spread as those of the real ones are, but for a change."""
    usual = {"positive": 0.5, "unknown": 0.025, "density": 0.206, "doubt": 1.0}
    positive, unknown, density, doubt = (usual | change).values()
    size = random.poisson(80)
    tokens = random.lognormal(5.4, 0.6, size).astype(int) + 5
    lacking = random.binomial(tokens, random.gamma(1.6, unknown / 1.6, size).clip(0, 1))
    doubts = random.beta(0.3 * doubt, 1.8, size)
    probability = np.where(random.random(size) < positive, 1 - doubts, doubts)
    characters = (tokens / random.normal(density, 0.013, size)).astype(int)
    return facts(zip(map(Reading, probability, tokens.tolist(), lacking.tolist()), characters.tolist(), strict=True))


def compared(days: Iterable[Facts], at_training: float | None = None) -> dict[str, Figure]:
    """The figures of the last day."""
    by_day = {FIRST + timedelta(days=number): one for number, one in enumerate(days)}
    return {figure.name: figure for figure in figures(*latest(by_day, max(by_day)), at_training)}


def hand(positive: int, tenths: str = HALVES, **others: int | str) -> Facts:
    """A day of a hundred reviews."""
    known = {"tokens": 20_000, "unknown_tokens": 400, "characters": 100_000, "probability_tenths": tenths}
    return {"classifier_version": "v", "reviews": 100, "positive_reviews": positive, **known, **others}


def test_the_latest_four_hundred_are_held_against_the_days_before() -> None:
    found = compared([hand(50)] * 14 + [hand(60, "40 0 0 0 0 0 0 0 0 60")] * 4)
    assert found["positive_share"].value == 0.6
    assert found["positive_share"].z == pytest.approx(0.1 / (0.25 * (1 / 400 + 1 / 1400)) ** 0.5)
    assert found["positive_share"].says == "positive share 0.6000 in the latest 400 reviews, 0.5000 before (z +3.5)"
    assert found["n_psi"].value == pytest.approx(0.1 * np.log(1.5) * 400 * 1400 / 1800, rel=0.05)
    assert [found[name].z for name in ("unknown_share", "tokens_per_character")] == pytest.approx([0, 0], abs=0.02)


def test_the_deviation_of_n_psi_is_that_of_chi_squared() -> None:
    from scipy.stats import chi2, norm

    psi = compared([hand(50)] * 14 + [hand(50, "64 0 0 0 0 0 0 0 0 36")] * 4)["n_psi"]
    assert psi.z == pytest.approx(norm.isf(chi2.sf(psi.value, 9)), abs=0.05)
    assert psi.z == pytest.approx(2.74, abs=0.01)
    assert compared([hand(50)] * 80 + [hand(50, "50000 0 0 0 0 0 0 0 0 45000", reviews=95_000)])["n_psi"].z == 0


def test_with_too_few_reviews_of_a_version_nothing_is_known_and_by_the_baseline_the_share_alone() -> None:
    other = hand(100, classifier_version="w")
    assert compared([hand(50)] * 13 + [hand(60)] * 4) == {}
    assert compared([other] * 84 + [hand(60)] * 3, 0.0) == {}
    assert compared([hand(50)] * 7 + [other] * 30 + [hand(50)] * 7 + [other] + [hand(50)] * 4)["positive_share"].z == 0
    by_baseline = {"classifier_version": "1", "reviews": 100, "positive_reviews": 50}
    assert compared([by_baseline] * 18).keys() == {"positive_share"}
    assert compared([by_baseline | {"classifier_version": "v"}] + [hand(50)] * 18).keys() == {"positive_share"}


@pytest.mark.parametrize(
    ("unknown", "at_training", "strange"), [(800, 0.021, False), (900, 0.021, True), (190, 0, False)]
)
def test_twice_as_many_unknown_words_as_at_training_are_seen_on_the_first_days(
    unknown: int, at_training: float, *, strange: bool
) -> None:
    (figure,) = compared([hand(50, unknown_tokens=unknown)] * 4, at_training).values()
    assert (abs(figure.z) > limit(10_000)) is strange


def test_quiet_days_are_rarely_called_unusual_and_quiet_years_hardly_more_often() -> None:
    years = [[quiet(random) for _ in range(374)] for random in map(np.random.default_rng, range(5))]
    found = [[compared(days[n - 84 : n]).values() for n in range(99, 374)] for days in years]
    off = np.array([[[abs(figure.z) for figure in day] for day in year] for year in found])
    assert (off > limit(1)).mean(axis=(0, 1)).max() < 0.01
    assert (off > limit(374)).any(axis=1).sum() <= 1  # of 20


@pytest.mark.parametrize(
    ("change", "seen_by", "least"),
    [
        ({"positive": 0.6}, "positive_share", 14),
        ({"unknown": 0.086}, "unknown_share", 20),  # one letter in fifty mistyped
        ({"density": 0.2}, "tokens_per_character", 20),  # one blank in twenty lost
        ({"doubt": 3}, "n_psi", 20),  # texts that were cut off
    ],
    ids=str,
)
def test_a_shift_is_seen_within_two_weeks(change: dict[str, float], seen_by: str, least: int) -> None:
    seen = 0
    for random in map(np.random.default_rng, range(20)):
        days = [*(quiet(random) for _ in range(70)), *(quiet(random, **change) for _ in range(14))]
        seen += max(abs(compared(days[:end])[seen_by].z) for end in (77, 84)) > limit(1)
    assert seen >= least


@pytest.fixture(scope="module")
def real(real_data: Path) -> tuple[Model, float, list[list[str]]]:
    """A model trained on a part of the labels, what it does not know of others, and the reviews of thirty days."""
    from user_behaviour.classifier.training import Configuration, train

    with gzip.open(real_data / "labelled_reviews.csv.gz", "rt", encoding="utf-8", newline="") as file:
        labels = [(row["review_str"], row["positive_review"] == "true") for row in islice(csv.DictReader(file), 1_500)]
    texts, truth = zip(*labels, strict=True)
    model = train(texts[:1_200], truth[:1_200], range(1_200), configurations=[Configuration(5, 0.5)]).model
    days = []
    for path in sorted((real_data / "vendor_drops").glob("*.csv"))[:30]:
        with path.open(encoding="utf-8", newline="") as file:
            days.append([row["review_str"] for row in csv.DictReader(file)])
    return model, unknown_share(model, texts[1_200:]), days


@pytest.mark.parametrize(
    ("broken", "seen_by"),
    [
        (lambda text: text, set()),
        (lambda text: text.replace("<", "&lt;").replace(">", "&gt;"), {"tokens_per_character"}),
        (lambda text: text.replace("e", "").replace("t", ""), {"unknown_share", "unknown_at_training"}),
        (lambda text: text[:100], {"n_psi"}),
    ],
    ids=["as they are", "tags escaped", "letters lost", "cut off"],
)
def test_what_was_done_to_a_week_of_real_reviews_is_seen(
    real: tuple[Model, float, list[list[str]]], broken: Callable[[str], str], seen_by: set[str]
) -> None:
    model, at_training, days = real
    texts = [*days[:-7], *([broken(text) for text in day] for day in days[-7:])]
    found = compared([facts((model.read(text), len(text)) for text in day) for day in texts], at_training)
    seen = {figure.name for figure in found.values() if abs(figure.z) > limit(1)}
    assert seen_by <= seen if seen_by else not seen
