"""Whether reviews are like those before, by what was counted of each day as its verdicts were written.

Pure arithmetic. A day alone is noise: the latest reviews, of as many days as make `FEWEST`, are held against those of
the other days of `LOOK_BACK`, all scored by one version. How far a figure lies off is told in standard deviations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from math import inf, log, sqrt
from statistics import NormalDist

from user_behaviour.lake.manifests import Fact

FEWEST = 400  # reviews, of late and before
FEWEST_DAYS = 14  # before, to know how much days differ
LOOK_BACK = 84
CHANCE = 0.0027  # beyond three standard deviations, in a run of one day
LEAST_PSI = 0.01  # a smaller shift matters to nobody, however sure it is
DEGREES = 9  # of freedom: ten shares that make a whole
Facts = Mapping[str, Fact]  # of the manifest of a day, and its number of `reviews`


@dataclass(frozen=True)
class Figure:
    """A figure of the latest reviews, how many standard deviations it lies off, and a sentence with both."""

    name: str
    value: float
    z: float
    says: str


def latest(by_day: Mapping[date, Facts], day: date) -> tuple[list[Facts], list[Facts]]:
    """The days up to a day that have the latest reviews, and those before, of its version; none where too few."""
    days = [one for one in (day - timedelta(days=n) for n in range(LOOK_BACK + 1)) if one in by_day]
    version = by_day[day]["classifier_version"]
    past = [facts for facts in map(by_day.__getitem__, days) if facts["classifier_version"] == version]
    sizes = accumulate(int(facts["reviews"]) for facts in past)
    late = next((number for number, size in enumerate(sizes, 1) if size >= FEWEST), 0)
    before = past[late:]
    is_enough = late and len(before) >= FEWEST_DAYS and _sum(before, "reviews") >= FEWEST
    return past[:late], before if is_enough else []


def figures(late: Sequence[Facts], before: Sequence[Facts], at_training: float | None = None) -> list[Figure]:
    """What was counted of all days, compared; and with the share of tokens that were unknown `at_training`."""
    by_model = bool(late) and all("tokens" in facts for facts in (*late, *before))
    found = [_share(late, before, "positive_share", "positive_reviews", "reviews")] if before else []
    if before and by_model:
        found.append(_share(late, before, "unknown_share", "unknown_tokens", "tokens"))
        found.append(_share(late, before, "tokens_per_character", "tokens", "characters"))
        found.append(_stability(late, before))
    if by_model and at_training is not None:
        found.append(_training(_sum(late, "unknown_tokens") / max(_sum(late, "tokens"), 1), at_training))
    return found


def limit(days: int) -> float:
    """How many standard deviations are unusual in a run of so many days (Bonferroni)."""
    return NormalDist().inv_cdf(1 - CHANCE / 2 / days)


def _training(share: float, at_training: float) -> Figure:
    """Where twice as much is unknown, the scores of the test reviews say little of these."""
    is_strange = share > max(2 * at_training, at_training + 0.01)
    says = f"{share:.1%} of the latest tokens are unknown to the model, {at_training:.1%} were at training"
    return Figure("unknown_at_training", at_training, inf if is_strange else 0, says)


def _share(late: Sequence[Facts], before: Sequence[Facts], name: str, part: str, whole: str) -> Figure:
    """Days vary as those before did, and at least as chance has them."""
    number, number_before = max(_sum(late, whole), 1), max(_sum(before, whole), 1)
    share = _sum(late, part) / number
    usual = (_sum(before, part) + 0.5) / (number_before + 1)  # what never was is rare, and not impossible
    squares = sum((int(facts[part]) - usual * int(facts[whole])) ** 2 for facts in before)
    variance = max(usual * (1 - usual), squares / number_before * len(before) / (len(before) - 1))
    z = (share - usual) / sqrt(variance * (1 / number + 1 / number_before))
    says = f"{name.replace('_', ' ')} {share:.4f} in the latest {_sum(late, 'reviews'):,} reviews, {usual:.4f} before"
    return Figure(name, share, z, f"{says} (z {z:+.1f})")


def _stability(late: Sequence[Facts], before: Sequence[Facts]) -> Figure:
    """n·PSI, n the half of the harmonic mean of the reviews on both sides: chi squared, if nothing has changed.

    Its standard deviations after Wilson and Hilferty, "The distribution of chi-square", PNAS 1931.
    """
    ours, theirs = _tenths(late), _tenths(before)
    number, number_before = sum(ours), sum(theirs)
    half = 0.5 / number  # of a review more in each, for none to be empty
    shares = [(a / number + half, b / number_before + half) for a, b in zip(ours, theirs, strict=True)]
    psi = sum((share - usual) * log(share / usual) for share, usual in shares)
    n_psi = psi / (1 / number + 1 / number_before)
    variance = 2 / (9 * DEGREES)
    z = ((n_psi / DEGREES) ** (1 / 3) - (1 - variance)) / sqrt(variance)
    says = f"probabilities are spread otherwise in the latest {_sum(late, 'reviews'):,} reviews than before"
    return Figure("n_psi", n_psi, max(z, 0) if psi > LEAST_PSI else 0, f"{says}: n·PSI {n_psi:.1f}, PSI {psi:.3f}")


def _tenths(days: Sequence[Facts]) -> list[int]:
    return [sum(map(int, of)) for of in zip(*(str(one["probability_tenths"]).split() for one in days), strict=True)]


def _sum(days: Sequence[Facts], name: str) -> int:
    return sum(int(facts[name]) for facts in days)
