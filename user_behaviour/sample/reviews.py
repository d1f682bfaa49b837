"""Sample film reviews: a temper, a hidden sentiment, and a text whose words lean towards that sentiment.

Texts only: who wrote them and the files they come in are the `vendor`'s, the words are those of `words`.
"""

import re
from functools import cache

import numpy as np

from user_behaviour.sample.catalogue import Ints
from user_behaviour.sample.words import REVIEW_SENTENCES, REVIEW_WORDS

# By temper (enthusiastic, mild, mixed, bored, furious): its share of the reviews, and how many of them are positive.
_TEMPERS = (0.23, 0.22, 0.20, 0.17, 0.18)
_POSITIVE = np.array([0.98, 0.88, 0.50, 0.07, 0.02])
_MIXED, _MIXED_AND_NEGATIVE = 2, 5

_KINDS = {kind: number for number, kind in enumerate(REVIEW_SENTENCES)}
# Of a hundred sentences, how many do what; a row a temper, and one more for the mixed who lean to the negative.
_BODY = np.array([_KINDS[kind] for kind in ("plot", "praise", "complaint", "rave", "rant", "yawn", "shrug")])
_PROFILES = np.array(
    [
        [30, 37, 3, 27, 0, 0, 3],
        [42, 32, 9, 2, 0, 1, 14],
        [38, 27, 15, 1, 1, 1, 17],
        [38, 6, 21, 0, 2, 27, 6],
        [24, 5, 33, 1, 34, 2, 1],
        [38, 15, 27, 0, 2, 1, 17],
    ]
)
# How often a review says `good` somewhere, and how often it then means it, by row of `_PROFILES`.
_SAYS_GOOD = np.array([0.80, 0.84, 0.72, 0.30, 0.24, 0.42])
_MEANS_GOOD = np.array([0.98, 0.95, 0.80, 0.15, 0.06, 0.35])
_SEPARATORS = (" ", "<br /><br />", "\n\n", "\r\n", "  ")
# How often each separator stands between two sentences, by the habit of the writer: plain, HTML, typed with newlines.
_HABITS = np.array([[98, 0, 0, 0, 2], [78, 22, 0, 0, 0], [78, 0, 19, 3, 0]])
_HABIT_SHARES = (0.42, 0.47, 0.11)
_MEDIAN_LENGTH, _LONGEST, _CURT = 20, 95, 0.15

# Every template gives so many sentences, which stand side by side; so do the templates of a kind.
_VARIANTS = 40
_SIZES = np.array([len(templates) for templates in REVIEW_SENTENCES.values()]) * _VARIANTS
_STARTS = np.cumsum(_SIZES) - _SIZES


def write(rng: np.random.Generator, count: int) -> tuple[tuple[str, ...], tuple[bool, ...]]:
    """`count` reviews of between one and a hundred sentences, and which of them are meant to be positive."""
    temper = rng.choice(len(_TEMPERS), count, p=_TEMPERS)
    positive = rng.random(count) < _POSITIVE[temper]
    profile = np.where((temper == _MIXED) & ~positive, _MIXED_AND_NEGATIVE, temper)
    long = np.clip(rng.lognormal(np.log(_MEDIAN_LENGTH), 0.75, count), 0, _LONGEST).astype(np.int64)
    length = np.where(rng.random(count) < _CURT, rng.integers(0, 4, count), long)

    everyone = np.arange(count)
    opens = everyone[(rng.random(count) < 0.8) & (length > 0)]
    body = np.repeat(everyone, length)
    good = everyone[rng.random(count) < _SAYS_GOOD[profile]]
    meant = rng.random(good.size) < _MEANS_GOOD[profile[good]]
    kinds = (
        np.full(opens.size, _KINDS["opening"]),
        _BODY[_choices(rng, _PROFILES, rows=profile[body])],
        np.where(meant, _KINDS["good_praise"], _KINDS["good_sneer"]),
        np.where((rng.random(count) < 0.85) == positive, _KINDS["recommending"], _KINDS["warning"]),
    )
    # An opening comes first, a recommendation or warning last, the rest in any order between.
    places = (np.full(opens.size, -1.0), rng.random(body.size), rng.random(good.size), np.full(count, 2.0))
    writers = np.concatenate((opens, body, good, everyone))
    order = np.lexsort((np.concatenate(places), writers))
    texts = _texts(rng, count, writers=writers[order], kinds=np.concatenate(kinds)[order])
    return texts, tuple(positive.tolist())


def _texts(rng: np.random.Generator, count: int, *, writers: Ints, kinds: Ints) -> tuple[str, ...]:
    """One text a writer, of a sentence of each of the writer's kinds, in their order."""
    numbers = _STARTS[kinds] + (rng.random(kinds.size) * _SIZES[kinds]).astype(np.int64)
    # Nobody says two sentences of one template: the first counts.
    _, first = np.unique(writers * _SIZES.sum() + numbers // _VARIANTS, return_index=True)
    kept = np.sort(first)
    writers, numbers = writers[kept], numbers[kept]
    habits = rng.choice(len(_HABITS), count, p=_HABIT_SHARES)
    separators = _choices(rng, _HABITS, rows=habits[writers])
    sentences, texts = _sentences(), [list[str]() for _ in range(count)]
    for writer, number, separator in zip(writers.tolist(), numbers.tolist(), separators.tolist(), strict=True):
        texts[writer] += (sentences[number], _SEPARATORS[separator])
    return tuple("".join(text[:-1]) for text in texts)


def _choices(rng: np.random.Generator, shares: Ints, *, rows: Ints) -> Ints:
    """For each of `rows` a column of `shares`, as often as its share of that row says."""
    steps = (shares / shares.sum(axis=1, keepdims=True)).cumsum(axis=1)
    chosen: Ints = (rng.random((rows.size, 1)) > steps[rows, :-1]).sum(axis=1)
    return chosen


@cache
def _sentences() -> list[str]:
    """Every template with words filled in, `_VARIANTS` times; the same for every seed."""
    rng = np.random.default_rng(0)

    def word(slot: re.Match[str]) -> str:
        words = REVIEW_WORDS[slot[1]]
        return words[int(rng.integers(len(words)))]

    templates = [template for kind in REVIEW_SENTENCES.values() for template in kind]
    filled = [re.sub(r"\{(\w+)\}", word, template) for template in templates for _ in range(_VARIANTS)]
    return [sentence[0].upper() + sentence[1:] for sentence in filled]
