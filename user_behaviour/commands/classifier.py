"""`load-labels`, `train`, `models`, `promote` and `demote`: which classifier scores reviews, and why."""

from __future__ import annotations

from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from user_behaviour.deployments import deployment, settings
from user_behaviour.tables.schemas import CLASSIFIED_REVIEWS

if TYPE_CHECKING:
    from user_behaviour.classifier.evaluation import Evaluation, Gate
    from user_behaviour.classifier.labels import LabelVersion
    from user_behaviour.lake.lake import Lake

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
SHOWN = 3  # rows that cannot be used
WHY = click.option("--why", required=True, metavar="TEXT", help="The reason; kept with who and when.")


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE…")
def load_labels(files: tuple[Path, ...]) -> None:
    """Take labelled reviews for training: all of them at once, CSV of review_str,positive_review, plain or .gz."""
    from user_behaviour.classifier.labels import Labels

    labels = Labels(_lake())
    before = labels.current()
    landed = labels.land(files)
    if before == landed:
        click.echo(f"Labels {landed.version} are loaded already; nothing changed.")
        return
    click.echo(
        f"Labels {landed.version}: {landed.rows:,} rows, {landed.positives:,} of them positive; {landed.duplicates:,} "
        f"repeat another, {landed.quarantined:,} cannot be used."
    )
    for bad in labels.quarantine(landed.version)[:SHOWN]:
        click.echo(f"  {bad.source_file}, line {bad.line_number}: {bad.reason}")


@click.command()
def train() -> None:
    """Train a version of the classifier by the labels, and judge it; the first that passes the gate goes live."""
    from user_behaviour.classifier.labels import Labels
    from user_behaviour.classifier.models import Models

    if not find_spec("sklearn"):
        raise click.ClickException("Training needs scikit-learn: pip install 'user_behaviour[training]'.")
    from user_behaviour.classifier.evaluation import report
    from user_behaviour.classifier.judgement import gated, judged
    from user_behaviour.classifier.training import train as trained_on

    lake = _lake()
    models, loaded = Models(lake), _loaded(lake)
    labels = Labels(lake).read(loaded.version)
    learnt = [label for label in labels if not label.is_test]
    click.echo(f"Training on {len(learnt):,} of {len(labels):,} labelled reviews …")
    groups = {label.group: number for number, label in enumerate(learnt)}
    trained = trained_on(
        [label.review_str for label in learnt],
        [label.positive_review for label in learnt],
        [groups[label.group] for label in learnt],
    )
    candidate = judged(labels, trained.model)
    evaluation = report(candidate)
    facts = {
        "labels": {"version": loaded.version, "rows": loaded.rows},
        "configuration": asdict(trained.configuration),
        "cross_validation": trained.accuracies,
        "evaluation": evaluation.to_json(),
    }
    version = models.add(trained.model, facts)
    decision = gated(models, labels, version, evaluation, candidate)
    _show(version, evaluation, decision)
    if decision.passed and not models.live():
        models.promote(version, why="the first version that passed the gate")
        _promoted(lake, version)


@click.command()
def models() -> None:
    """List the versions of the classifier with their scores, and what was put into force when, by whom and why."""
    from user_behaviour.classifier.models import Models

    kept = Models(_lake())
    live = kept.live()
    for version in kept.versions():
        card = kept.card(version)
        score = card.get("evaluation", {})
        click.echo(
            f"{version}{' (live)' if version == live else ''}: {score.get('accuracy', 0):.2%} of {score.get('n', 0):,} "
            f"test reviews right, baseline {score.get('baseline_accuracy', 0):.2%}; {card['terms']:,} terms, labels "
            f"{card.get('labels', {}).get('version')}"
        )
    if not live:
        click.echo("The baseline scores: a review is positive if `good` is one of its words.")
    for change in kept.changes():
        click.echo(f"{change.when}  {change.version or 'the baseline'}  {change.who}: {change.why}")


@click.command()
@click.argument("version")
@WHY
def promote(version: str, why: str) -> None:
    """Have a version score from the next run on, if it passes the gate; says which days are of another version."""
    from user_behaviour.classifier.evaluation import report
    from user_behaviour.classifier.judgement import gated, judged
    from user_behaviour.classifier.labels import Labels
    from user_behaviour.classifier.models import Models

    lake = _lake()
    models, labels = Models(lake), Labels(lake).read(_loaded(lake).version)
    candidate = judged(labels, models.model(version))
    evaluation = report(candidate)
    decision = gated(models, labels, version, evaluation, candidate)
    _show(version, evaluation, decision)
    if not decision.passed:
        raise click.ClickException(f"{version} stays out of force.")
    models.promote(version, why=why)
    _promoted(lake, version)


@click.command()
@WHY
def demote(why: str) -> None:
    """Go back to the version before the live one, in the end to the baseline."""
    from user_behaviour.classifier.models import Models

    lake = _lake()
    _promoted(lake, Models(lake).demote(why=why).version)


def _lake() -> Lake:
    return deployment(settings()).initialized().lake


def _loaded(lake: Lake) -> LabelVersion:
    from user_behaviour.classifier.labels import Labels

    if (loaded := Labels(lake).current()) is None:
        raise click.ClickException("There are no labels; load some: `user-behaviour load-labels FILE…`.")
    return loaded


def _show(version: str, evaluation: Evaluation, decision: Gate) -> None:
    click.echo(
        f"{version}: {evaluation.accuracy:.2%} of {evaluation.n:,} test reviews right, baseline "
        f"{evaluation.baseline_accuracy:.2%}; Brier {evaluation.brier:.3f}, calibration error {evaluation.ece:.2%}"
    )
    click.echo("It passes the gate:" if decision.passed else "It does not pass the gate:")
    for reason in decision.reasons:
        click.echo(f"  {reason}")


def _promoted(lake: Lake, version: str) -> None:
    from user_behaviour.classifier.scored_days import days_of_another, scoring_anew

    click.echo(f"{version or 'The baseline'} scores from the next run on.")
    classified = lake.dataset(CLASSIFIED_REVIEWS)
    if days := [*days_of_another(classified.manifests(classified.days()), version)]:
        click.echo(
            f"Days of another version: {len(days)}, from {days[0]} to {days[-1]}; to score them anew:\n"
            f"{scoring_anew(days)}"
        )
