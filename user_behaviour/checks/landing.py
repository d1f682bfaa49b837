"""Claims about stage landing: what the sources have is what landed."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from functools import partial

import dagster as dg

from user_behaviour.assets.landing import lines_in_source, raw_purchases, raw_reviews
from user_behaviour.checks.every_asset import (
    changed_files,
    every_day_is_published,
    of_each_day,
    offences_of_each_day,
    rows_fit_their_schema,
    rows_in_files,
)
from user_behaviour.checks.history import WEEKS, days_before, unusual_volumes
from user_behaviour.checks.result import SAMPLE, Offence, days_under_check, fail_run
from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.lake import Lake
from user_behaviour.lake.manifests import Manifest, Rejection, Source, lies_ahead
from user_behaviour.source.database import SourceDatabase
from user_behaviour.tables.schemas import RAW_PURCHASES, RAW_REVIEWS
from user_behaviour.tables.table import Table

WARN = dg.AssetCheckSeverity.WARN


@dg.asset_check(asset=raw_purchases, blocking=True)
def purchases_landed_equal_purchases_in_the_source(
    context: dg.AssetCheckExecutionContext, lake: Lake, source: SourceDatabase
) -> dg.AssetCheckResult:
    """As many purchase lines landed as the source had in the snapshot. Blocks; warns if the source has moved since."""
    under_check = days_under_check(context)
    dataset = lake.dataset(RAW_PURCHASES)
    manifests = dataset.manifests(under_check.days)
    with source.snapshot() as shop:
        now = lines_in_source(shop, under_check.days)
    lost, moved = [], []
    for day, landed in of_each_day(dataset, manifests, partial(rows_in_files, dataset)).items():
        if landed != (then := manifests[day].facts["rows_in_source"]):
            lost.append(Offence(day, f"{landed} lines landed, {then} were in the source"))
        elif landed != now.get(day, 0):
            moved.append(Offence(day, f"{landed} lines landed, the source has {now.get(day, 0)} by now; rerun the day"))
    return under_check.result(lost, looked_at=manifests, overtaken=moved)


@dg.asset_check(asset=raw_reviews, blocking=True)
def reviews_in_files_equal_landed_and_quarantined(
    context: dg.AssetCheckExecutionContext, lake: Lake
) -> dg.AssetCheckResult:
    """As many rows landed or are in quarantine as were counted in the vendor's files. Blocks.

    The files of the batch are as they were written, and the originals are there. Of a day that is held back, an older
    batch is in force: what is wrong with that warns, and keeps no other day from going on.
    """
    under_check = days_under_check(context)
    dataset = lake.dataset(RAW_REVIEWS)
    manifests = dataset.manifests(under_check.days)
    offences = offences_of_each_day(dataset, manifests, partial(_unaccounted, dataset))
    held_back = {day for day in {offence.day for offence in offences} if dataset.rejection(day)}
    return under_check.result(
        [offence for offence in offences if offence.day not in held_back],
        looked_at=manifests,
        overtaken=[offence for offence in offences if offence.day in held_back],
    )


def _unaccounted(dataset: Dataset, manifest: Manifest) -> Iterator[str]:
    landed, in_files = rows_in_files(dataset, manifest), manifest.facts["rows_in_files"]
    quarantined = dataset.quarantined_rows(manifest)
    if landed + quarantined != in_files:
        yield f"{landed} landed + {quarantined} quarantined, {in_files} rows in the files"
    yield from changed_files(dataset, manifest)
    kept = dataset.lake.filesystem().get_file_info([source.kept_at for source in manifest.sources])
    for source, found in zip(manifest.sources, kept, strict=True):
        if found.size != source.size:
            what = "is gone" if found.size is None else f"has {found.size} bytes, {source.size} were delivered"
            yield f"the original of {source.name}, {dataset.lake.uri(source.kept_at)}, {what}"


@dg.asset_check(asset=raw_reviews)
def quarantine_is_empty(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """No row of the vendor's files, be their day published or held back, had to be quarantined. Warns, with reasons."""
    under_check = days_under_check(context)
    dataset = lake.dataset(RAW_REVIEWS)
    manifests = dataset.manifests(under_check.days)
    rejected = of_each_day(dataset, {day: day for day in under_check.days}, dataset.rejection)
    judged = manifests | {day: rejection for day, rejection in rejected.items() if rejection}
    offences = offences_of_each_day(dataset, judged, partial(_quarantined, dataset))
    return under_check.result(offences, looked_at=judged, severity=WARN)


def _quarantined(dataset: Dataset, judged: Manifest | Rejection) -> Iterator[str]:
    """What is wrong with the first rows, how many more there are, and whether the manifest knows of all."""
    found = 0
    # Never `raw`: what is wrong with a row may be said in a log, its content may not.
    for batch in dataset.quarantine(judged, "source_file", "line_number", "reason"):
        for row in batch.slice(0, max(0, SAMPLE - found)).to_pylist():
            yield "{source_file}, line {line_number}: {reason}".format_map(row)
        found += batch.num_rows
    if found > SAMPLE:
        yield f"{found - SAMPLE} more rows in quarantine"
    if isinstance(judged, Manifest) and found != (said := judged.facts["rows_quarantined"]):
        yield f"{found} rows in quarantine, the manifest says {said}"


