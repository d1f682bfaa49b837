"""`load-labels`, `train`, `models`, `promote` and `demote`: which classifier scores reviews, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from user_behaviour.commands.dagster_process import dagster_instance
from user_behaviour.deployments import Deployment, deployment, settings
from user_behaviour.tables.schemas import CLASSIFIED_REVIEWS

if TYPE_CHECKING:
    from user_behaviour.classifier.judgement import Judgement
    from user_behaviour.classifier.models import Decision

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
SHOWN = 3  # rows that cannot be used
WHY = click.option("--why", required=True, metavar="TEXT", help="The reason; kept with who and when.")


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE…")
@click.pass_obj
def load_labels(debug: bool, files: tuple[Path, ...]) -> None:
    """Take labelled reviews for training: all of them at once, CSV of review_str,positive_review, plain or .gz."""
    load(_deployed(), files, debug=debug)


@click.command()
@click.pass_obj
def train(debug: bool) -> None:
    """Train a version of the classifier by the labels, and judge it; the first that passes goes live."""
    train_and_judge(_deployed(), debug=debug)


@click.command()
def models() -> None:
    """List the versions of the classifier with their scores, and what was put into force when, by whom and why."""
    from user_behaviour.classifier.models import Models
    from user_behaviour.classifier.review_scoring import ModelError

    kept = Models(_deployed().lake)
    live = kept.live()
    for version in kept.versions():
        try:
            card = kept.card(version)
        except ModelError as error:
            click.echo(f"{version}: {error}")
            continue
        click.echo(
            f"{version}{' (live)' if version == live else ''}: {_accuracy(card['evaluation'])}; "
            f"{card['terms']:,} terms, labels {card['labels']['version']}"
        )
    if not live:
        click.echo("The baseline scores: a review is positive if `good` is one of its words.")
    for decision in kept.decisions():
        click.echo(f"{decision.version or 'the baseline'}  {decision.recorded}")


@click.command()
@click.argument("version")
@WHY
def promote(version: str, why: str) -> None:
    """Have a version score from the next run on, if it passes the gate; says which days are of another version."""
    deployed = _deployed()
    promote_by_gate(deployed, version, why=why)
    _advise(deployed, version)


@click.command()
@WHY
def demote(why: str) -> None:
    """Go back to the version before the live one, in the end to the baseline."""
    from user_behaviour.classifier.models import Models

    deployed = _deployed()
    _tell_dagster(deployed)  # so that it has the one before, also where there is nothing to go back to
    decision = Models(deployed.lake).demote(why=why)
    _put_into_force(deployed, decision)
    _advise(deployed, decision.version)


def promote_by_gate(deployed: Deployment, version: str, *, why: str, who: str = "", plan: str = "") -> None:
    """Puts a version into force, and says why; raises `ClickException` where the gate says that it may not be."""
    from user_behaviour.classifier.judgement import judge
    from user_behaviour.classifier.models import Models

    found = judge(deployed.lake, version)
    _show(found)
    if not found.gate.passed:
        raise click.ClickException(f"{version} stays out of force.")
    _put_into_force(deployed, Models(deployed.lake).promote(version, why=why, who=who, plan=plan))


def load(deployed: Deployment, files: Sequence[Path], *, debug: bool) -> None:
    """Lands labels, and says what they are."""
    from user_behaviour.classifier.labels import Labels

    labels = Labels(deployed.lake)
    before = labels.current()
    _materialise(deployed, files=files, debug=debug)
    landed = labels.loaded()
    if before == landed:
        click.echo(f"Labels {landed.version} are loaded already; nothing changed.")
        return
    click.echo(
        f"Labels {landed.version}: {landed.rows:,} rows, {landed.positives:,} of them positive; {landed.duplicates:,} "
        f"repeat another, {landed.quarantined:,} cannot be used."
    )
    for bad in labels.quarantine(landed.version)[:SHOWN]:
        click.echo(f"  {bad.source_file}, line {bad.line_number}: {bad.reason}")


def train_and_judge(deployed: Deployment, *, debug: bool) -> None:
    """Makes a version and its evaluation; puts it into force if it passes and nobody has decided anything yet."""
    from user_behaviour.classifier.judgement import judge
    from user_behaviour.classifier.labels import Labels
    from user_behaviour.classifier.models import Models

    models, loaded = Models(deployed.lake), Labels(deployed.lake).loaded()
    click.echo(f"Training on labels {loaded.version}, {loaded.rows:,} rows, and judging by a tenth of them …")
    _materialise(deployed, debug=debug)
    _tell_dagster(deployed)
    found = judge(deployed.lake, models.trained())
    _show(found)
    if found.gate.passed and not models.decisions():
        _put_into_force(deployed, models.promote(found.version, why="the first version that passed the gate"))
        _advise(deployed, found.version)
    elif found.gate.passed and found.version != models.live():
        click.echo(
            f"{models.live() or 'The baseline'} goes on scoring, as people decided. `user-behaviour shadow "
            f"{found.version}` says what this version would change, `user-behaviour promote "
            f"{found.version} --why …` has it score."
        )
    elif not found.gate.passed:
        click.echo(f"{models.live() or 'The baseline'} goes on scoring.")


def _deployed() -> Deployment:
    return deployment(settings()).initialized()


def _materialise(deployed: Deployment, *, files: Sequence[Path] = (), debug: bool) -> None:
    """One run of the classifier's assets; of the labels alone, where there are files of them to take."""
    with dagster_instance(deployed) as instance:
        from user_behaviour.assets import CLASSIFIER_ASSETS
        from user_behaviour.commands.runs import materialise_on_demand

        config = {"labelled_reviews": {"files": [str(file.absolute()) for file in files]}}
        materialise_on_demand(
            instance,
            CLASSIFIER_ASSETS[: 1 if files else None],
            code_location=deployed.code_location,
            config=config,
            debug=debug,
        )


