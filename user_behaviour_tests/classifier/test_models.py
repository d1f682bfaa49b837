"""Versions of the classifier in a lake, and what is put into force."""

from dataclasses import replace
from pathlib import Path

import pytest

from user_behaviour.classifier.models import BASELINE, Models, UnknownVersionError
from user_behaviour.classifier.review_scoring import Model, ModelError
from user_behaviour.lake.local import LocalLake

MODEL = Model("", {"good": (1.5, 2.25), "bad": (0.1, -3.0)}, intercept=0.1, slope=2.0, offset=-0.5)


@pytest.fixture
def models(tmp_path: Path) -> Models:
    return Models(LocalLake(root=str(tmp_path)))


def test_a_version_is_read_as_it_was_kept_and_keeping_it_again_changes_nothing(models: Models, tmp_path: Path) -> None:
    version = models.add(MODEL, {"labels": "abc"})
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / models.directory(version)).iterdir()}

    assert models.model(version) == replace(MODEL, version=version)
    assert models.card(version)["labels"] == "abc"
    assert models.add(replace(MODEL, weights=dict(reversed(MODEL.weights.items()))), {"labels": "abc"}) == version
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / models.directory(version)).iterdir()} == written
    assert models.trained() == version


def test_another_model_and_another_card_are_other_versions(models: Models) -> None:
    first = models.add(MODEL, {})
    others = {models.add(replace(MODEL, intercept=0.2), {}), models.add(MODEL, {"labels": "abc"})}

    assert first not in others
    assert set(models.versions()) == {first} | others


def test_a_version_of_which_a_dead_process_wrote_the_terms_alone_is_none_and_is_written_again(
    models: Models, tmp_path: Path
) -> None:
    version = models.add(MODEL, {})
    (tmp_path / models.directory(version) / "card.json").unlink()

    assert models.versions() == []
    with pytest.raises(UnknownVersionError, match=f"no version '{version}'"):
        models.promote(version, why="?")
    assert (models.add(MODEL, {}), models.versions()) == (version, [version])


def test_what_is_live_goes_forward_and_back_to_the_baseline_and_everything_is_on_record(models: Models) -> None:
    a, b, c = (models.add(replace(MODEL, intercept=number), {}) for number in (1.0, 2.0, 3.0))
    assert models.live() == BASELINE
    for version in (a, b, c):
        models.promote(version, why=f"tried {version}")
    assert models.live() == c

    assert [models.demote(why="worse").version for _ in range(2)] == [b, a]
    models.promote(c, why="after all")
    assert [models.demote(why="worse").version for _ in range(2)] == [a, BASELINE]

    assert [decision.version for decision in models.decisions()] == [a, b, c, b, a, c, a, BASELINE]
    assert models.decisions()[0].why == f"tried {a}"
    assert models.decisions()[0].who
    with pytest.raises(UnknownVersionError, match="The baseline is live"):
        models.demote(why="worse")


def test_a_version_that_is_not_there_cannot_be_put_into_force(models: Models) -> None:
    version = models.add(MODEL, {})
    for unknown in ("", "f00", "../x", "_live.json"):
        with pytest.raises(UnknownVersionError, match=rf"there are: {version}\."):
            models.promote(unknown, why="?")
    assert models.decisions() == []


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("card.json", b"{"),
        ("card.json", b"[]"),
        ("card.json", b'{"version": "another"}'),
        ("terms.parquet", b"PAR1"),
        ("terms.parquet", None),
    ],
)
def test_a_version_that_cannot_be_read_is_said_to_be_so_with_what_to_do(
    models: Models, tmp_path: Path, file: str, content: bytes | None
) -> None:
    version = models.add(MODEL, {})
    path = tmp_path / models.directory(version) / file
    path.unlink()
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ModelError, match=rf"Version {version} cannot be read .*`user-behaviour train`, then `promote`"):
        models.model(version)
