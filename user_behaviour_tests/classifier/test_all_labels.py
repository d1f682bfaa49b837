"""The training that counts: on all labelled reviews. Takes minutes; `make training` runs it."""

from pathlib import Path

import pytest

from user_behaviour.classifier.evaluation import SLICE
from user_behaviour.classifier.judgement import judge
from user_behaviour.classifier.labels import Labels
from user_behaviour.classifier.new_version import new_version
from user_behaviour.lake.local import LocalLake

pytestmark = pytest.mark.training


def test_a_version_of_all_labels_passes_the_gate_and_is_as_good_as_was_asked(tmp_path: Path, real_data: Path) -> None:
    """The figures are asked of the days' reviews, whose labels are hidden; here they are those of the test reviews."""
    lake = LocalLake(root=str(tmp_path))
    Labels(lake).land([real_data / "labelled_reviews.csv.gz"])

    found = judge(lake, new_version(lake, log=print))

    assert found.gate.passed, found.gate.reasons
    assert found.evaluation.n > 2_000
    assert found.evaluation.accuracy >= 0.915
    assert found.evaluation.confident_accuracy >= 0.965
    assert found.evaluation.ece <= 0.015
    assert {one.name: one.accuracy for one in found.evaluation.slices if one.n >= SLICE and one.accuracy < 0.9} == {}
