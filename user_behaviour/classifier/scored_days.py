"""Which version scored which days, and the commands that score days anew."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date

from user_behaviour.classifier.models import Models, UnknownVersionError
from user_behaviour.classifier.review_scoring import BASELINE_VERSION, ModelError
from user_behaviour.lake.manifests import Manifest
from user_behaviour.tables.days import ranges

SCORED = "key:classified_reviews+"  # with all that is made of it


def version_of(manifest: Manifest) -> str:
    """The version by which the verdicts of a batch are; batches of release 0.3.0 and before are the baseline's."""
    return str(manifest.facts.get("classifier_version", BASELINE_VERSION))


def days_of_another(classified: Mapping[date, Manifest], version: str) -> dict[date, str]:
    """The days whose verdicts are of another version, in order, with that version; `version` is "" for the baseline."""
    by_day = {day: version_of(classified[day]) for day in sorted(classified) if classified[day].rows}
    return {day: scored_by for day, scored_by in by_day.items() if scored_by != (version or BASELINE_VERSION)}


def scored_by(models: Models, version: str) -> str:
    """Which classifier scored a day, and how often it is right, in a sentence; `version` is "" where nothing was."""
    if not version:
        return "No review was scored."
    if version == BASELINE_VERSION:
        return "Reviews were scored by the baseline: positive is one that has the word `good`."
    try:
        found = models.card(version)["evaluation"]
    except (UnknownVersionError, ModelError):
        return f"Reviews were scored by version {version} of the classifier, which is not in the lake."
    return (
        f"Reviews were scored by version {version} of the classifier, which is right of {found['accuracy']:.1%} of "
        f"{found['n']:,} labelled reviews that training never saw."
    )


def scoring_anew(days: Iterable[date], classified: Collection[date]) -> list[str]:
    """The commands that score days anew by the live version: one a range, which goes over no day that is not there."""
    spans = ranges(days, bridges=classified)
    return [f"user-behaviour run --from {span.first} --to {span.last} --select {SCORED}" for span in spans]
