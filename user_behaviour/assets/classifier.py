"""Stage classifier: from labelled reviews to a version that may score. Made on demand, and no part of any day.

Which version scores is no result but a decision, which people make (`user-behaviour promote`): an external asset.
"""

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from user_behaviour.assets.declaration import OWNERS
from user_behaviour.classifier.labels import Labels
from user_behaviour.classifier.models import Change, Models
from user_behaviour.classifier.review_scoring import BASELINE_VERSION
from user_behaviour.lake.lake import Lake

GROUP = "classifier"
PASSES_THE_GATE = "version_passes_the_gate"


class LabelFiles(dg.Config):
    """Which labelled reviews are taken."""

    files: list[str] = Field(
        default=[],
        description="CSV of review_str,positive_review, plain or .gz, on the machine that runs; all of them at once. "
        "Without any, those that are loaded stay.",
    )


@dg.asset(group_name=GROUP, kinds={"csv", "parquet"}, owners=OWNERS)
def labelled_reviews(config: LabelFiles, lake: Lake) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """A row is a review with what people say of it; rows that cannot be used are quarantined."""
    labels = Labels(lake)
    landed = labels.land([Path(file) for file in config.files]) if config.files else labels.loaded()
    facts = {"rows": landed.rows, "positives": landed.positives, "duplicates": landed.duplicates}
    bad = [f"- {row.source_file}, line {row.line_number}: {row.reason}" for row in labels.quarantine(landed.version)]
    return dg.MaterializeResult(
        data_version=dg.DataVersion(landed.version),
        metadata={
            "dagster/row_count": landed.rows,
            **facts,
            "version": landed.version,
            "files": ", ".join(landed.files),
            "quarantined": landed.quarantined,
            "quarantine": dg.MetadataValue.md("\n".join(bad[:20])),
            "dagster/uri": lake.uri(labels.directory(landed.version)),
        },
    )


@dg.asset(deps=[labelled_reviews], group_name=GROUP, kinds={"scikitlearn", "parquet"}, owners=OWNERS)
def review_classifier(context: dg.AssetExecutionContext, lake: Lake) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """A row is a term with its weights; a version never changes. Trained on the labels, but for a tenth of them."""
    from user_behaviour.classifier.new_version import new_version

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
            description="The version that was trained last is better than the rule and the live version, by more than "
            "chance gives; no slice is below the floor; it is calibrated. Warns: no other version can be promoted.",
        )
    ],
)
def classifier_evaluation(lake: Lake) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """How good the version is that was trained last, by the tenth of the labels that no training sees."""
    from user_behaviour.classifier.evaluation_page import EVALUATION_PAGE, evaluation_page
    from user_behaviour.classifier.judgement import judge
    from user_behaviour.classifier.new_version import learning_curve

    models = Models(lake)
    version = models.trained()
    found = judge(lake, version)
    page = evaluation_page(found, learning_curve(lake, version))
    path = f"{models.directory(version)}/{EVALUATION_PAGE}"
    lake.write(path, page.html.encode())
    figures: Mapping[str, Any] = {
        name: value for name, value in found.evaluation.to_json().items() if isinstance(value, int | float)
    }
    pictures = "\n\n".join(
        f"![{name}](data:image/svg+xml;base64,{b64encode(picture.encode()).decode()})"
        for name, picture in page.pictures.items()
    )
    gate = dg.AssetCheckResult(
        check_name=PASSES_THE_GATE,
        passed=found.gate.passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=" ".join(found.gate.reasons),
        metadata={"version": version},
    )
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "version": version,
            **figures,
            "pictures": dg.MetadataValue.md(pictures),
            "page": dg.MetadataValue.path(lake.uri(path)),
        },
        check_results=[gate],
    )


live_review_classifier = dg.AssetSpec(
    "live_review_classifier",
    deps=[classifier_evaluation],
    description="The version that scores, or the rule that does without one: as people decide by `user-behaviour "
    "promote` and `demote`. Where it has changed, the days that another version scored are marked.",
    group_name=GROUP,
    owners=OWNERS,
)


def put_into_force(change: Change) -> dg.AssetMaterialization:
    """A decision, as an event of the external asset."""
    return dg.AssetMaterialization(
        live_review_classifier.key,
        metadata={"version": change.version or "the rule", "who": change.who, "why": change.why},
        tags={"dagster/data_version": change.version or BASELINE_VERSION},
    )
