"""The checks of labelled reviews, where the file of a version is not as it was landed, or where there is none."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from user_behaviour.assets.classifier import NO_LABELS
from user_behaviour.checks.classifier import CLASSIFIER_CHECKS
from user_behaviour.classifier.labels import Labels
from user_behaviour.lake.local import LocalLake

TEXTS = [f"a review with the number {number} and many other words of its own {number * 7}" for number in range(60)]


@pytest.fixture
def lake(tmp_path: Path) -> LocalLake:
    lake = LocalLake(root=str(tmp_path / "lake"))
    rows = [f"{text},{number % 3 == 0}" for number, text in enumerate(TEXTS)]
    (tmp_path / "labels.csv").write_text("\n".join(["review_str,positive_review", *rows]).lower())
    Labels(lake).land([tmp_path / "labels.csv"])
    return lake


def results(lake: LocalLake) -> dict[str, tuple[bool, str | None]]:
    found = {check.node_def.name.partition("labelled_reviews_")[2]: check(lake) for check in CLASSIFIER_CHECKS}
    return {name: (result.passed, result.description) for name, result in found.items()}


def test_of_labels_as_they_were_landed_every_claim_holds(lake: LocalLake) -> None:
    assert set(results(lake).values()) == {(True, None)}


def test_without_labels_no_claim_holds_and_none_blocks(tmp_path: Path) -> None:
    assert set(results(LocalLake(root=str(tmp_path))).values()) == {(False, NO_LABELS)}


def test_what_was_changed_since_is_found(lake: LocalLake) -> None:
    path = Path(lake.root) / Labels(lake).directory(Labels(lake).loaded().version) / "labels.parquet"
    rows = pq.read_table(path).to_pylist()
    test = next(row for row in rows if int(row["group"][:8], 16) % 10 == 0)
    learnt = next(row for row in rows if int(row["group"][:8], 16) % 10)
    for row in rows:  # on the test's side all are negative, and one is learnt from as well, with the other label
        if row["group"] == test["group"]:
            row["positive_review"] = False
    rows = [row for row in rows if row is test or int(row["group"][:8], 16) % 10]
    rows.append({**learnt, "review_str": test["review_str"].upper(), "positive_review": True, "line_number": 99})
    pq.write_table(pa.Table.from_pylist(rows), path)

    torn = f"labels.csv, line {test['line_number']} and labels.csv, line 99"
    assert results(lake) == {
        "both_labels_are_there": (False, "the reviews for the test are 1, 0 of them positive"),
        "no_text_has_two_labels": (False, f"{torn} have the same text and not the same label"),
        "near_copies_are_on_one_side": (False, f"{torn} are nearly the same, and on two sides"),
    }
