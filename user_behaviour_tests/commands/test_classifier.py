"""From labels to the version that scores, and back, by the commands."""

import csv
import json
from datetime import date
from pathlib import Path

import pytest

from user_behaviour.classifier.models import Models
from user_behaviour.classifier.scored_days import SCORED
from user_behaviour.commands.runs import select
from user_behaviour.lake.local import LocalLake
from user_behaviour.lake.manifests import DataFile, Manifest
from user_behaviour.tables.schemas import CLASSIFIED_REVIEWS
from user_behaviour_tests.classifier.test_training import world
from user_behaviour_tests.command_line import Home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """With labels of a small world."""
    home = Home(tmp_path_factory.mktemp("home"))
    texts, truth = world(1_200, seed=5)
    with (home.path / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("review_str", "positive_review"), ("short", ""), *zip(texts, truth, strict=True)])
    return home


def test_nothing_is_trained_or_promoted_without_labels(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for command in (("train",), ("promote", "abc", "--why", "?")):
        done = home.call(*command)
        assert (done.returncode, done.stderr) == (
            1,
            "Error: There are no labels; load some: `user-behaviour load-labels FILE…`.\n",
        )
    assert home.call("models").stdout == "The baseline scores: a review is positive if `good` is one of its words.\n"


def test_the_first_version_that_passes_goes_live_and_can_be_taken_back(home: Home) -> None:
    loaded = home.call("load-labels", str(home.path / "labels.csv"))
    assert "1,200 rows" in loaded.stdout
    assert loaded.stdout.splitlines()[-1] == "  labels.csv, line 2: the label is '', and not true or false"
    assert "0 repeat another, 1 cannot be used." in loaded.stdout
    assert home.call("load-labels", str(home.path / "labels.csv")).stdout.endswith("nothing changed.\n")

    trained = home.call("train")
    models = Models(LocalLake(root=str(home.path / "lake")))
    (version,) = models.versions()
    assert trained.returncode == 0, trained.stderr
    assert "It passes the gate:" in trained.stdout
    assert trained.stdout.endswith(f"{version} scores from the next run on.\n")
    assert models.live() == version
    card = models.card(version)
    assert card["evaluation"]["accuracy"] > 0.95 > 0.6 > card["evaluation"]["baseline_accuracy"]
    pointer = json.loads((home.path / "lake" / "labelled_reviews" / "_current.json").read_text())
    assert card["labels"] == {"version": pointer["version"], "rows": 1_200}

    again = home.call("train")
    assert models.versions() == [version]
    assert again.stdout.count(version) == 1  # the same one, which is live
    assert f"{version} (live)" in home.call("models").stdout

    assert home.call("demote", "--why", "a doubt").stdout == "The baseline scores from the next run on.\n"
    assert home.call("demote", "--why", "a doubt").stderr.startswith("Error: The baseline is live")
    assert home.call("promote", version, "--why", "no doubt").returncode == 0
    assert [change.why for change in models.changes()] == [
        "the first version that passed the gate",
        "a doubt",
        "no doubt",
    ]
    assert "no doubt" in home.call("models").stdout


def test_a_version_that_is_no_better_is_kept_out_with_the_numbers(home: Home) -> None:
    models = Models(LocalLake(root=str(home.path / "lake")))
    live = models.live()
    worse = models.add(models.model(live).__class__("", {"film": (1.0, 1.0)}, 0.0, 1.0, 0.0), {})

    done = home.call("promote", worse, "--why", "hope")

    assert done.returncode == 1
    assert "It does not pass the gate:" in done.stdout
    assert "by the live version alone" in done.stdout
    assert done.stderr == f"Error: {worse} stays out of force.\n"
    assert models.live() == live
    assert home.call("promote", "f00", "--why", "hope").stderr.startswith("Error: There is no version 'f00'")


def test_the_days_of_another_version_are_named_and_how_to_score_them_anew(home: Home) -> None:
    lake = LocalLake(root=str(home.path / "lake"))
    live = Models(lake).live()
    classified = lake.dataset(CLASSIFIED_REVIEWS)
    scored = {1: {"classifier_version": "1"}, 2: {"classifier_version": live}, 3: {}, 4: {"classifier_version": "1"}}
    for number, facts in scored.items():
        files = (DataFile("part-0.parquet", number != 4, 10),)  # the last day has no review
        day = date(2011, 2, number)
        classified.publish(Manifest(CLASSIFIED_REVIEWS.name, day, "b", "t", "t", files=files, facts=facts))

    assert home.call("promote", live, "--why", "again").stdout.endswith(
        f"{live} scores from the next run on.\n"
        "Days of another version: 2, from 2011-02-01 to 2011-02-03; to score them anew:\n"
        f"user-behaviour run --from 2011-02-01 --to 2011-02-03 --select {SCORED}\n"
    )
    assert home.call("demote", "--why", "old").stdout.startswith(
        "The baseline scores from the next run on.\nDays of another version: 1, from 2011-02-02 to 2011-02-02"
    )
    assert [key.to_user_string() for key in select([SCORED])] == [
        "classified_reviews",
        "spectrum/movie_review_clean_stage",
        "public/user_behavior_metric",
    ]
