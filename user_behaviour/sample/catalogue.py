"""The sample shop's catalogue: 4,000 articles with codes, texts and prices, in sections with a season.

Articles are put together from the vocabularies of `words`. Who buys them, and how many, is not decided here.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from user_behaviour.sample.calendar import Stream, generator
from user_behaviour.sample.words import COLOURS, LOOKS, MOTIFS, SECTIONS

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

SIZE = 4000
# What the shop charges or grants beside its goods: code and text, numbered after the articles.
_FEES = (("POST", "POSTAGE"), ("DOT", "WEB ORDER POSTAGE"), ("M", "Manual"), ("D", "Discount"), ("BANK CHARGES", ""))
POSTAGE, WEB_POSTAGE, MANUAL, DISCOUNT, BANK_CHARGES = range(SIZE, SIZE + len(_FEES))

_EDGES = np.linspace(0, SIZE, len(SECTIONS) + 1).astype(np.int64)  # `_EDGES[s]` to `_EDGES[s + 1]` are section s
# How much a section sells in each month, January first; a section that is not listed sells alike all year.
_SEASONS = {
    "garden": (0.3, 0.6, 1.2, 1.8, 2.0, 2.0, 1.6, 1.0, 0.6, 0.3, 0.2, 0.2),
    "christmas": (0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.3, 0.8, 1.6, 2.2, 2.6, 2.4),
}
_STRAY_SPACES = (*["{}"] * 13, "{} ", "{} ", " {}", "{}  ")
_VARIANTS = "ABCDEFGH"
_PENCE = (19, 29, 42, 55, 65, 85, 95, 125, 145, 165, 195, 210, 255, 295, 345, 375, 425, 495, 595, 795, 995, 1275, 1695)


@dataclass(frozen=True)
class Catalogue:
    """Articles by number, 0 to `SIZE` - 1, then the fees. Texts are fields of CSV, prices are in pence, 0 for fees."""

    codes: tuple[str, ...]
    texts: tuple[str, ...]
    prices: Ints
    popularity: Floats

    def pick(self, rng: np.random.Generator, day: date, *, favourite: Ints) -> Ints:
        """One article per element of `favourite`: a section that half of the picks come from, or -1 for none."""
        seasons = [_SEASONS[section][day.month - 1] if section in _SEASONS else 1.0 for section in SECTIONS]
        steps = np.concatenate(([0.0], np.cumsum(self.popularity * np.repeat(seasons, np.diff(_EDGES)))))
        loyal = (favourite >= 0) & (rng.random(favourite.size) < 0.5)
        low = np.where(loyal, steps[_EDGES[favourite]], 0.0)
        high = np.where(loyal, steps[_EDGES[favourite + 1]], steps[-1])
        drawn = low + (high - low) * rng.random(favourite.size)
        return np.minimum(np.searchsorted(steps, drawn, side="right") - 1, SIZE - 1)


def catalogue(seed: int) -> Catalogue:
    """The catalogue of the shop of this seed."""
    rng = generator(seed, Stream.CATALOGUE)
    articles = [_article(number, draws) for number, draws in enumerate(rng.random((SIZE, 6)))]
    # Prices lie around two pounds, popularity falls off by rank: few articles make most of the lines.
    middle = len(_PENCE) / 2 - 1.5 + rng.normal(0, 4.2, SIZE)
    prices = np.array(_PENCE)[np.clip(middle.round(), 0, len(_PENCE) - 1).astype(np.int64)]
    return Catalogue(
        codes=tuple(code for code, _ in (*articles, *_FEES)),
        texts=tuple(quoted(text) for _, text in (*articles, *_FEES)),
        prices=np.append(prices, np.zeros(len(_FEES), np.int64)),
        popularity=np.power(rng.permutation(SIZE) + 40.0, -0.7, dtype=np.float64),
    )


def _article(number: int, draws: Floats) -> tuple[str, str]:
    """Code and text of an article; two in five are a variant, by a letter behind the code."""
    section = int(np.searchsorted(_EDGES, number, side="right")) - 1
    options = (LOOKS, MOTIFS, list(SECTIONS.values())[section], COLOURS, _STRAY_SPACES)
    drawn = [words[int(draw * len(words))] for words, draw in zip(options, draws[:5], strict=True)]
    look, motif, thing, colour, spaces = drawn
    variant = "" if draws[5] < 0.6 else _VARIANTS[int((draws[5] - 0.6) * 20)]
    return f"{20001 + 17 * number}{variant}", spaces.format(f"{look} {motif} {thing}{colour}")


def quoted(text: str) -> str:
    """The text as a field of CSV (RFC 4180); nothing at all, which COPY reads as null, for the empty text."""
    if any(sign in text for sign in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
