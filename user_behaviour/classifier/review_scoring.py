"""What the terms of a review are, and what a model says of them.

By the standard library alone (Python 3.9) and without imports of our own: it goes with the Spark program to EMR, and
training uses the very same. The rules are those of `TOKEN_RULES`; a model that was trained by others is refused.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from math import exp, inf, isfinite, sqrt
from typing import Any, NamedTuple

FORMAT = 1
TOKEN_RULES = "1"  # noqa: S105 (of texts, and no secret)
CLASSIFIER = "terms"
BASELINE_VERSION = "1"
REMEDY = "`user-behaviour train`, then `promote`; or `demote`; and run the days again."
MARKED_WORDS = 4
NOT = "NOT_"

_TAG = re.compile(r"</?[a-zA-Z!][^<>]{0,200}>")
_TOKEN = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[^\sa-z0-9]")
_NEGATIONS = {"cannot", "neither", "never", "no", "nobody", "none", "nor", "not", "nothing", "nowhere", "without"}
_MARK_ENDS = frozenset('.,;:!?()"')
_GOOD = re.compile(r"(?<![^ \t\n\x0b\f\r])good(?![^ \t\n\x0b\f\r])", re.IGNORECASE | re.ASCII)
_QUOTES = str.maketrans("\u2018\u2019\u00b4`", "''''")


class ModelError(ValueError):
    """A model is none that this version can score by."""


class Reading(NamedTuple):
    """What a model makes of a review: its probability, the number of its tokens, and of those that are unknown."""

    probability: float
    tokens: int
    unknown_tokens: int


@dataclass(frozen=True)
class Model:
    """A linear model over terms: `weights` has the length and the pull that each has where it is in a review.

    The score of a review is (the sum of the pulls of its terms) / (the root of the sum of the squares of their lengths)
    + `intercept`, which alone it is without a known term; its probability of being positive is the logistic function
    of `slope` * score + `offset` (Platt).
    """

    version: str
    weights: Mapping[str, tuple[float, float]] = field(repr=False)
    intercept: float
    slope: float
    offset: float

    def contributions(self, text: str) -> list[tuple[str, float]]:
        """What each known term of a review adds to its log odds, which begin at `slope` * `intercept` + `offset`."""
        known = [(term, *self.weights[term]) for term in terms(text) if term in self.weights]
        norm = sqrt(sum(length * length for _, length, _ in known)) or inf
        return [(term, self.slope * pull / norm) for term, _, pull in known]

    def probability(self, text: str) -> float:
        """How probable it is that the review is positive, 0 to 1, with six digits: as it is stored, and judged by."""
        return self.read(text).probability

    def read(self, text: str) -> Reading:
        """The probability, and what is counted of the text on the way."""
        found = tokens(text)
        probability = round(_logistic(self.slope * self._score(found) + self.offset), 6)
        return Reading(probability, len(found), len(found) - sum(map(self.weights.__contains__, found)))

    def _score(self, found: list[str]) -> float:
        squares = pull = 0.0
        for length, pulls in filter(None, map(self.weights.get, terms_of(found))):
            squares += length * length
            pull += pulls
        return (pull / sqrt(squares) if squares else 0.0) + self.intercept


def model_of(card: Any, weights: Iterable[tuple[str, float, float]]) -> Model:
    """The model of a card, an object of JSON, and the rows (term, length, pull). Raises `ModelError`."""
    try:
        written = {"format": card["format"], "token_rules": card["token_rules"]}
        numbers = [float(card[name]) for name in ("intercept", "slope", "offset")]
        model = Model(str(card["version"]), {term: (length, pull) for term, length, pull in weights}, *numbers)
        if not all(map(isfinite, chain(numbers, *model.weights.values()))):
            raise ValueError("a weight is no finite number")
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"A model cannot be read ({type(error).__name__}: {error}). {REMEDY}") from error
    if written != {"format": FORMAT, "token_rules": TOKEN_RULES}:
        raise ModelError(
            f"Model {model.version} has format {written['format']} and token rules {written['token_rules']}; this "
            f"version scores by {FORMAT} and {TOKEN_RULES}. {REMEDY}"
        )
    if len(model.weights) != card.get("terms"):
        raise ModelError(
            f"Model {model.version} has {len(model.weights)} terms; its card says {card.get('terms')}. {REMEDY}"
        )
    return model


def baseline(text: str) -> bool:
    """The verdict where no model scores: whether `good` is one of the words between white space."""
    return _GOOD.search(text) is not None


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


def terms(text: str) -> list[str]:
    """The words of a review and each two and three that follow each other, each once, in the order of the text."""
    return terms_of(tokens(text))


def terms_of(one: list[str]) -> list[str]:
    """The terms of a review's tokens."""
    two = [*map(" ".join, zip(one, one[1:]))]  # noqa: B905, RUF007 (not in Python 3.9)
    three = map(" ".join, zip(two, one[2:]))  # noqa: B905
    return [*dict.fromkeys([*one, *two, *three])]


def _logistic(value: float) -> float:
    """1 / (1 + e^-value), for any value."""
    if value >= 0:
        return 1 / (1 + exp(-value))
    grown = exp(value)
    return grown / (1 + grown)
