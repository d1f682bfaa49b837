"""Which texts are nearly the same, so that no split of labelled reviews puts one on each side.

Two texts are, if their letters and digits have nine in ten of all runs of 16 in common (Jaccard similarity). Pairs are
found by MinHash in bands (Broder 1997; Leskovec et al., Mining of Massive Datasets, ch. 3) and then compared exactly.
Here: the comparison. Not here: what labels say, and which side a group is on.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

NEAR = 0.9
_DOUBLINGS = 4  # a run is 2 ** 4 letters, about four words
_BANDS, _ROWS = 16, 4  # finds pairs of similarity 0.9 but for one in 25 million, and looks at 1 % of those of 0.16
_TAG = re.compile(r"<[^<>]*>")
_NO_WORD = re.compile(r"[\W_]+")
_MIXERS = np.random.default_rng(20101201).integers(0, 2**64, (_BANDS * _ROWS, 1), np.uint64) | np.uint64(1)


def normal(text: str) -> str:
    """The letters and digits of a text in lower case, without its markup."""
    return _NO_WORD.sub("", _TAG.sub("", text).lower())


def groups(normals: Sequence[str]) -> list[str]:
    """Of each `normal` text the name of its group: the smallest digest among its texts. Their order does not matter.

    Texts that are near the same text are together, even if they are not near each other.
    """
    joined = dict[str, str]()  # each to another of its group, and so on until one that is joined to itself

    def root(one: str) -> str:
        while joined[one] != one:
            one = joined[one]
        return one

    first_in = dict[bytes, str]()
    for own in sorted(set(normals)):
        joined[own] = own
        for band in _bands(own):
            other = first_in.setdefault(band, own)
            if root(other) != root(own) and _similarity(other, own) >= NEAR:
                joined[root(own)] = root(other)
    smallest = dict[str, str]()
    for own in joined:
        name = hashlib.sha256(own.encode()).hexdigest()[:16]
        smallest[root(own)] = min(name, smallest.get(root(own), name))
    return [smallest[root(own)] for own in normals]


def _runs(own: str) -> Any:
    """The runs of 16 letters as numbers, some repeated; a shorter text is one run."""
    letters = np.frombuffer(own.encode("utf-32-le"), np.uint32).astype(np.uint64)
    found = np.concatenate([letters, np.zeros(max(2**_DOUBLINGS - len(letters), 0), np.uint64)])
    for doubling in range(_DOUBLINGS):
        step = 2**doubling
        found = (found[:-step] * _MIXERS[doubling] + found[step:]) * _MIXERS[-1 - doubling]
        found ^= found >> np.uint64(29)
    return found


def _bands(own: str) -> list[bytes]:
    least = (_runs(own) * _MIXERS).min(axis=1).reshape(_BANDS, _ROWS)
    return [bytes([number]) + band.tobytes() for number, band in enumerate(least)]


def _similarity(one: str, other: str) -> float:
    runs = np.unique(_runs(one)), np.unique(_runs(other))
    common = len(np.intersect1d(*runs, assume_unique=True))
    return common / (len(runs[0]) + len(runs[1]) - common)
