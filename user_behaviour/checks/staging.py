"""Claims about stage staging: what was left out is what the rule leaves out, and every review has its verdict."""

from collections.abc import Sequence
from datetime import date

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from user_behaviour.assets.staging import classified_reviews, staged_purchases
from user_behaviour.checks.every_asset import (
    columns_of,
    lake_days_are_published,
    review_keys,
    rows_fit_their_schema,
)
from user_behaviour.checks.history import BAND_DAYS, days_before, unusual_shares
from user_behaviour.checks.verdict import Offence, days_under_check, verdict
from user_behaviour.manifests import Manifest
from user_behaviour.resources.dataset import Dataset
from user_behaviour.resources.lake import Lake
from user_behaviour.rules import QuantityRules
from user_behaviour.schemas import CLASSIFIED_REVIEWS, RAW_PURCHASES, RAW_REVIEWS, STAGED_PURCHASES


@dg.asset_check(asset=staged_purchases, blocking=True)
def staged_equal_landed_less_left_out_by_the_rule(
    context: dg.AssetCheckExecutionContext,
    lake: dg.ResourceParam[Lake],
    quantity_rules: dg.ResourceParam[QuantityRules],
) -> dg.AssetCheckResult:
    """Staged lines are the landed ones less those that the rule in force on the day leaves out. Blocks."""
    made = _Made(lake.dataset(STAGED_PURCHASES), lake.dataset(RAW_PURCHASES), days_under_check(context))
    offences, left_out_by = list(made.of_nothing), dict[str, int]()
    for day, (manifest, landed) in made.pairs.items():
        rule = quantity_rules.in_force(day)
        here, there = _quantities(made.dataset, manifest), _quantities(made.upstream, landed)
        let_in = there.filter(pc.greater(there, rule.more_than))
        left_out = len(there) - len(let_in)
        left_out_by[rule.name] = left_out_by.get(rule.name, 0) + left_out
        if manifest.facts["rule"] != rule.name:
            offences.append(Offence(day, f"staged by “{manifest.facts['rule']}”, in force is “{rule.name}”; rerun"))
        elif len(here) != len(let_in):
            found = f"{len(here)} staged, {len(there)} landed, {left_out} left out by “{rule.name}”"
            offences.append(Offence(day, found))
        elif here.sort() != let_in.sort():
            found = f"{pc.sum(here)} pieces staged, {pc.sum(let_in)} pieces landed and let in by “{rule.name}”"
            offences.append(Offence(day, found))
    result = verdict(offences, looked_at=made.looked_at, overtaken=made.overtaken)
    return result._replace(metadata={**result.metadata, "left_out_by_rule": dg.MetadataValue.json(left_out_by)})


@dg.asset_check(asset=classified_reviews, blocking=True)
def classified_equal_landed(
    context: dg.AssetCheckExecutionContext, lake: dg.ResourceParam[Lake]
) -> dg.AssetCheckResult:
    """Every landed review has one verdict. Blocks."""
    made = _Made(lake.dataset(CLASSIFIED_REVIEWS), lake.dataset(RAW_REVIEWS), days_under_check(context))
    offences = list(made.of_nothing)
    for day, (manifest, landed) in made.pairs.items():
        verdicts, reviews = review_keys(made.dataset, manifest), review_keys(made.upstream, landed)
        without, surplus = (reviews - verdicts).total(), (verdicts - reviews).total()
        if without or surplus:
            found = f"{verdicts.total()} classified, {reviews.total()} landed; {without} without a verdict, "
            offences.append(Offence(day, f"{found}{surplus} verdicts too many"))
    return verdict(offences, looked_at=made.looked_at, overtaken=made.overtaken)


@dg.asset_check(asset=classified_reviews)
def share_of_positive_reviews_is_in_its_band(
    context: dg.AssetCheckExecutionContext, lake: dg.ResourceParam[Lake]
) -> dg.AssetCheckResult:
    """The share of positive reviews is about what it was in the four weeks before. Warns."""
    dataset, days = lake.dataset(CLASSIFIED_REVIEWS), days_under_check(context)
    manifests = dataset.manifests(days_before(days, BAND_DAYS))
    counts = {}
    for day, manifest in manifests.items():
        verdicts = [batch["positive_review"] for batch in columns_of(dataset, manifest, "positive_review")]
        counts[day] = (sum(pc.sum(batch).as_py() or 0 for batch in verdicts), sum(map(len, verdicts)))
    there = [day for day in days if day in counts]
    return verdict(unusual_shares(counts, there), looked_at=len(there), severity=dg.AssetCheckSeverity.WARN)


def _quantities(dataset: Dataset, manifest: Manifest) -> pa.Array:
    # Wide, whatever the file has: its type is for another check to judge.
    batches = [batch["quantity"].cast(pa.int64()) for batch in columns_of(dataset, manifest, "quantity")]
    return pa.concat_arrays([pa.array([], pa.int64()), *batches])


class _Made:
    """Days of a data set, each with the upstream batch that it was made of, be that still in force or not."""

    def __init__(self, dataset: Dataset, upstream: Dataset, days: Sequence[date]) -> None:
        self.dataset, self.upstream = dataset, upstream
        self.pairs: dict[date, tuple[Manifest, Manifest]] = {}
        self.of_nothing: list[Offence] = []
        self.overtaken: list[Offence] = []
        manifests = dataset.manifests(days)
        self.looked_at = len(manifests)
        in_force = upstream.manifests(list(manifests))
        for day, manifest in manifests.items():
            batch = manifest.sources[0].version if manifest.sources else "none"
            newer = in_force[day].batch_id if day in in_force else "none"
            if (made_of := upstream.batch(day, batch)) is None:
                self.of_nothing.append(Offence(day, f"made of batch {batch}, which the lake does not have; rerun"))
                continue
            self.pairs[day] = (manifest, made_of)
            if batch != newer:
                self.overtaken.append(Offence(day, f"made of batch {batch}, in force is {newer}; rerun the day"))


STAGING_CHECKS = [
    lake_days_are_published(staged_purchases, STAGED_PURCHASES),
    rows_fit_their_schema(staged_purchases, STAGED_PURCHASES, in_day="invoice_date"),
    staged_equal_landed_less_left_out_by_the_rule,
    lake_days_are_published(classified_reviews, CLASSIFIED_REVIEWS),
    rows_fit_their_schema(classified_reviews, CLASSIFIED_REVIEWS),
    classified_equal_landed,
    share_of_positive_reviews_is_in_its_band,
]