@dg.asset_check(asset=raw_reviews)
def no_two_files_of_a_day_are_the_same(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """No file of a day has the bytes of another one, whose reviews it would count twice. Warns, and names both."""
    under_check = days_under_check(context)
    dataset = lake.dataset(RAW_REVIEWS)
    manifests = dataset.manifests(under_check.days)
    offences = offences_of_each_day(dataset, manifests, partial(_copies, dataset))
    return under_check.result(offences, looked_at=manifests, severity=WARN)


def _copies(dataset: Dataset, manifest: Manifest) -> Iterator[str]:
    sizes, names = Counter(source.size for source in manifest.sources), dict[bytes, str]()
    for source in (source for source in manifest.sources if sizes[source.size] > 1):
        try:
            digest = _digest(dataset, source)
        except FileNotFoundError as error:
            yield f"an original cannot be read: {error}"
            continue
        if (name := names.setdefault(digest, source.name)) != source.name:
            yield f"{source.name} has the same bytes as {name}; if one is too many, deliver it with the header alone"


def _digest(dataset: Dataset, source: Source) -> bytes:
    digest = hashlib.sha256()
    with dataset.lake.open(source.kept_at) as original:
        while content := original.read(1 << 20):
            digest.update(content)
    return digest.digest()


@dg.asset_check(asset=raw_reviews)
def trading_days_have_a_vendor_file(
    context: dg.AssetCheckExecutionContext, lake: Lake, source: SourceDatabase
) -> dg.AssetCheckResult:
    """The vendor delivered for every day on which the shop sold. Warns."""
    under_check = days_under_check(context)
    with source.snapshot() as shop:
        sold = lines_in_source(shop, under_check.days)
    manifests = lake.dataset(RAW_REVIEWS).manifests(under_check.days)
    offences = [
        Offence(day, f"no vendor file, and {sold[day]} purchase lines")
        for day, manifest in manifests.items()
        if day in sold and not manifest.sources
    ]
    return under_check.result(offences, looked_at=manifests, severity=WARN)


def volume_is_usual(asset: dg.AssetsDefinition, table: Table) -> dg.AssetChecksDefinition:
    """A day has about as many rows as the same weekday in the weeks before."""

    @dg.asset_check(
        asset=asset,
        name="volume_is_usual_for_the_weekday",
        description="About as many rows as the same weekday had in the weeks before. Warns.",
    )
    def volume_is_usual_for_the_weekday(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
        under_check = days_under_check(context)
        past = days_before(under_check.days, 7 * WEEKS)
        rows = {day: manifest.rows for day, manifest in lake.dataset(table).manifests(past).items()}
        there = [day for day in under_check.days if day in rows]
        return under_check.result(unusual_volumes(rows, there), looked_at=there, severity=WARN)

    return volume_is_usual_for_the_weekday


def no_view_of_the_future(asset: dg.AssetsDefinition, table: Table) -> dg.AssetChecksDefinition:
    """No batch in force shows its source as of a moment that has not come: a clock was ahead when it landed."""

    @dg.asset_check(  # type: ignore[arg-type]
        asset=asset,
        name="no_batch_is_of_the_future",
        description="No batch in force shows its source as of a moment that has not come. Fails the run, but blocks "
        "nothing: set the clock, and run the day again.",
    )
    def check(context: dg.AssetCheckExecutionContext, lake: Lake) -> Iterator[dg.AssetCheckResult]:
        dataset = lake.dataset(table)
        # All days: while the clock is ahead nothing is seen of it, and afterwards no run may come to the day again.
        under_check = days_under_check(context, standing=dataset.days)
        manifests = dataset.manifests(under_check.days)
        offences = [
            Offence(
                day,
                f"batch {manifest.batch_id} is as of {manifest.as_of}, which has not come; set the clock that "
                "was ahead, and run the day again",
            )
            for day, manifest in manifests.items()
            if lies_ahead(manifest.as_of)
        ]
        result = under_check.result(offences, looked_at=manifests, standing=dg.AssetCheckSeverity.ERROR)
        yield from fail_run(result, fails=under_check.fails(offences))

    return check


LANDING_CHECKS = [
    every_day_is_published(raw_purchases, RAW_PURCHASES, kept_in="lake"),
    rows_fit_their_schema(raw_purchases, RAW_PURCHASES, in_day="invoice_date"),
    purchases_landed_equal_purchases_in_the_source,
    volume_is_usual(raw_purchases, RAW_PURCHASES),
    no_view_of_the_future(raw_purchases, RAW_PURCHASES),
    every_day_is_published(raw_reviews, RAW_REVIEWS, kept_in="lake"),
    rows_fit_their_schema(raw_reviews, RAW_REVIEWS),
    reviews_in_files_equal_landed_and_quarantined,
    quarantine_is_empty,
    no_two_files_of_a_day_are_the_same,
    trading_days_have_a_vendor_file,
    volume_is_usual(raw_reviews, RAW_REVIEWS),
    no_view_of_the_future(raw_reviews, RAW_REVIEWS),
]
