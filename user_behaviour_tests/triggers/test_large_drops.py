"""A drop of more than a page: a file of any age is found within a round, and no tick costs more for what else is there.

A page ends before the day that it may be in the midst of: of four files here, and so of three days of a file each.
"""

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData

from user_behaviour.lake.local import LocalLake
from user_behaviour.lake.manifests import Manifest, Source
from user_behaviour.tables.schemas import RAW_REVIEWS
from user_behaviour.triggers import drop_listing
from user_behaviour.triggers.tick_memory import TickMemory
from user_behaviour.vendor.drop import VendorDrop
from user_behaviour.vendor.file_name import day_of
from user_behaviour.vendor.local import LocalVendorDrop
from user_behaviour.vendor.s3 import S3VendorDrop
from user_behaviour_tests.cloud.moto_server import Cloud, Wsgi
from user_behaviour_tests.cloud.policies import host, refusing
from user_behaviour_tests.triggers.ticks import dates, days_of, tick_of_vendor_files
from user_behaviour_tests.vendor.files import drop_with_queue

OLD = [f"movie_review_2010-12-0{day}.csv" for day in range(1, 9)]  # three pages
LATE = "movie_review_2010-12-02_late.csv"


@dataclass
class Daemon:
    """Evaluates the sensor and saves its cursor. `put` delivers a file."""

    drop: VendorDrop
    put: Callable[[str, bytes], object]
    lake: LocalLake
    cursor: str | None = None

    @property
    def memory(self) -> TickMemory:
        return TickMemory.from_cursor(self.cursor)

    def evaluate(self) -> SensorExecutionData:
        return tick_of_vendor_files(self.drop, self.lake, self.cursor)

    def tick(self) -> list[date]:
        """The days that are requested."""
        result = self.evaluate()
        self.cursor = result.cursor
        return days_of(result)

    def ticks(self, number: int) -> list[date]:
        return [day for _ in range(number) for day in self.tick()]

    def land_all(self) -> None:
        """As the runs do; and all of it is looked at once more."""
        sources: dict[date, list[Source]] = {}
        for file in self.drop.files():
            if day := day_of(file.name):
                sources.setdefault(day, []).append(Source(file.name, file.size, file.version))
        for day, of_day in sources.items():
            self.lake.dataset(RAW_REVIEWS).publish(Manifest("raw_reviews", day, "b", "t", "t", sources=tuple(of_day)))

    def settle(self, pages: int) -> None:
        self.land_all()
        self.cursor = None
        assert self.ticks(pages) == []
        assert (self.memory.position, self.memory.requested) == ("", {})


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drop_listing, "PAGE", 4)


@pytest.fixture
def local(tmp_path: Path, small_pages: None) -> Daemon:
    place = tmp_path / "vendor"
    place.mkdir()
    drop = LocalVendorDrop(directory=str(place))
    return Daemon(drop, lambda name, content: (place / name).write_bytes(content), LocalLake(root=str(tmp_path)))


@pytest.fixture
def bucket(cloud: Cloud, tmp_path: Path, small_pages: None) -> Daemon:
    """With a queue that hears of what comes."""
    drop, s3 = drop_with_queue(cloud), cloud.aws.client("s3")

    def put(name: str, content: bytes) -> None:
        s3.put_object(Bucket=drop.bucket, Key=f"drops/{name}", Body=content)

    return Daemon(drop, put, LocalLake(root=str(tmp_path)))


def deliver(daemon: Daemon, *names: str) -> None:
    for name in names:
        daemon.put(name, name.encode())


def test_a_late_file_of_any_page_is_found_within_a_round_and_requested_once(local: Daemon) -> None:
    deliver(local, *OLD)
    local.settle(3)

    for name in (LATE, "movie_review_2010-12-08_late.csv", "movie_review_2010-12-01_late.csv"):
        deliver(local, name)  # it moves the ends of pages, while the others have been requested and have not landed
        assert local.ticks(6) == [day_of(name)]  # four pages at most, one of them twice, to see it at rest
        assert local.ticks(6) == []


def test_the_days_just_past_are_looked_at_by_each_tick(local: Daemon) -> None:
    deliver(local, *OLD)
    local.settle(3)
    local.tick()  # the round has begun

    deliver(local, "movie_review_2011-12-09.csv")

    assert local.ticks(2) == dates("2011-12-09")
    assert local.ticks(6) == []


def test_a_day_is_not_cut_by_the_end_of_a_page(local: Daemon) -> None:
    """Of a day in two pages one run would land what the other page still sees growing."""
    third = [OLD[2], "movie_review_2010-12-03_b.csv", "movie_review_2010-12-03_c.csv"]
    deliver(local, OLD[0], OLD[1], *third)  # the page has room for two of the third day's three

    assert local.tick() == []
    assert sorted(local.memory.seen) == OLD[:2]
    assert local.ticks(3) == dates("2010-12-01", "2010-12-02", "2010-12-03")


def test_a_file_that_never_rests_does_not_keep_the_round_from_going_on(local: Daemon) -> None:
    deliver(local, *OLD)
    local.settle(3)
    requested = []
    deliver(local, "movie_review_2010-12-08_late.csv")
    for size in range(1, 9):
        local.put(LATE, bytes(size))
        requested += local.tick()

    assert requested == dates("2010-12-08")


