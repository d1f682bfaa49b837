"""A vendor for tests: files read as rows, or delivered and landed by one asset in a lake of its own."""

import gzip
import io
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import dagster as dg

from user_behaviour.io_managers.lake import LakeIOManager
from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.lake import Lake
from user_behaviour.lake.local import LocalLake
from user_behaviour.lake.manifests import Rejection
from user_behaviour.recipes import PerDay
from user_behaviour.tables.days import DayRange, days_of
from user_behaviour.tables.schemas import RAW_REVIEWS
from user_behaviour.vendor.landing import ReviewLanding
from user_behaviour.vendor.local import LocalVendorDrop
from user_behaviour.vendor.review_file import BadRow, ReviewRow, read_rows
from user_behaviour.vendor.s3 import S3VendorDrop
from user_behaviour_tests.cloud.moto_server import Cloud

D1, D2, D3 = (date(2010, 12, day) for day in (1, 2, 3))
FIRST = "movie_review_2010-12-01.csv"
HEADER = b"cid,review_str\n"
GOOD = HEADER + b"1,good\n2,bad\n"
TORN = gzip.compress(GOOD)[:-10]
BAD_ROW = b"3,good,and more\n"
LANDED = [("1", "good", FIRST, 2), ("2", "bad", FIRST, 3)]


def rows_of(content: bytes, *, max_bytes: int = 64 << 20) -> list[ReviewRow | BadRow]:
    return list(read_rows(io.BufferedReader(io.BytesIO(content)), FIRST, max_bytes=max_bytes))


def drop_with_queue(cloud: Cloud) -> S3VendorDrop:
    """The prefix `drops` of a new bucket, which tells a queue what comes; what was received is hidden for minutes."""
    s3, sqs, name = cloud.aws.client("s3"), cloud.aws.client("sqs"), cloud.bucket("vendor")
    queue = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "600"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    told = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=told)
    return S3VendorDrop(aws=cloud.aws, bucket=name, prefix="drops", queue=queue)


@dataclass
class Vendor:
    """A vendor, the lake, and the one asset that lands the vendor's files."""

    root: Path
    instance: dg.DagsterInstance
    lake: Lake | None = None
    drop: LocalVendorDrop = field(init=False)

    def __post_init__(self) -> None:
        self.drop = LocalVendorDrop(directory=str(self.directory))
        self.directory.mkdir()
        self.lake = self.lake or LocalLake(root=str(self.root / "lake"))

    @property
    def directory(self) -> Path:
        return self.root / "vendor"

    @property
    def dataset(self) -> Dataset:
        assert self.lake
        return self.lake.dataset(RAW_REVIEWS)

    def deliver(self, name: str, content: bytes) -> None:
        (self.directory / f".{name}").write_bytes(content)
        (self.directory / f".{name}").rename(self.directory / name)

    def clear(self, name: str) -> None:
        (self.directory / name).unlink()

    def land(
        self, last: date = D1, *, share: float = 0.5, file_bytes: int = 1 << 20, drop: LocalVendorDrop | None = None
    ) -> set[str]:
        """Lands the days from the first on in one run; the days that were published."""
        landing = ReviewLanding(drop or self.drop, self.dataset, bad_row_share=share, file_bytes=file_bytes)

        @dg.asset(
            io_manager_key="lake",
            partitions_def=dg.DailyPartitionsDefinition("2010-12-01", end_date="2010-12-31"),
            metadata={"dagster/column_schema": RAW_REVIEWS.dagster_schema()},
        )
        def raw_reviews(context: dg.AssetExecutionContext) -> PerDay:
            return PerDay(landing.days(days_of(context.partition_keys)), may_shrink=False)

        result = dg.materialize(
            [raw_reviews],
            resources={"lake": LakeIOManager(lake=self.dataset.lake)},
            instance=self.instance,
            tags=DayRange(D1, last).tags(),
            raise_on_error=False,
        )
        return {event.partition or "" for event in result.get_asset_materialization_events()}

    def rows(self, day: date = D1) -> list[tuple[str, str, str, int]]:
        """Customer, review, file and line of every landed review of a day."""
        found = [row for batch in self.dataset.read(self.dataset.current(day)) for row in batch.to_pylist()]
        return [(row["cid"], row["review_str"], row["source_file"], row["line_number"]) for row in found]

    def rejection(self, day: date = D1) -> Rejection:
        found = self.dataset.rejection(day)
        assert found is not None
        return found
