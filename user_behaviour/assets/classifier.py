"""Stage classifier: from labelled reviews to a version that may score. Made on demand, and no part of any day.

Which version scores is no result but a decision, which people make (`user-behaviour promote`): an external asset.
"""

from pathlib import Path

import dagster as dg
from pydantic import Field

from user_behaviour.assets.declaration import OWNERS
from user_behaviour.classifier.labels import Labels
from user_behaviour.classifier.models import Decision, Models
from user_behaviour.classifier.review_scoring import BASELINE_VERSION
from user_behaviour.lake.lake import Lake

GROUP = "classifier"
PASSES_THE_GATE = "version_passes_the_gate"
NO_LABELS = "There are no labels, and so the baseline scores. Load some: `user-behaviour load-labels FILE…`."
NO_VERSION = "No version is trained, and so the baseline scores. Train one: `user-behaviour train`."


def _schema(**types: str) -> dg.TableSchema:
    return dg.TableSchema([dg.TableColumn(name, type_) for name, type_ in types.items()])


class LabelFiles(dg.Config):
    """Which labelled reviews are taken."""

    files: list[str] = Field(
        default=[],
        description="CSV of review_str,positive_review, plain or .gz, on the machine that runs; all of them at once. "
        "Without any, those that are loaded stay.",
    )


@dg.asset(
    group_name=GROUP,
    kinds={"csv", "parquet"},
    owners=OWNERS,
    metadata={"dagster/column_schema": _schema(review_str="string", positive_review="bool", group="string")},
)
def labelled_reviews(config: LabelFiles, lake: Lake) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """A row is a review with what people say of it; rows that cannot be used are quarantined."""
    labels = Labels(lake)
    landed = labels.land([Path(file) for file in config.files]) if config.files else labels.current()
    if not landed:
        return _nothing_yet(NO_LABELS)
    bad = [f"- {row.source_file}, line {row.line_number}: {row.reason}" for row in labels.quarantine(landed.version)]
    return dg.MaterializeResult(
        data_version=dg.DataVersion(landed.version),
        metadata={
            "dagster/row_count": landed.rows,
            "positives": landed.positives,
            "duplicates": landed.duplicates,
            "version": landed.version,
            "files": ", ".join(landed.files),
            "quarantined": landed.quarantined,
            "quarantine": dg.MetadataValue.md("\n".join(bad[:20])),
            "dagster/uri": lake.uri(labels.directory(landed.version)),
        },
    )


@dg.asset(
    deps=[labelled_reviews],
    group_name=GROUP,
    kinds={"scikitlearn", "parquet"},
    owners=OWNERS,
    metadata={"dagster/column_schema": _schema(term="string", length="double", pull="double")},
)
def review_classifier(context: dg.AssetExecutionContext, lake: Lake) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """A row is a term with its weights. Trained on the labels, but for a tenth of them; a version never changes.

    Labels that were trained on last, by the same code, are not trained on again.
    """
    from user_behaviour.classifier.new_version import new_version

    if not Labels(lake).current():
        return _nothing_yet(NO_LABELS)
    models, version = Models(lake), new_version(lake, log=context.log.info)
    card = models.card(version)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "dagster/row_count": card["terms"],
            "version": version,
            "labels": card["labels"]["version"],
            "configuration": card["configuration"],
            "cross_validation": card["cross_validation"],
            "dagster/uri": lake.uri(models.directory(version)),
        },
    )


@dg.asset(
    deps=[review_classifier],
    group_name=GROUP,
    kinds={"python"},
    owners=OWNERS,
    check_specs=[
        dg.AssetCheckSpec(
            PASSES_THE_GATE,
            asset="classifier_evaluation",
            description="The version that was trained last is better than the baseline and the live version, by more "
            "than chance gives, in no slice below the floor, and calibrated. Warns: no other version can be promoted.",
        )
    ],
)
def classifier_evaluation(lake: Lake) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """A file is a page that says how good the version is that was trained last, by labels that no training sees."""
    from user_behaviour.classifier.evaluation_page import EVALUATION_PAGE, evaluation_page
    from user_behaviour.classifier.judgement import judge
    from user_behaviour.report.page import picture_in_markdown

    models = Models(lake)
    if not (version := models.trained()):
        return _nothing_yet(NO_VERSION, _gate(NO_VERSION, passed=False))
    found = judge(lake, version)
    page = evaluation_page(found, models.card(version)["learning"])
    path = f"{models.directory(version)}/{EVALUATION_PAGE}"
    lake.write(path, page.html.encode())
    pictures = "\n\n".join(f"**{name}**\n\n{picture_in_markdown(name, spec)}" for name, spec in page.charts.items())
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "version": version,
            **found.evaluation.figures(),
            "pictures": dg.MetadataValue.md(pictures),
            "page": dg.MetadataValue.path(lake.uri(path)),
        },
        check_results=[_gate(" ".join(found.gate.reasons), passed=found.gate.passed)],
    )


live_review_classifier = dg.AssetSpec(
    "live_review_classifier",
    deps=[classifier_evaluation],
    description="A row is a decision of people (`user-behaviour promote` and `demote`): which version scores from then "
    "on, or the baseline. Where it has changed, the days that another version scored are marked.",
    group_name=GROUP,
    kinds={"json"},
    owners=OWNERS,
)


def put_into_force(decision: Decision) -> dg.AssetMaterialization:
    """A decision, as an event of the external asset."""
    return dg.AssetMaterialization(
        live_review_classifier.key,
        metadata={
            "when": decision.when,
            "version": decision.version or "the baseline",
            "who": decision.who,
            "why": decision.why,
        },
        tags={"dagster/data_version": decision.version or BASELINE_VERSION},
    )


def _nothing_yet(reason: str, *results: dg.AssetCheckResult) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """So that a run of all assets does not fail where nobody has labels."""
    return dg.MaterializeResult(metadata={"dagster/row_count": 0, "reason": reason}, check_results=results)


def _gate(reasons: str, *, passed: bool) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(check_name=PASSES_THE_GATE, passed=passed, severity=severity, description=reasons)
