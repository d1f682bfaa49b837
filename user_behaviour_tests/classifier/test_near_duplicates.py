"""Texts that are nearly the same are in one group, however they are ordered; others are not."""

import csv
import gzip
import random
from itertools import combinations
from pathlib import Path

import pytest

from user_behaviour.classifier.near_duplicates import NEAR, groups, normal

WORDS = [a + b + c for a in ("ba", "de", "fi", "go") for b in ("la", "me", "ni", "ro") for c in ("st", "ck", "l", "")]


def review(seed: int, words: int = 150) -> list[str]:
    return random.Random(seed).choices(WORDS, k=words)


def runs(text: str) -> set[str]:
    letters = normal(text)
    return {letters[at : at + 16] for at in range(max(len(letters) - 15, 1))}


def similarity(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other)


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("A film - <i>fine</i>", "a FILM, fine", True),
        ("a film fine", "a film fined", False),
        ("", "<br />", True),
        ("a", "b", False),
        ("été 1", "ÉTÉ_1", True),
        ("\U0001f600 good", "good", True),
        ("x" * 40, "x" * 50, True),
        (" ".join(review(1)), " ".join([*review(1), "one", "more"]), True),
        (" ".join(review(1)), " ".join([*review(1)[:75], "other", *review(1)[76:]]), True),
        (" ".join(review(1)), " ".join([*review(1), *review(2, 30)]), False),
        (" ".join(review(1)), " ".join(review(2)), False),
    ],
)
def test_two_texts(one: str, other: str, *, together: bool) -> None:
    first, second = groups([normal(one), normal(other)])
    alone = [groups([normal(text)]) for text in (one, other)]

    assert [first, second] == [min(alone)[0]] * 2 if together else [[first], [second]] == alone


def test_groups_are_those_of_comparing_every_text_with_every_other_in_any_order() -> None:
    texts = []
    for seed in range(60):
        words = review(seed)
        texts.append(" ".join(words))
        for changed in range(1, seed % 5):  # the more words are changed, the farther away
            other = list(words)
            for at in range(changed * (seed % 7)):
                other[at * 3] = "another"
            texts.append(" ".join(other))
    parts = [runs(text) for text in texts]
    expected = list(range(len(texts)))
    near = [pair for pair in combinations(range(len(texts)), 2) if similarity(parts[pair[0]], parts[pair[1]]) >= NEAR]
    for one, other in near:
        expected = [expected[one] if of == expected[other] else of for of in expected]

    normals = [normal(text) for text in texts]
    found = groups(normals)

    assert len(near) > 20
    assert [[a == b for b in found] for a in found] == [[a == b for b in expected] for a in expected]
    shuffled = random.Random(1).sample(range(len(texts)), len(texts))
    assert groups([normals[at] for at in shuffled]) == [found[at] for at in shuffled]


def test_of_the_real_labels_all_near_pairs_that_share_a_beginning_an_end_or_a_middle_are_together(
    real_data: Path,
) -> None:
    with gzip.open(real_data / "labelled_reviews.csv.gz", "rt", encoding="utf-8", newline="") as file:
        texts = [row["review_str"] for row in csv.DictReader(file)]
    by_part: dict[str, list[str]] = {}
    for letters in sorted({normal(text) for text in texts}):
        middle = len(letters) // 2
        for part in (letters[:40], letters[-40:], letters[middle : middle + 40]):
            by_part.setdefault(part, []).append(letters)
    pairs = {pair for same in by_part.values() for pair in combinations(same, 2)}
    near = [(one, other) for one, other in pairs if similarity(runs(one), runs(other)) >= NEAR]

    chosen = sorted({letters for pair in pairs for letters in pair})
    group = dict(zip(chosen, groups(chosen), strict=True))

    assert len(near) >= 8
    assert [pair for pair in near if group[pair[0]] != group[pair[1]]] == []
    assert len(set(group.values())) >= len(group) - len(near)
