"""From labels to the version that scores, and back, by the commands."""

import csv
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from user_behaviour.assets import CLASSIFIER_ASSETS
from user_behaviour.assets.classifier import live_review_classifier
from user_behaviour.checks.classifier import CLASSIFIER_CHECKS
from user_behaviour.classifier.judgement import judge
from user_behaviour.classifier.models import Models
from user_behaviour.classifier.scored_days import SCORED
from user_behaviour.commands.runs import select
from user_behaviour.lake.local import LocalLake
from user_behaviour.lake.manifests import DataFile, Manifest
from user_behaviour.tables.schemas import CLASSIFIED_REVIEWS
from user_behaviour_tests.classifier.test_training import world
from user_behaviour_tests.command_line import Home, temporary_installation
from user_behaviour_tests.graph.installation import Installation


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    """With labels of a small world."""
    with temporary_installation() as made:
        texts, truth = world(1_200, seed=5)
        with (made.path / "labels.csv").open("w", newline="") as file:
            rows = [("review_str", "positive_review"), ("short", ""), *zip(texts, truth, strict=True)]
            csv.writer(file).writerows(rows)
        yield made


def test_nothing_is_promoted_without_labels(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for command in (("train",), ("promote", "abc", "--why", "?")):
        done = home.call(*command)
        assert (done.returncode, done.stderr) == (
            1,
            "Error: There are no labels; load some: `user-behaviour load-labels FILE…`.\n",
        )
    assert home.call("models").stdout == "The baseline scores: a review is positive if `good` is one of its words.\n"


def test_the_first_version_that_passes_goes_live_and_can_be_taken_back(home: Home) -> None:
    labels, doubt = ("load-labels", str(home.path / "labels.csv")), ("demote", "--why", "a doubt")
    calls = [labels, labels, ("train",), ("train",), ("models",), doubt, doubt, ("train",)]
    loaded, loaded_again, trained, again, listed, demoted, demoted_again, undecided = home.processes(*calls)

    assert "1,200 rows" in loaded.stdout
    assert loaded.stdout.splitlines()[-1] == "  labels.csv, line 2: the label is '', and not true or false"
    assert "0 repeat another, 1 cannot be used." in loaded.stdout
    assert loaded_again.stdout.endswith("nothing changed.\n")
    models = Models(LocalLake(root=str(home.path / "lake")))
    (version,) = models.versions()
    assert trained.returncode == 0, trained.stderr
    assert "It passes the gate:" in trained.stdout
    assert trained.stdout.endswith(f"{version} scores from the next run on.\n")
    card = models.card(version)
    assert card["unknown_share"] == 0  # every word of so small a world was learnt
    assert card["evaluation"]["accuracy"] > 0.95 > 0.6 > card["evaluation"]["baseline_accuracy"]
    pointer = json.loads((home.path / "lake" / "labelled_reviews" / "_current.json").read_text())
    assert card["labels"] == {"version": pointer["version"], "rows": 1_200}
    assert again.stdout.count(version) == 1  # the same one, which is live
    assert f"{version} (live)" in listed.stdout
    assert demoted.stdout == "The baseline scores from the next run on.\n"
    assert demoted_again.stderr.startswith("Error: The baseline is live")
    assert "The baseline goes on scoring, as people decided." in undecided.stdout
    assert models.live() == ""

    assert home.processes(("promote", version, "--why", "no doubt"))[0].returncode == 0
    assert [decision.why for decision in models.decisions()] == [
        "the first version that passed the gate",
        "a doubt",
        "no doubt",
    ]
    assert "no doubt" in home.call("models").stdout


def test_dagster_shows_labels_versions_evaluations_and_decisions(home: Home) -> None:
    """After the test before this one."""
    models = Models(LocalLake(root=str(home.path / "lake")))
    (version,) = models.versions()
    instance = Installation(home.path).instance
    events = [
        instance.get_latest_materialization_event(one.key) for one in (*CLASSIFIER_ASSETS, live_review_classifier)
    ]
    labels, trained, evaluated, decided = [event.asset_materialization for event in events if event]
    assert labels is not None
    assert trained is not None
    assert evaluated is not None
    assert decided is not None
    checks = [key for one in (*CLASSIFIER_CHECKS, CLASSIFIER_ASSETS[2]) for key in one.check_keys]
    results = instance.event_log_storage.get_latest_asset_check_execution_by_key(checks)

    assert labels.metadata["quarantine"].value == "- labels.csv, line 2: the label is '', and not true or false"
    versions = [(one.tags or {})["dagster/data_version"] for one in (trained, evaluated, decided)]
    assert versions == [version] * 3
    assert {key.name: record.status.value for key, record in results.items()} == {
        "both_labels_are_there": "SUCCEEDED",
        "no_text_has_two_labels": "SUCCEEDED",
        "near_copies_are_on_one_side": "SUCCEEDED",
        "version_passes_the_gate": "SUCCEEDED",
    }
    assert evaluated.metadata["accuracy"].value == models.card(version)["evaluation"]["accuracy"]
    assert str(evaluated.metadata["pictures"].value).count("![") == 3
    page = Path(str(evaluated.metadata["page"].value).removeprefix("file://"))
    assert page.read_text().startswith("<!doctype html>")
    assert decided.metadata["why"].value == "no doubt"


def test_a_version_that_is_no_better_is_kept_out_with_the_numbers(home: Home) -> None:
    models = Models(LocalLake(root=str(home.path / "lake")))
    live = models.live()
    facts = {"labels": {"version": "?"}, "evaluation": models.card(live)["evaluation"]}
    worse = models.add(models.model(live).__class__("", {"film": (1.0, 1.0)}, 0.0, 1.0, 0.0), facts)

    assert (done := home.call("promote", worse, "--why", "hope")).returncode == 1
    assert "It does not pass the gate:" in done.stdout
    assert "by the live version alone" in done.stdout
    assert done.stderr == f"Error: {worse} stays out of force.\n"
    assert models.live() == live
    assert home.call("promote", "f00", "--why", "hope").stderr.startswith("Error: There is no version 'f00'")


def test_a_live_version_that_cannot_be_read_is_no_rival(home: Home) -> None:
    """As after a change of the rules of tokens; else nothing could take its place."""
    lake = LocalLake(root=str(home.path / "lake"))
    models = Models(lake)
    live = models.live()
    other = models.add(models.model(live), {"labels": {"version": "?"}, "evaluation": models.card(live)["evaluation"]})
    card = home.path / "lake" / models.directory(live) / "card.json"
    content = card.read_text()
    card.write_text("{")
    assert judge(lake, other).gate.passed
    assert f"The live version is no rival: Version {live} cannot be read" in judge(lake, other).gate.reasons[-1]
    assert f"{live}: Version {live} cannot be read" in home.call("models").stdout
    card.write_text(content)


def test_the_days_of_another_version_are_named_and_how_to_score_them_anew(home: Home) -> None:
    lake = LocalLake(root=str(home.path / "lake"))
    live = Models(lake).live()
    classified = lake.dataset(CLASSIFIED_REVIEWS)
    scored = {1: {"classifier_version": "1"}, 2: {"classifier_version": live}, 3: {}, 4: {"classifier_version": "1"}}
    scored[6] = {}  # after a day that is not there, over which a run would fail
    for number, facts in scored.items():
        files = (DataFile("part-0.parquet", number != 4, 10),)  # the last day has no review
        day = date(2011, 2, number)
        classified.publish(Manifest(CLASSIFIED_REVIEWS.name, day, "b", "t", "t", files=files, facts=facts))

    promoted, demoted = home.processes(("promote", live, "--why", "again"), ("demote", "--why", "old"))

    assert promoted.stdout.endswith(
        f"{live} scores from the next run on.\n"
        "Days of another version: 3, from 2011-02-01 to 2011-02-06; to score them anew:\n"
        f"user-behaviour run --from 2011-02-01 --to 2011-02-03 --select {SCORED}\n"
        f"user-behaviour run --from 2011-02-06 --to 2011-02-06 --select {SCORED}\n"
    )
    assert demoted.stdout.startswith(
        "The baseline scores from the next run on.\nDays of another version: 1, from 2011-02-02 to 2011-02-02"
    )
    selected = [key.to_user_string() for key in select([SCORED])]
    assert {name.partition("/")[0] for name in selected[3:]} <= {"marts", "intermediate", "daily_report"}
    assert selected[:3] == [
        "classified_reviews",
        "spectrum/movie_review_clean_stage",
        "public/user_behavior_metric",
    ]
