"""Stage landing: what the sources have, in the lake, unfiltered and typed."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from inspect import getsource

import dagster as dg
import pyarrow as pa
from pydantic import Field

from user_behaviour.assets.declaration import declared
from user_behaviour.assets.sources import delivery, files_can_be_taken, movie_review_file, record_at_once, user_purchase
from user_behaviour.deployments import settings
from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.lake import Lake
from user_behaviour.partitions import existing_days
from user_behaviour.recipes import Closing, DayBatch, PerDay
from user_behaviour.source.database import Snapshot, SourceDatabase, values_of
from user_behaviour.tables.days import DayRange, days_of
from user_behaviour.tables.schemas import RAW_PURCHASES, RAW_REVIEWS
from user_behaviour.tables.statements import statement
from user_behaviour.vendor import lines, reviews
from user_behaviour.vendor.deliveries import new_files, objections
from user_behaviour.vendor.drop import VendorDrop
from user_behaviour.vendor.landing import ReviewLanding
from user_behaviour.vendor.reviews import day_of

GROUP = "landing"


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
    **declared(RAW_REVIEWS, made_by=getsource(lines) + getsource(reviews)),
)
def raw_reviews(context: dg.AssetExecutionContext, config: ReviewLimits, vendor_drop: VendorDrop, lake: Lake) -> PerDay:
    """A row is a review of the day's vendor files, parsed and typed; the originals are kept, bad rows quarantined."""
    dataset = lake.dataset(RAW_REVIEWS)
    _record_drop(context, vendor_drop, dataset)
    landing = ReviewLanding(vendor_drop, dataset, bad_row_share=config.bad_row_share, file_bytes=config.file_bytes)
    return PerDay(landing.days(days_of(context.partition_keys)), may_shrink=False)


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
        for day in days:
            yield DayBatch(day, shop.as_of, _purchases_of(shop, day, counts.get(day, 0)))


def _purchases_of(shop: Snapshot, day: date, count: int) -> Iterator[pa.RecordBatch | Closing]:
    schema = RAW_PURCHASES.without("batch_id").arrow_schema()
    with values_of(f"retail.user_purchase, {day}"):
        yield from shop.stream(statement("landing/raw_purchases.sql"), moments(DayRange(day, day)), schema)
    yield Closing(facts={"rows_in_source": count})


def moments(span: DayRange) -> Mapping[str, datetime]:
    """The half-open UTC range of the days, as parameters of the statements of this stage."""
    return {
        "first_moment": datetime.combine(span.first, time()),
        "end_moment": datetime.combine(span.end, time()),
    }
