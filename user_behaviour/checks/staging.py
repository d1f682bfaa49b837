"""Claims about stage staging: what was left out is what the rule leaves out, and every review has its verdict."""

import dagster as dg
import pyarrow.compute as pc

from user_behaviour.assets.staging import classified_reviews, staged_purchases
from user_behaviour.checks.every_asset import lake_days_are_published, rows_fit_their_schema, rows_in_files
from user_behaviour.checks.history import BAND_DAYS, days_before, unusual_shares
from user_behaviour.checks.verdict import Offence, days_under_check, verdict
from user_behaviour.manifests import Manifest
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
    raw, staged = lake.dataset(RAW_PURCHASES), lake.dataset(STAGED_PURCHASES)
    manifests = staged.manifests(days_under_check(context))
    landed = raw.manifests(list(manifests))
    offences, left_out_by = [], dict[str, int]()
    for day, manifest in manifests.items():
        rule = quantity_rules.in_force(day)
        if found := _not_made_of(manifest, landed.get(day)):
            offences.append(Offence(day, found))
            continue
        left_out = sum(
            batch.num_rows - (pc.sum(pc.greater(batch["quantity"], rule.more_than)).as_py() or 0)
            for batch in raw.read(landed[day])
        )
        left_out_by[rule.name] = left_out_by.get(rule.name, 0) + left_out
        rows = rows_in_files(staged, manifest)
        if manifest.facts["rule"] != rule.name:
            offences.append(Offence(day, f"staged by “{manifest.facts['rule']}”, in force is “{rule.name}”; rerun"))
        elif rows != landed[day].rows - left_out:
            found = f"{rows} staged, {landed[day].rows} landed, {left_out} left out by “{rule.name}”"
            offences.append(Offence(day, found))
    result = verdict(offences, looked_at=len(manifests))
    return result._replace(metadata={**result.metadata, "left_out_by_rule": dg.MetadataValue.json(left_out_by)})


@dg.asset_check(asset=classified_reviews, blocking=True)
def classified_equal_landed(
    context: dg.AssetCheckExecutionContext, lake: dg.ResourceParam[Lake]
) -> dg.AssetCheckResult:
    """Every landed review has one verdict. Blocks."""
    classified = lake.dataset(CLASSIFIED_REVIEWS)
    manifests = classified.manifests(days_under_check(context))
    landed = lake.dataset(RAW_REVIEWS).manifests(list(manifests))
    offences = []
    for day, manifest in manifests.items():
        if found := _not_made_of(manifest, landed.get(day)):
            offences.append(Offence(day, found))
        elif (rows := rows_in_files(classified, manifest)) != landed[day].rows:
            offences.append(Offence(day, f"{rows} classified, {landed[day].rows} landed"))
    return verdict(offences, looked_at=len(manifests))


@dg.asset_check(asset=classified_reviews)
def share_of_positive_reviews_is_in_its_band(
    context: dg.AssetCheckExecutionContext, lake: dg.ResourceParam[Lake]
) -> dg.AssetCheckResult:
    """The share of positive reviews is about what it was in the four weeks before. Warns."""
    dataset, days = lake.dataset(CLASSIFIED_REVIEWS), days_under_check(context)
    manifests = dataset.manifests(days_before(days, BAND_DAYS))
    counts = {}
    for day, manifest in manifests.items():
        positive = sum(pc.sum(batch["positive_review"]).as_py() or 0 for batch in dataset.read(manifest))
        counts[day] = (positive, manifest.rows)
    there = [day for day in days if day in counts]
    return verdict(unusual_shares(counts, there), looked_at=len(there), severity=dg.AssetCheckSeverity.WARN)


def _not_made_of(manifest: Manifest, upstream: Manifest | None) -> str | None:
    """What is wrong with the batch that a partition was made of; None if it is the one in force."""
    batch = manifest.sources[0].version if manifest.sources else None
    if upstream is None or batch != upstream.batch_id:
        in_force = upstream.batch_id if upstream else "none"
        return f"made of batch {batch}, in force is {in_force}; rerun the day"
    return None


STAGING_CHECKS = [
    lake_days_are_published(staged_purchases, STAGED_PURCHASES),
    rows_fit_their_schema(staged_purchases, STAGED_PURCHASES, in_day="invoice_date"),
    staged_equal_landed_less_left_out_by_the_rule,
    lake_days_are_published(classified_reviews, CLASSIFIED_REVIEWS),
    rows_fit_their_schema(classified_reviews, CLASSIFIED_REVIEWS),
    classified_equal_landed,
    share_of_positive_reviews_is_in_its_band,
]
