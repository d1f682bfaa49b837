"""Claims about stage classifier: what is learnt from can be learnt from, and what judges was never learnt from."""

import dagster as dg

from user_behaviour.assets.classifier import NO_LABELS, labelled_reviews
from user_behaviour.classifier.labels import Label, Labels
from user_behaviour.lake.lake import Lake

SAMPLE = 10


@dg.asset_check(asset=labelled_reviews, blocking=True)
def both_labels_are_there(lake: Lake) -> dg.AssetCheckResult:
    """Some reviews are positive and some are not, on the side of training and on the side of the test. Blocks."""
    found = _read(lake)
    sides = {side: [label.positive_review for label in found if label.is_test is side] for side in (False, True)}
    lacking = [
        f"the reviews for {'the test' if side else 'training'} are {len(labels)}, {sum(labels)} of them positive"
        for side, labels in sides.items()
        if len({*labels}) < 2
    ]
    return _result(lacking, rows=len(found))


@dg.asset_check(asset=labelled_reviews, blocking=True)
def no_text_has_two_labels(lake: Lake) -> dg.AssetCheckResult:
    """Texts that differ in no letter have one label. Blocks."""
    from user_behaviour.classifier.near_duplicates import normal

    found, said = _read(lake), dict[str, Label]()
    torn = []
    for label in found:
        first = said.setdefault(normal(label.review_str), label)
        if first.positive_review != label.positive_review:
            torn.append(f"{_place(first)} and {_place(label)} have the same text and not the same label")
    return _result(torn, rows=len(found))


@dg.asset_check(asset=labelled_reviews, blocking=True)
def near_copies_are_on_one_side(lake: Lake) -> dg.AssetCheckResult:
    """No test review is nearly the same as one that is learnt from. Blocks."""
    from user_behaviour.classifier.near_duplicates import groups, normal

    found, sides = _read(lake), dict[str, Label]()
    apart = []
    for label, group in zip(found, groups([normal(label.review_str) for label in found]), strict=True):
        first = sides.setdefault(group, label)
        if first.is_test != label.is_test:
            apart.append(f"{_place(first)} and {_place(label)} are nearly the same, and on two sides")
    return _result(apart, rows=len(found))


def _read(lake: Lake) -> list[Label]:
    labels = Labels(lake)
    loaded = labels.current()
    return labels.read(loaded.version) if loaded else []


def _place(label: Label) -> str:
    return f"{label.source_file}, line {label.line_number}"


def _result(offences: list[str], *, rows: int) -> dg.AssetCheckResult:
    if not rows:
        return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN, description=NO_LABELS)
    more = f" ({len(offences) - 1} more)" if len(offences) > 1 else ""
    return dg.AssetCheckResult(
        passed=not offences,
        description=f"{offences[0]}{more}" if offences else None,
        metadata={"rows_looked_at": rows, "offences": len(offences), "sample": "; ".join(offences[:SAMPLE])},
    )


CLASSIFIER_CHECKS = [both_labels_are_there, no_text_has_two_labels, near_copies_are_on_one_side]