def test_a_page_is_looked_at_until_all_its_days_are_requested(local: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    """Days far apart, a run for each, are more than a tick may request."""
    monkeypatch.setattr(drop_listing, "PAGE", 8)
    names = [f"movie_review_2011-{month:02}-01.csv" for month in range(1, 12)]
    deliver(local, *names)

    # The first page is of seven: seen, and at rest. The second of four.
    assert [len(local.tick()) for _ in range(6)] == [0, 5, 2, 0, 4, 0]


def test_what_is_odd_in_another_page_stays_reported(local: Daemon) -> None:
    deliver(local, "README.txt", *OLD)
    events = []
    for _ in range(8):
        result = local.evaluate()
        local.cursor = result.cursor
        events += result.asset_events
    (Path(local.drop.uri().removeprefix("file://")) / "README.txt").unlink()
    local.ticks(3)

    assert [event.passed for event in events] == [False]  # type: ignore[union-attr]
    assert local.memory.reported == ""


def test_an_event_brings_a_late_file_of_a_large_drop_with_the_tick_after_the_one_that_receives_it(
    bucket: Daemon,
) -> None:
    deliver(bucket, *OLD)
    bucket.settle(3)
    while bucket.memory.receipts or bucket.memory.announced:
        bucket.tick()
    while bucket.memory.position != OLD[2]:  # the page of the late file has gone by
        bucket.tick()
    deliver(bucket, LATE)

    assert bucket.tick() == []
    assert list(bucket.memory.announced) == ["2010-12-02"]
    assert [days_of(bucket.evaluate()) for _ in range(2)] == [dates("2010-12-02")] * 2
    assert bucket.tick() == dates("2010-12-02")
    assert (bucket.ticks(6), bucket.memory.announced, bucket.memory.receipts) == ([], (), ())


def test_a_message_is_deleted_when_the_cursor_that_holds_its_day_was_saved(bucket: Daemon, cloud: Cloud) -> None:
    def kept() -> int:
        name = "ApproximateNumberOfMessagesNotVisible"
        queue = bucket.drop.queue  # type: ignore[attr-defined]
        found = cloud.aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=[name])
        return int(found["Attributes"][name])

    deliver(bucket, LATE)  # beside it there is the message by which S3 tests the queue

    bucket.evaluate()  # the daemon dies before it saves the cursor: both come again when their time is over
    assert (bucket.tick(), kept()) == (dates("2010-12-02"), 2)
    deliver(bucket, OLD[0])
    assert (bucket.tick(), len(bucket.memory.receipts), kept()) == (dates("2010-12-01"), 1, 3)
    bucket.tick()
    assert kept() == 2


@pytest.mark.parametrize("is_there", [True, False], ids=["refuses", "is gone"])
def test_the_listing_goes_on_while_the_queue_cannot_be_used(bucket: Daemon, cloud: Cloud, is_there: bool) -> None:
    deliver(bucket, *OLD)
    if not is_there:
        cloud.aws.client("sqs").delete_queue(QueueUrl=bucket.drop.queue)  # type: ignore[attr-defined]
    with cloud.behind(refusing(host("sqs"), "AccessDenied")):
        assert set(bucket.ticks(4)) == {day_of(name) for name in OLD}


def test_a_tick_costs_the_same_with_10_400_and_3000_files_of_a_year(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By requests to S3, days that the lake is asked about, and memory, while nothing moves; pages of 100.

    Memory without moto's, which is in this process and sorts all of a bucket's keys: S3 answers as it did before.
    """
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    monkeypatch.setattr(drop_listing, "PAGE", 100)
    requests: list[str] = []
    reads: list[str] = []
    answers: dict[str, tuple[tuple[Any, ...], list[bytes]]] = {}

    class CountedLake(LocalLake):
        def read(self, path: str) -> tuple[bytes, str] | None:
            reads.append(path)
            return super().read(path)

    def recorded(application: Wsgi) -> Wsgi:
        def answer(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
            requests.append(asked := environ["PATH_INFO"] + environ["QUERY_STRING"])
            if asked not in answers:
                head: list[tuple[Any, ...]] = []
                body = [*application(environ, lambda *said: head.append(said))]
                answers[asked] = head[0], body
            start_response(*answers[asked][0])
            return answers[asked][1]

        return answer

    def costs(files: int) -> tuple[int, int, int]:
        """Of the second look at the second page, taken twice."""
        bucket = cloud.bucket("vendor")
        for n in range(files):
            name = f"movie_review_{date(2010, 12, 1) + timedelta(days=n % 374)}_{n}.csv"
            s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(bucket, f"in/{name}", b"1")
        drop = S3VendorDrop(aws=cloud.aws, bucket=bucket, prefix="in")
        daemon = Daemon(drop, print, CountedLake(root=str(tmp_path / bucket)))
        daemon.land_all()
        daemon.ticks(2)
        daemon.cursor = replace(daemon.memory, position="").to_cursor()
        assert daemon.tick() == []
        assert days_of(daemon.evaluate()) == []
        requests.clear()
        reads.clear()
        tracemalloc.start()
        assert days_of(daemon.evaluate()) == []
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return len(requests), len(reads), peak

    with cloud.behind(recorded):
        small, large, larger = costs(10), costs(400), costs(3_000)

    assert (small[:2], large[:2], larger[:2]) == ((1, 0), (2, 8), (2, 8))
    assert larger[2] < large[2] * 1.2 < 10_000_000  # bytes
