"""Claims about stage staging: what was left out is what the rule leaves out, and every review has its verdict."""

from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from user_behaviour.assets.staging import classified_reviews, staged_purchases
from user_behaviour.checks.every_asset import (
    changed_files,
    columns_of,
    every_day_is_published,
    manifest_of,
    of_each_day,
    offences_of_each_day,
    overtaken,
    rows_fit_their_schema,
    rows_in_files,
)
from user_behaviour.checks.history import BAND_DAYS, days_before, unusual_shares
from user_behaviour.checks.result import Offence, days_under_check
from user_behaviour.classifier import drift
from user_behaviour.classifier.models import Models
from user_behaviour.classifier.review_scoring import BASELINE_VERSION
from user_behaviour.classifier.scored_days import days_of_another, scoring_anew, version_of
from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.lake import Lake
from user_behaviour.lake.manifests import Manifest
from user_behaviour.rules import QuantityRules, Rules
from user_behaviour.tables.schemas import CLASSIFIED_REVIEWS, RAW_PURCHASES, RAW_REVIEWS, STAGED_PURCHASES

WARN = dg.AssetCheckSeverity.WARN
KEYS = "review_keys"  # of the facts: the sum of crc32 of each row's vendor file and line


@dg.asset_check(asset=staged_purchases, blocking=True)
def staged_equal_landed_less_left_out_by_the_rule(
    context: dg.AssetCheckExecutionContext, lake: Lake, quantity_rules: QuantityRules
) -> dg.AssetCheckResult:
    """Staged lines are the landed ones less those that the rule in force on the day leaves out. Blocks."""
    under_check, rules = days_under_check(context), quantity_rules.current()
    derived = _DerivedBatches(lake.dataset(STAGED_PURCHASES), lake.dataset(RAW_PURCHASES), under_check.days)
    offences, left_out_by = list(derived.without_source), dict[str, int]()
    by_day = of_each_day(derived.dataset, derived.pairs, partial(_left_out, derived, rules))
    for day, (left_out, found) in by_day.items():
        name = rules.in_force(day).name
        left_out_by[name] = left_out_by.get(name, 0) + left_out
        if found:
            offences.append(Offence(day, found))
    return under_check.result(
        offences,
        looked_at=derived.looked_at,
        overtaken=derived.overtaken,
        metadata={"left_out_by_rule": dg.MetadataValue.json(left_out_by)},
    )


