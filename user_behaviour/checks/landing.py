"""Claims about stage landing: what the sources have is what landed."""

import dagster as dg

from user_behaviour.assets.landing import moments, raw_purchases, raw_reviews
from user_behaviour.checks.every_asset import lake_days_are_published, rows_fit_their_schema, rows_in_files
from user_behaviour.checks.history import WEEKS, days_before, unusual_volumes
from user_behaviour.checks.verdict import Offence, days_under_check, verdict
from user_behaviour.resources.lake import Lake
from user_behaviour.resources.source_database import SourceDatabase
from user_behaviour.schemas import QUARANTINED_REVIEWS, RAW_PURCHASES, RAW_REVIEWS
from user_behaviour.statements import statement
from user_behaviour.tables import Table

WARN = dg.AssetCheckSeverity.WARN


@dg.asset_check(asset=raw_purchases, blocking=True)
def purchases_landed_equal_purchases_in_the_source(
    context: dg.AssetCheckExecutionContext, lake: dg.ResourceParam[Lake], source: dg.ResourceParam[SourceDatabase]
) -> dg.AssetCheckResult:
    """As many purchase lines landed as the source had in the snapshot. Blocks; warns if the source has moved since."""
    days = days_under_check(context)
    dataset = lake.dataset(RAW_PURCHASES)
    manifests = dataset.manifests(days)
    with source.snapshot() as shop:
        now = dict(shop.rows(statement("landing/source_counts.sql"), moments(min(days), max(days))))
    lost, moved = [], []
    for day, manifest in manifests.items():
        landed, then = rows_in_files(dataset, manifest), manifest.facts["rows_in_source"]
        if landed != then:
            lost.append(Offence(day, f"{landed} lines landed, {then} were in the source"))
        elif landed != now.get(day, 0):
            moved.append(Offence(day, f"{landed} lines landed, the source has {now.get(day, 0)} by now; rerun the day"))
    if moved and not lost:
        return verdict(moved, looked_at=len(manifests), severity=WARN)
    return verdict(lost, looked_at=len(manifests))


@dg.asset_check(asset=raw_reviews, blocking=True)
def reviews_in_files_equal_landed_and_quarantined(
    context: dg.AssetCheckExecutionContext, lake: dg.ResourceParam[Lake]
) -> dg.AssetCheckResult:
    """Every row of the vendor's files landed or is in quarantine, and none is twice. Blocks."""
    dataset = lake.dataset(RAW_REVIEWS)
    manifests = dataset.manifests(days_under_check(context))
    offences = []
    for day, manifest in manifests.items():
        quarantine = dataset.quarantine(manifest)
        keys = [
            (source, line)
            for batch in dataset.read(manifest)
            for source, line in zip(batch["source_file"].to_pylist(), batch["line_number"].to_pylist(), strict=True)
        ]
        bad = quarantine.num_rows if quarantine is not None else 0
        if len(keys) + bad != manifest.facts["rows_in_files"]:
            found = f"{len(keys)} landed + {bad} quarantined, {manifest.facts['rows_in_files']} rows in the files"
            offences.append(Offence(day, found))
        if len(set(keys)) != len(keys):
            offences.append(Offence(day, f"{len(keys) - len(set(keys))} reviews stand twice"))
    return verdict(offences, looked_at=len(manifests))


@dg.asset_check(asset=raw_reviews)
def quarantine_is_empty(context: dg.AssetCheckExecutionContext, lake: dg.ResourceParam[Lake]) -> dg.AssetCheckResult:
    """No row of the vendor's files had to be quarantined. Warns, with file, line and reason."""
    dataset = lake.dataset(RAW_REVIEWS)
    manifests = dataset.manifests(days_under_check(context))
    columns = [QUARANTINED_REVIEWS.columns[i].name for i in range(3)]
    offences = [
        Offence(day, "{source_file}, line {line_number}: {reason}".format(**row))
        for day, manifest in manifests.items()
        if manifest.facts["rows_quarantined"] and (rows := dataset.quarantine(manifest)) is not None
        for row in rows.select(columns).to_pylist()
    ]
    return verdict(offences, looked_at=len(manifests), severity=WARN)


@dg.asset_check(asset=raw_reviews)
def trading_days_have_a_vendor_file(
    context: dg.AssetCheckExecutionContext, lake: dg.ResourceParam[Lake], source: dg.ResourceParam[SourceDatabase]
) -> dg.AssetCheckResult:
    """The vendor delivered for every day on which the shop sold. Warns."""
    days = days_under_check(context)
    with source.snapshot() as shop:
        sold = dict(shop.rows(statement("landing/source_counts.sql"), moments(min(days), max(days))))
    manifests = lake.dataset(RAW_REVIEWS).manifests(days)
    offences = [
        Offence(day, f"no vendor file, and {sold[day]} purchase lines")
        for day, manifest in manifests.items()
        if day in sold and not manifest.sources
    ]
    return verdict(offences, looked_at=len(manifests), severity=WARN)


def volume_is_usual(asset: dg.AssetsDefinition, table: Table) -> dg.AssetChecksDefinition:
    """A day has about as many rows as the same weekday in the weeks before."""

    @dg.asset_check(
        asset=asset,
        name="volume_is_usual_for_the_weekday",
        description="About as many rows as the same weekday had in the weeks before. Warns.",
    )
    def volume_is_usual_for_the_weekday(
        context: dg.AssetCheckExecutionContext, lake: dg.ResourceParam[Lake]
    ) -> dg.AssetCheckResult:
        days = days_under_check(context)
        rows = {day: m.rows for day, m in lake.dataset(table).manifests(days_before(days, 7 * WEEKS)).items()}
        there = [day for day in days if day in rows]
        return verdict(unusual_volumes(rows, there), looked_at=len(there), severity=WARN)

    return volume_is_usual_for_the_weekday


LANDING_CHECKS = [
    lake_days_are_published(raw_purchases, RAW_PURCHASES),
    rows_fit_their_schema(raw_purchases, RAW_PURCHASES, in_day="invoice_date"),
    purchases_landed_equal_purchases_in_the_source,
    volume_is_usual(raw_purchases, RAW_PURCHASES),
    lake_days_are_published(raw_reviews, RAW_REVIEWS),
    rows_fit_their_schema(raw_reviews, RAW_REVIEWS),
    reviews_in_files_equal_landed_and_quarantined,
    quarantine_is_empty,
    trading_days_have_a_vendor_file,
    volume_is_usual(raw_reviews, RAW_REVIEWS),
]