def _show(found: Judgement) -> None:
    evaluation = found.evaluation
    click.echo(
        f"{found.version}: {_accuracy(evaluation.figures())}; Brier {evaluation.brier:.3f}, "
        f"calibration error {evaluation.ece:.2%}"
    )
    click.echo("It passes the gate:" if found.gate.passed else "It does not pass the gate:")
    for reason in found.gate.reasons:
        click.echo(f"  {reason}")


def _accuracy(figures: Mapping[str, Any]) -> str:
    return "{accuracy:.2%} of {n:,} test reviews right, baseline {baseline_accuracy:.2%}".format(**figures)


def _put_into_force(deployed: Deployment, decision: Decision) -> None:
    """Tells Dagster of the decision, and people."""
    _tell_dagster(deployed)
    click.echo(f"{decision.version or 'The baseline'} scores from the next run on.")


def _advise(deployed: Deployment, version: str) -> None:
    """Names the days that another version scored."""
    from user_behaviour.classifier.scored_days import days_of_another, scoring_anew

    classified = deployed.lake.dataset(CLASSIFIED_REVIEWS)
    manifests = classified.manifests(classified.days())
    if days := [*days_of_another(manifests, version)]:
        click.echo(f"Days of another version: {len(days)}, from {days[0]} to {days[-1]}; to score them anew:")
        click.echo("\n".join(scoring_anew(days, manifests)))


def _tell_dagster(deployed: Deployment) -> None:
    """Reports the last decision, unless Dagster knows of it; a command that was killed may not have come so far."""
    from user_behaviour.classifier.models import Models

    with dagster_instance(deployed) as instance:
        from user_behaviour.assets.classifier import live_review_classifier, put_into_force

        known = instance.get_latest_materialization_event(live_review_classifier.key)
        for event in map(put_into_force, Models(deployed.lake).decisions()[-1:]):
            if not known or not known.asset_materialization or known.asset_materialization.metadata != event.metadata:
                instance.report_runless_asset_event(event)