@dg.asset_check(asset=classified_reviews, blocking=True)
def classified_equal_landed(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """Every landed review has one verdict: as many rows, and the same ones by the sum of their keys. Blocks."""
    under_check = days_under_check(context)
    derived = _DerivedBatches(lake.dataset(CLASSIFIED_REVIEWS), lake.dataset(RAW_REVIEWS), under_check.days)
    found = offences_of_each_day(derived.dataset, derived.pairs, partial(_without_verdict, derived))
    offences = [*derived.without_source, *found]
    return under_check.result(offences, looked_at=derived.looked_at, overtaken=derived.overtaken)


@dg.asset_check(asset=classified_reviews)
def share_of_positive_reviews_is_in_its_band(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """The share of positive reviews is about what the same version found in the four weeks before. Warns."""
    under_check = days_under_check(context)
    dataset = lake.dataset(CLASSIFIED_REVIEWS)
    manifests = dataset.manifests(days_before(under_check.days, BAND_DAYS))
    counts = of_each_day(dataset, manifests, partial(_verdicts, dataset))
    classified = [day for day in under_check.days if day in counts]
    versions = {day: version_of(manifest) for day, manifest in manifests.items()}
    unusual = []
    for day in classified:
        alike = {other: count for other, count in counts.items() if versions[other] == versions[day]}
        unusual += unusual_shares(alike, [day])
    return under_check.result(unusual, looked_at=classified, severity=WARN)


@dg.asset_check(asset=classified_reviews)
def reviews_are_like_those_before(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """Verdicts, probabilities and words are as in the twelve weeks before, words also as at training. Warns.

    Compared with days of the same version; `days_compared` are those that had enough of them before. Days that a former
    run found are not named again: their reviews stay as they are.
    """
    under_check = days_under_check(context, standing=tuple)
    manifests = lake.dataset(CLASSIFIED_REVIEWS).manifests(days_before(under_check.days, drift.LOOK_BACK))
    facts = {day: {**m.facts, "reviews": m.rows} for day, m in manifests.items() if "classifier_version" in m.facts}
    classified, models = [day for day in under_check.days if day in manifests], Models(lake)
    versions = {day: str(facts[day]["classifier_version"]) for day in classified if day in facts}
    learnt = {one: models.card(one).get("unknown_share") for one in {*versions.values()} & {*models.versions()}}
    found = {day: drift.figures(*drift.latest(facts, day), learnt.get(version)) for day, version in versions.items()}
    compared = [day for day in found if found[day]]
    metadata: dict[str, Any] = {figure.name: float(figure.value) for day in compared[-1:] for figure in found[day]}
    metadata["days_compared"] = len(compared)
    if unknown := [day for day in classified if manifests[day].rows and day not in compared]:
        metadata["not_compared"] = f"{len(unknown)} days, for too few reviews of the same version were counted before"
    limit = drift.limit(len(under_check.days))
    offences = [Offence(day, figure.says) for day in compared for figure in found[day] if abs(figure.z) > limit]
    return under_check.result(offences, looked_at=classified, severity=WARN, metadata=metadata)


@dg.asset_check(asset=classified_reviews)
def a_trained_model_scores(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """A version of the classifier scored the reviews, and not the baseline, that `good` is a word. Warns."""
    under_check = days_under_check(context, standing=tuple)
    manifests = lake.dataset(CLASSIFIED_REVIEWS).manifests(under_check.days)
    remedy = (
        "`promote` one of its versions" if Models(lake).versions() else "`user-behaviour load-labels`, then `train`"
    )
    says = f"scored by the baseline, whether `good` is a word, and not by a classifier: {remedy}"
    offences = [Offence(day, says) for day, m in manifests.items() if m.rows and version_of(m) == BASELINE_VERSION]
    return under_check.result(offences, looked_at=manifests, severity=WARN)


@dg.asset_check(asset=classified_reviews)
def the_live_version_scored_every_day(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """No day in the lake has verdicts of another version than the live one. Warns, with the command to score anew."""
    dataset = lake.dataset(CLASSIFIED_REVIEWS)
    under_check = days_under_check(context, standing=dataset.days)
    manifests = dataset.manifests(under_check.days)
    live = Models(lake).live()
    others = days_of_another(manifests, live)
    says = f"live is {live or 'the baseline'}; to score the days anew: {'; '.join(scoring_anew(others, manifests))}"
    offences = [Offence(day, f"scored by version {version}, {says}") for day, version in others.items()]
    return under_check.result(offences, looked_at=manifests, severity=WARN)


def _verdicts(dataset: Dataset, manifest: Manifest) -> tuple[int, int]:
    """The number of positive reviews of a batch, and of all."""
    if "positive_reviews" in manifest.facts:
        return int(manifest.facts["positive_reviews"]), manifest.rows
    # A batch of release 0.3.0 or before.
    verdicts = [batch["positive_review"] for batch in columns_of(dataset, manifest, "positive_review")]
    return sum(pc.sum(batch).as_py() or 0 for batch in verdicts), sum(map(len, verdicts))


def _quantities(dataset: Dataset, manifest: Manifest) -> pa.Array:
    # Wide, whatever the file has: its type is for another check to judge.
    batches = [batch["quantity"].cast(pa.int64()) for batch in columns_of(dataset, manifest, "quantity")]
    return pa.concat_arrays([pa.array([], pa.int64()), *batches])


class _DerivedBatches:
    """Days of a data set, each with the upstream batch that it was made of, be that still in force or not."""

    def __init__(self, dataset: Dataset, upstream: Dataset, days: Sequence[date]) -> None:
        self.dataset, self.upstream = dataset, upstream
        manifests = dataset.manifests(days)
        batches = {day: m.sources[0].version if m.sources else "none" for day, m in manifests.items()}
        in_force = upstream.manifests([*batches])
        by_day = {item[0]: item for item in batches.items()}
        made_of = of_each_day(upstream, by_day, lambda item: manifest_of(upstream, in_force, *item))
        self.looked_at = set(manifests)
        self.pairs = {day: (manifests[day], landed) for day, landed in made_of.items() if landed}
        self.without_source = [
            Offence(day, f"made of batch {batches[day]}, which the lake does not have; rerun")
            for day in manifests
            if day not in self.pairs
        ]
        self.overtaken = overtaken(in_force, {day: batches[day] for day in self.pairs}, says="made of")


def _left_out(derived: _DerivedBatches, rules: Rules, pair: tuple[Manifest, Manifest]) -> tuple[int, str | None]:
    """How many landed lines of a day the rule leaves out, and what is wrong with those that were let in."""
    manifest, landed = pair
    rule = rules.in_force(manifest.day)
    staged, landed_quantities = _quantities(derived.dataset, manifest), _quantities(derived.upstream, landed)
    let_in = landed_quantities.filter(pc.greater(landed_quantities, rule.more_than))
    left_out = len(landed_quantities) - len(let_in)
    if manifest.facts["rule"] != rule.name:
        return left_out, f"staged by “{manifest.facts['rule']}”, in force is “{rule.name}”; rerun"
    if len(staged) != len(let_in):
        return left_out, f"{len(staged)} staged, {len(landed_quantities)} landed, {left_out} left out by “{rule.name}”"
    if staged.sort() != let_in.sort():
        found = f"{pc.sum(staged)} pieces staged, {pc.sum(let_in)} pieces landed and let in by “{rule.name}”"
        return left_out, found
    return left_out, None


def _without_verdict(derived: _DerivedBatches, pair: tuple[Manifest, Manifest]) -> Iterator[str]:
    manifest, landed = pair
    classified = rows_in_files(derived.dataset, manifest)
    if classified != landed.rows:
        yield f"{classified} classified, {landed.rows} landed"
    yield from changed_files(derived.dataset, manifest)
    # Release 0.3.0 and before had no sums.
    sums = [found.facts[KEYS] for found in pair if KEYS in found.facts]
    if len({*sums}) > 1:
        yield f"{classified} classified, {landed.rows} landed, and not the same ones: the sums of their keys differ"


STAGING_CHECKS = [
    every_day_is_published(staged_purchases, STAGED_PURCHASES, kept_in="lake"),
    rows_fit_their_schema(staged_purchases, STAGED_PURCHASES, in_day="invoice_date"),
    staged_equal_landed_less_left_out_by_the_rule,
    every_day_is_published(classified_reviews, CLASSIFIED_REVIEWS, kept_in="lake"),
    rows_fit_their_schema(classified_reviews, CLASSIFIED_REVIEWS),
    classified_equal_landed,
    share_of_positive_reviews_is_in_its_band,
    reviews_are_like_those_before,
    a_trained_model_scores,
    the_live_version_scored_every_day,
]
