"""What the terms of a review are, and what a model says of them.

By the standard library alone (Python 3.9) and without imports of our own: it goes with the Spark program to EMR, and
training uses the very same. The rules are those of `TOKEN_RULES`; a model that was trained by others is refused.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import exp, sqrt

TOKEN_RULES = "1"  # noqa: S105 (of texts, and no secret)
LONGEST_TERM = 3  # words
MARKED_WORDS = 4
NOT = "NOT_"

_TAG = re.compile(r"<[^<>]{0,200}>")
_TOKEN = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[^\sa-z0-9]")
_NEGATIONS = frozenset("cannot neither never no nobody none nor not nothing nowhere without".split())
_MARK_ENDS = frozenset(".,;:!?()\"")
_QUOTES = str.maketrans("\u2018\u2019\u00b4`", "''''")


class ModelError(ValueError):
    """A model is none that this version can score by."""


@dataclass(frozen=True)
class Model:
    """A linear model over terms: `weights` has of each its length and its pull, where it is in a review at all.

    The score of a review is (the sum of the pulls of its terms) / (the root of the sum of the squares of their lengths)
    + `intercept`; its probability of being positive is the logistic function of `slope` × score + `offset` (Platt).
    """

    version: str
    weights: Mapping[str, tuple[float, float]]
    intercept: float
    slope: float
    offset: float

    def score(self, text: str) -> float:
        """Above 0 is positive before calibration; of a text without a known term it is the intercept."""
        weights = self.weights
        length = pull = 0.0
        for term in set(terms(text)):
            found = weights.get(term)
            if found is not None:
                length += found[0] * found[0]
                pull += found[1]
        return (pull / sqrt(length) if length else 0.0) + self.intercept

    def probability(self, text: str) -> float:
        """How probable it is that the review is positive, 0 to 1."""
        return logistic(self.slope * self.score(text) + self.offset)


def logistic(value: float) -> float:
    """1 / (1 + e^-value), for any value."""
    if value >= 0:
        return 1 / (1 + exp(-value))
    grown = exp(value)
    return grown / (1 + grown)


def tokens(text: str) -> list[str]:
    """Words in lower case and marks of punctuation; words after a negation are marked, until a mark or a few words on.

    Tags and entities of HTML are none of the text; a quote of typesetters is an apostrophe.
    """
    plain = html.unescape(_TAG.sub(" ", text)) if "<" in text or "&" in text else text
    found = _TOKEN.findall(plain.translate(_QUOTES).lower())
    left = 0
    for at, token in enumerate(found):
        if token in _NEGATIONS or token.endswith("n't"):
            left = MARKED_WORDS
        elif token in _MARK_ENDS:
            left = 0
        elif left:
            left -= 1
            found[at] = NOT + token
    return found


def terms(text: str) -> Iterator[str]:
    """Each word of a review and each two and three that follow each other, as often as they come."""
    found = tokens(text)
    yield from found
    previous = last = ""
    for token in found:
        if last:
            pair = f"{last} {token}"
            yield pair
            if previous:
                yield f"{previous} {pair}"
        previous, last = last, token
