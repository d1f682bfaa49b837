"""The sample shop's catalogue: some 4,000 articles with codes, texts and prices, in sections with a season.

Articles are put together from small vocabularies of our own. Who buys them, and how many, is not decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from user_behaviour.sample.calendar import Stream, generator

SIZE = 4000

_LOOKS = (
    "COPPER", "ENAMEL", "OAK", "RATTAN", "LINEN", "STONEWARE", "TIN", "WOVEN", "GLAZED", "STRIPED", "SPOTTED",
    "CHECKED", "FOLDING", "MINI", "LARGE", "VINTAGE", "NORDIC", "SEASIDE", "COTTAGE", "ORCHARD", "MEADOW", "HARBOUR",
    "SET OF 3", "SET OF 6", "PACK OF 20", "BOX OF 12", "CAFÉ",
)  # fmt: skip
_MOTIFS = (
    "SWALLOW", "HEDGEHOG", "FERN", "POPPY", "FOX", "SAILBOAT", "ACORN", "LEMON", "THISTLE", "OWL", "BICYCLE",
    "LAVENDER", "RABBIT", "ANCHOR", "MUSHROOM", "PEONY", "STAR", "WREN",
)  # fmt: skip
_COLOURS = ("", "", "", " RED", " SKY BLUE", " IVORY", " SAGE", " MUSTARD", " ROSE", " CHARCOAL")
_SECTIONS: dict[str, tuple[str, ...]] = {
    "kitchen": ("MUG", "TEA TOWEL", "BREAD BIN", "EGG CUP", "APRON", "MEASURING JUG", 'CAKE TIN 8"', "SPICE RACK"),
    "table": ("PLATE", "NAPKINS", "CANDLE HOLDER", "COASTER", 'TRAY 12"', "BOWL", "MILK JUG", "TABLE RUNNER"),
    "paper": ("NOTEBOOK", "GIFT WRAP", "BIRTHDAY CARD", "PENCIL CASE", "STICKERS", "PARTY BUNTING", "LUGGAGE TAG"),
    "home": ("CUSHION COVER", "DOOR STOP", "WALL CLOCK", "COAT HOOK", "PHOTO FRAME", "STORAGE TIN", "DOOR MAT"),
    "children": ("SKIPPING ROPE", "LUNCH BOX", "SOFT TOY", "PUZZLE, 48 PIECES", "NIGHT LIGHT", "DRESSING UP HAT"),
    "garden": ("WATERING CAN", "BIRD TABLE", "PLANT POT", "KNEELER", "SEED MARKERS", "LANTERN, HANGING"),
    "christmas": ("BAUBLE", "ADVENT GARLAND", "STOCKING", "TREE SKIRT", "CRACKERS", "WREATH", "SNOW GLOBE"),
}
# How much a section sells in each month, January first; a section that is not listed sells alike all year.
_SECTION_SEASONS = {
    "garden": (0.3, 0.6, 1.2, 1.8, 2.0, 2.0, 1.6, 1.0, 0.6, 0.3, 0.2, 0.2),
    "christmas": (0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.3, 0.8, 1.6, 2.2, 2.6, 2.4),
}
_PRICES = (19, 29, 42, 55, 65, 85, 95, 125, 145, 165, 195, 210, 255, 295, 345, 375, 425, 495, 595, 795, 995, 1275, 1695)
_STRAY_SPACES = (*["{}"] * 13, "{} ", "{} ", " {}", "{}  ")
# Codes that are no article: what the shop charges or grants beside its goods.
_FEES = (("POST", "POSTAGE"), ("DOT", "WEB ORDER POSTAGE"), ("M", "Manual"), ("D", "Discount"), ("BANK CHARGES", ""))
POSTAGE, WEB_POSTAGE, MANUAL, DISCOUNT, BANK_CHARGES = range(SIZE, SIZE + len(_FEES))


@dataclass(frozen=True)
class Catalogue:
    """Articles by number, 0 to `SIZE` - 1, in the order of their sections; then the fees.

    `entries` holds code and text as a CSV line has them, each with its comma behind. `price` is in pence, 0 for fees.
    `edges[s]` to `edges[s + 1]` are the articles of section s. `popularity` is before the season.
    """

    codes: tuple[str, ...]
    entries: tuple[str, ...]
    price: npt.NDArray[np.int64]
    popularity: npt.NDArray[np.float64]
    edges: npt.NDArray[np.int64]

    def pick(self, rng: np.random.Generator, day: date, *, favourite: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """One article per element of `favourite`: a section that half of the picks come from, or -1 for none."""
        seasons = [_SECTION_SEASONS.get(section, (1.0,) * 12)[day.month - 1] for section in _SECTIONS]
        weights = self.popularity * np.repeat(seasons, np.diff(self.edges))
        steps = np.concatenate(([0.0], np.cumsum(weights)))
        loyal = (favourite >= 0) & (rng.random(favourite.size) < 0.5)
        low = np.where(loyal, steps[self.edges[favourite]], 0.0)
        high = np.where(loyal, steps[self.edges[favourite + 1]], steps[-1])
        drawn = low + (high - low) * rng.random(favourite.size)
        picked = np.searchsorted(steps, drawn, side="right") - 1
        return np.minimum(picked, SIZE - 1)


def section_count() -> int:
    """How many sections there are."""
    return len(_SECTIONS)


def catalogue(seed: int) -> Catalogue:
    """The catalogue of the shop of this seed."""
    rng = generator(seed, Stream.CATALOGUE)
    edges = np.linspace(0, SIZE, len(_SECTIONS) + 1).astype(np.int64)
    sections = list(_SECTIONS.values())
    things = [sections[int(np.searchsorted(edges, n, side="right")) - 1] for n in range(SIZE)]
    draws = rng.random((SIZE, 6))
    codes = [f"{20001 + 17 * n}{_letter(draws[n, 5])}" for n in range(SIZE)]
    texts = [_text(things[n], draws[n]) for n in range(SIZE)]
    # Prices lie around two pounds, popularity falls off by rank: few articles make most of the lines.
    middle = len(_PRICES) / 2 - 1.5 + rng.normal(0, 4.2, SIZE)
    price = np.array(_PRICES)[np.clip(middle.round(), 0, len(_PRICES) - 1).astype(np.int64)]
    popularity = np.power(rng.permutation(SIZE) + 40.0, -0.7, dtype=np.float64)
    entries = [f"{code},{quoted(text)}," for code, text in (*zip(codes, texts, strict=True), *_FEES)]
    all_codes = (*codes, *(code for code, _ in _FEES))
    return Catalogue(all_codes, tuple(entries), np.append(price, np.zeros(len(_FEES), np.int64)), popularity, edges)


def quoted(text: str) -> str:
    """A field of a CSV line (RFC 4180); nothing at all, which COPY reads as null, for the empty text."""
    if any(sign in text for sign in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def _text(things: tuple[str, ...], draw: npt.NDArray[np.float64]) -> str:
    looks, motif, thing, colour, stray = (
        options[int(u * len(options))]
        for options, u in zip((_LOOKS, _MOTIFS, things, _COLOURS, _STRAY_SPACES), draw, strict=False)
    )
    return stray.format(f"{looks} {motif} {thing}{colour}")


def _letter(draw: float) -> str:
    """The letter of a variant, which two articles in five have."""
    return "" if draw < 0.6 else "ABCDEFGH"[int((draw - 0.6) * 20)]
