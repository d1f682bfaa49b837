"""Stage landing: what the sources have, in the lake, unfiltered and typed."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date, datetime, time
from functools import partial
from inspect import getsource

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from user_behaviour.assets.declaration import declared
from user_behaviour.assets.sources import delivery, files_can_be_taken, movie_review_file, record_at_once, user_purchase
from user_behaviour.deployments import settings
from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.held_back import HeldBackError
from user_behaviour.lake.lake import Lake
from user_behaviour.lake.read_ahead import ReadAhead
from user_behaviour.partitions import existing_days
from user_behaviour.recipes import Closing, DayBatch, LakeRecipe, PerDay, SparkFiles
from user_behaviour.source.database import Snapshot, SourceDatabase, values_of
from user_behaviour.spark.spark import SparkRunner
from user_behaviour.tables.days import DayRange, days_of
from user_behaviour.tables.schemas import RAW_PURCHASES, RAW_REVIEWS
from user_behaviour.tables.statements import statement
from user_behaviour.vendor import review_file
from user_behaviour.vendor.deliveries import new_files, objections
from user_behaviour.vendor.drop import VendorDrop
from user_behaviour.vendor.file_name import day_of
from user_behaviour.vendor.landing import ReviewLanding
from user_behaviour.vendor.originals import ORIGINALS

GROUP = "landing"
LINES_AT_ONCE = 40_000  # of days that are read together; a block of COPY holds as many
LANDING_PROGRAM = "land_reviews.py"


@dg.asset(
    deps=[user_purchase],
    group_name=GROUP,
    kinds={"parquet", "sql"},
    io_manager_key="lake_io_manager",
    pool="source",
    **declared(RAW_PURCHASES, made_by=statement("landing/raw_purchases.sql")),
)
def raw_purchases(context: dg.AssetExecutionContext, source: SourceDatabase) -> PerDay:
    """A row is a purchase line of the day, as the source has it: nothing is filtered, all days are of one snapshot."""
    return PerDay(_purchases(source, days_of(context.partition_keys)), may_shrink=False)


class ReviewLimits(dg.Config):
    """What a day's vendor files may be like; the defaults are the deployment's settings."""

    bad_row_share: float = Field(
        default=settings().bad_row_share,
        ge=0,
        le=1,
        description="The share of a day's rows that may be bad before the day is held back.",
    )
    file_bytes: int = Field(
        default=settings().file_bytes, ge=1, description="The size of the largest file, unpacked, in bytes."
    )


@dg.asset(
    deps=[movie_review_file],
    group_name=GROUP,
    kinds={"parquet", "python"},
    io_manager_key="lake_io_manager",
    **declared(RAW_REVIEWS, made_by=getsource(review_file)),
)
def raw_reviews(
    context: dg.AssetExecutionContext, config: ReviewLimits, vendor_drop: VendorDrop, lake: Lake, spark: SparkRunner
) -> LakeRecipe:
    """A row is a review of the day's vendor files, parsed and typed; the originals are kept, bad rows quarantined."""
    dataset, days = lake.dataset(RAW_REVIEWS), days_of(context.partition_keys)
    _record_drop(context, vendor_drop, dataset)
    landing = ReviewLanding(vendor_drop, dataset, bad_row_share=config.bad_row_share, file_bytes=config.file_bytes)
    if not spark.is_elsewhere:
        return PerDay(landing.days(days), may_shrink=False)
    run = partial(spark.run, LANDING_PROGRAM, modules=[review_file.__file__])
    return SparkFiles(ORIGINALS, lake.uri(ORIGINALS), landing.spark_days(days), run, may_shrink=False)


def lines_in_source(shop: Snapshot, days: Sequence[date]) -> dict[date, int]:
    """How many purchase lines the shop has of each day that has any, from the first of the days to the last."""
    return dict(shop.rows(statement("landing/source_counts.sql"), moments(DayRange(min(days), max(days)))))


def _record_drop(context: dg.AssetExecutionContext, drop: VendorDrop, dataset: Dataset) -> None:
    """On the vendor's asset: whether all files of the drop can be taken, and the new ones of the run's days."""
    context.log_event(files_can_be_taken(objections(drop.names(), drop.unusable(), existing_days())))
    days = days_of(context.partition_keys)
    new = new_files(drop.files(lambda name: day_of(name) in days), dataset.manifests(days))
    record_at_once(context, [delivery(day, new[day], drop.uri()) for day in days if day in new])


def _purchases(source: SourceDatabase, days: Sequence[date]) -> Iterator[DayBatch]:
    with source.snapshot() as shop:
        counts = lines_in_source(shop, days)
        purchases = _Purchases(shop, spans_of_lines(days, counts, LINES_AT_ONCE))

        def read(day: date) -> Iterator[pa.RecordBatch | Closing]:
            yield from purchases.of(day)
            yield Closing(facts={"rows_in_source": counts.get(day, 0)})

        with closing(ReadAhead(days, read)) as rows:
            for day in days:
                yield DayBatch(day, shop.as_of, rows.of(day))


class _Purchases:
    """The lines of the shop by day; days of few lines are read together, unless one of them has a value that is none.

    A query a day costs more than the lines of a small one.
    """

    def __init__(self, shop: Snapshot, spans: Sequence[DayRange]) -> None:
        self._shop = shop
        self._spans = {span.first: span for span in spans}
        self._together: list[pa.RecordBatch] = []
        self._until = date.min

    def of(self, day: date) -> Iterator[pa.RecordBatch]:
        span = self._spans.get(day)
        if span and span.last > day:
            try:
                self._together, self._until = list(self._read(span)), span.last
            except HeldBackError:
                self._until = date.min  # each by itself, so that the others are landed
        if day > self._until:
            yield from self._read(DayRange(day, day))
            return
        for batch in self._together:
            lines = batch.filter(pc.equal(batch["invoice_date"].cast(pa.date32(), safe=False), pa.scalar(day)))
            if lines.num_rows:
                yield lines

    def _read(self, days: DayRange) -> Iterator[pa.RecordBatch]:
        schema = RAW_PURCHASES.without("batch_id").arrow_schema()
        with values_of(f"retail.user_purchase, {days.first}"):
            yield from self._shop.stream(statement("landing/raw_purchases.sql"), moments(days), schema)


def spans_of_lines(days: Sequence[date], counts: Mapping[date, int], most: int) -> list[DayRange]:
    """The days as ranges of at most so many lines, or of one day."""
    spans: list[DayRange] = []
    lines = 0
    for day in days:
        lines += counts.get(day, 0)
        if spans and spans[-1].end == day and lines <= most:
            spans[-1] = DayRange(spans[-1].first, day)
        else:
            spans.append(DayRange(day, day))
            lines = counts.get(day, 0)
    return spans


def moments(span: DayRange) -> Mapping[str, datetime]:
    """The half-open UTC range of the days, as parameters of the statements of this stage."""
    return {
        "first_moment": datetime.combine(span.first, time()),
        "end_moment": datetime.combine(span.end, time()),
    }
