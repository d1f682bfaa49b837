"""Sample film reviews: a temper, a hidden sentiment, and a text whose words lean towards that sentiment.

Texts only; who wrote them and the files they come in are in `sample_vendor`, the sentences in `sample_phrases`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from user_behaviour.sample.phrases import VARIANTS, Sentence, phrases

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

TEMPERS = ("enthusiastic", "mild", "mixed", "bored", "furious")
_SHARES = (0.23, 0.22, 0.20, 0.17, 0.18)
_POSITIVE = np.array([0.98, 0.88, 0.50, 0.07, 0.02])
# Of a hundred sentences: what they do, by temper; columns as in `_BODY`. A mixed temper leans to its sentiment.
_BODY = (
    Sentence.PLOT,
    Sentence.PRAISE,
    Sentence.COMPLAINT,
    Sentence.RAVE,
    Sentence.RANT,
    Sentence.YAWN,
    Sentence.SHRUG,
)
_PROFILES = np.array(
    [
        [30, 37, 3, 27, 0, 0, 3],
        [42, 32, 9, 2, 0, 1, 14],
        [38, 27, 15, 1, 1, 1, 17],
        [38, 6, 21, 0, 2, 27, 6],
        [24, 5, 33, 1, 34, 2, 1],
        [38, 15, 27, 0, 2, 1, 17],  # mixed, and negative
    ]
)
_MIXED, _MIXED_NEGATIVE = 2, 5
# How often a review says `good` somewhere, and how often it then means it, by row of `_PROFILES`.
_SAYS_GOOD = np.array([0.80, 0.84, 0.72, 0.30, 0.24, 0.42])
_MEANS_GOOD = np.array([0.98, 0.95, 0.80, 0.15, 0.06, 0.35])
_SEPARATORS = (" ", "<br /><br />", "\n\n", "\r\n", "  ")
# How often each separator stands between two sentences, by the habit of the writer: plain, HTML, typed with newlines.
_HABITS = np.array([[98, 0, 0, 0, 2], [78, 22, 0, 0, 0], [78, 0, 19, 3, 0]]).cumsum(axis=1) / 100
_HABIT_SHARES = (0.42, 0.47, 0.11)
_MEDIAN_LENGTH, _LONGEST, _CURT = 20, 95, 0.15


@dataclass(frozen=True)
class Reviews:
    """Texts and, for each, whether the writer liked the film."""

    texts: tuple[str, ...]
    positive: Bools


def write(rng: np.random.Generator, count: int) -> Reviews:
    """`count` reviews of between one and a hundred sentences."""
    temper = rng.choice(len(TEMPERS), count, p=_SHARES)
    positive = rng.random(count) < _POSITIVE[temper]
    profile = np.where((temper == _MIXED) & ~positive, _MIXED_NEGATIVE, temper)
    long = np.clip(rng.lognormal(np.log(_MEDIAN_LENGTH), 0.75, count), 0, _LONGEST).astype(np.int64)
    length = np.where(rng.random(count) < _CURT, rng.integers(0, 4, count), long)

    everyone = np.arange(count)
    opens = everyone[(rng.random(count) < 0.8) & (length > 0)]
    body = np.repeat(everyone, length)
    good = everyone[rng.random(count) < _SAYS_GOOD[profile]]
    meant = rng.random(good.size) < _MEANS_GOOD[profile[good]]
    steps = (_PROFILES / _PROFILES.sum(axis=1, keepdims=True)).cumsum(axis=1)
    chosen = (rng.random((body.size, 1)) > steps[profile[body], :-1]).sum(axis=1)
    upbeat = (rng.random(count) < 0.85) == positive
    kinds = np.concatenate(
        (
            np.full(opens.size, Sentence.OPENING),
            np.array(_BODY, np.int64)[chosen],
            np.where(meant, Sentence.GOOD_PRAISE, Sentence.GOOD_SNEER),
            np.where(upbeat, Sentence.RECOMMENDING, Sentence.WARNING),
        )
    )
    writers = np.concatenate((opens, body, good, everyone))
    places = np.concatenate(
        (np.full(opens.size, -1.0), rng.random(body.size), rng.random(good.size), np.full(count, 2.0))
    )
    order = np.lexsort((places, writers))
    return Reviews(_texts(rng, writers[order], kinds[order]), positive)


def _texts(rng: np.random.Generator, writers: Ints, kinds: Ints) -> tuple[str, ...]:
    """One text a writer, of a sentence of each of the writer's kinds, in their order; nobody repeats a phrase."""
    bank = phrases()
    sentences = bank.start[kinds] + (rng.random(kinds.size) * bank.size[kinds]).astype(np.int64)
    said = writers * len(bank.texts) + sentences // VARIANTS
    first = np.sort(np.unique(said, return_index=True)[1])
    writers, sentences = writers[first], sentences[first]
    habit = rng.choice(len(_HABIT_SHARES), int(writers[-1]) + 1, p=_HABIT_SHARES)
    between = (rng.random((writers.size, 1)) > _HABITS[habit[writers], :-1]).sum(axis=1)
    last = np.diff(writers, append=-1) != 0
    separators = (*_SEPARATORS, "")
    pieces = [
        bank.texts[sentence] + separators[separator]
        for sentence, separator in zip(
            sentences.tolist(), np.where(last, len(_SEPARATORS), between).tolist(), strict=True
        )
    ]
    ends = (np.flatnonzero(last) + 1).tolist()
    return tuple("".join(pieces[begin:end]) for begin, end in zip((0, *ends), ends, strict=False))
