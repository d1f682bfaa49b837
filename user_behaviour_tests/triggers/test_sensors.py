"""The sensor of the vendor's files, evaluated as the daemon does, on a real drop; its bare logic is in vendor_watch."""

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData

from user_behaviour.definitions import defs
from user_behaviour.lake.local import LocalLake
from user_behaviour.lake.manifests import Manifest, Source
from user_behaviour.tables.schemas import RAW_REVIEWS
from user_behaviour.vendor.local import LocalVendorDrop
from user_behaviour_tests.triggers.ticks import dates, days_of, tick_of_vendor_files

DAY = date(2010, 12, 1)
SAME_SECOND = 1_291_161_600_000_000_000  # 2010-12-01 00:00:00 UTC, in nanoseconds
HEADER = "cid,review_str\n"
FILES_CHECK = dg.AssetCheckKey(dg.AssetKey(["vendor", "movie_review_file"]), "every_file_can_be_taken")


@dataclass
class Vendor:
    """The vendor, and a daemon that looks at its drop; `cursor` is what the daemon saved last."""

    directory: Path
    cursor: str | None = None
    instance: dg.DagsterInstance = field(default_factory=dg.DagsterInstance.ephemeral)

    @property
    def lake(self) -> LocalLake:
        return LocalLake(root=f"{self.directory}-lake")

    def drops(self, name: str, content: str = f"{HEADER}1,good\n", *, at: int = SAME_SECOND) -> None:
        path = self.directory / name
        path.write_text(content)
        os.utime(path, ns=(at, at))

    def evaluate(self) -> SensorExecutionData:
        drop = LocalVendorDrop(directory=str(self.directory))
        return tick_of_vendor_files(drop, self.lake, self.cursor, instance=self.instance)

    def tick(self) -> SensorExecutionData:
        """One tick of the daemon: evaluated, and its cursor saved."""
        result = self.evaluate()
        self.cursor = result.cursor
        return result

    def requested(self) -> list[date]:
        """The days of the runs of the next two ticks: at the first a file is seen, at the second seen to rest."""
        return days_of(self.tick()) + days_of(self.tick())


@pytest.fixture
def vendor(tmp_path: Path) -> Vendor:
    return Vendor(tmp_path)


def test_a_home_of_0_2_0_lands_nothing_again(vendor: Vendor) -> None:
    """It knew a file by modification time, size and inode; its own words for a landed one are written out here."""
    vendor.drops("movie_review_2010-12-01.csv")
    status = (vendor.directory / "movie_review_2010-12-01.csv").stat()
    version = f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"
    source = Source("movie_review_2010-12-01.csv", status.st_size, version)
    vendor.lake.dataset(RAW_REVIEWS).publish(Manifest("raw_reviews", DAY, "b", "t", "t", sources=(source,)))
    requested = {"movie_review_2010-12-01.csv": "136f84488998"}
    vendor.cursor = json.dumps({"serial": 1, "requested": requested, "seen": {}, "reported": []})

    assert vendor.requested() == []
    vendor.drops("movie_review_2010-12-01.csv", f"{HEADER}1,other\n")
    assert vendor.requested() == dates("2010-12-01")


def test_300_files_at_once_become_one_run_that_covers_every_day_once(vendor: Vendor) -> None:
    trading = [day for n in range(349) if (day := date(2010, 12, 1) + timedelta(days=n)).isoweekday() != 6]
    for day in trading[:300]:
        vendor.drops(f"movie_review_{day}.csv")

    first, second, third = vendor.tick(), vendor.tick(), vendor.tick()

    assert not first.run_requests
    assert len(second.run_requests or ()) == 1
    covered = Counter(days_of(second))
    assert set(covered.values()) == {1}
    assert set(trading[:300]) <= set(covered)
    assert not third.run_requests


@pytest.mark.parametrize(
    ("name", "content", "at", "day"),
    [
        ("movie_review_2010-12-02.csv", "1,good", SAME_SECOND + 1, "2010-12-02"),
        ("movie_review_2010-12-01_late.csv", "1,good", SAME_SECOND - 86_400_000_000_000, "2010-12-01"),
        ("movie_review_2011-12-09.csv", "1,bad!", SAME_SECOND + 1, "2011-12-09"),
    ],
    ids=["of the same second", "late, of an old day", "other content under the name"],
)
def test_another_file_is_taken_whatever_its_time_and_size(
    vendor: Vendor, name: str, content: str, at: int, day: str
) -> None:
    """Listing files that are newer than the newest one seen loses the second of a second."""
    vendor.drops("movie_review_2011-12-09.csv")
    assert vendor.requested() == dates("2011-12-09")

    vendor.drops(name, f"{HEADER}{content}\n", at=at)

    assert vendor.requested() == dates(day)
    assert vendor.requested() == []


def test_a_half_written_file_is_taken_when_it_is_whole(vendor: Vendor) -> None:
    vendor.drops("movie_review_2010-12-01.csv", HEADER, at=SAME_SECOND)
    first = vendor.tick()
    vendor.drops("movie_review_2010-12-01.csv", f"{HEADER}1,good\n", at=SAME_SECOND + 1)
    second, third = vendor.tick(), vendor.tick()

    assert [days_of(result) for result in (first, second, third)] == [[], [], dates("2010-12-01")]
    assert "1 are not yet seen at rest" in (first.skip_message or "")


@pytest.mark.parametrize("name", ["README.txt", "movie_review_latest.csv", "movie_review_2010-11-30.csv"])
def test_a_foreign_file_is_on_the_vendor_s_asset_while_it_is_there_and_the_others_are_taken(
    vendor: Vendor, name: str
) -> None:
    vendor.drops(name)
    first = vendor.tick()
    vendor.drops("movie_review_2010-12-01.csv")
    second, third, fourth = vendor.tick(), vendor.tick(), vendor.tick()
    (vendor.directory / name).unlink()
    fifth, sixth = vendor.tick(), vendor.tick()

    assert [days_of(result) for result in (second, third, fourth)] == [[], dates("2010-12-01"), []]
    assert all(name in (result.skip_message or "") for result in (first, second, fourth))
    (warned,), (passed,) = first.asset_events, fifth.asset_events
    assert isinstance(warned, dg.AssetCheckEvaluation)
    assert isinstance(passed, dg.AssetCheckEvaluation)
    assert (warned.asset_check_key, warned.passed, passed.passed) == (FILES_CHECK, False, True)
    assert name in (warned.description or "")
    assert [result.asset_events for result in (second, third, fourth, sixth)] == [[], [], [], []]


def test_a_daemon_that_is_restarted_between_two_ticks_goes_on_from_its_cursor(vendor: Vendor) -> None:
    """The second tick is evaluated by another process, which knows the cursor and nothing else."""
    vendor.drops("movie_review_2010-12-01.csv")
    vendor.tick()
    program = (
        "import sys, json, pathlib; from user_behaviour_tests.triggers.test_sensors import Vendor\n"
        "vendor = Vendor(pathlib.Path(sys.argv[1]), sys.argv[2]); result = vendor.tick()\n"
        "print(json.dumps([[r.run_key for r in result.run_requests], vendor.cursor]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, vendor.directory, vendor.cursor or ""],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    elsewhere, cursor = json.loads(done.stdout.splitlines()[-1])

    assert elsewhere == [request.run_key for request in vendor.evaluate().run_requests or ()]
    assert len(elsewhere) == 1
    vendor.cursor = cursor
    assert vendor.requested() == []


def test_a_daemon_that_dies_before_it_saves_its_cursor_asks_for_the_same_runs(vendor: Vendor) -> None:
    """Dagster starts no second run of a run key, so the same keys are the same runs."""
    vendor.drops("movie_review_2010-12-01.csv")
    vendor.drops("movie_review_2011-12-09.csv")
    vendor.tick()

    lost, again = vendor.evaluate(), vendor.evaluate()

    keys = [request.run_key for request in lost.run_requests or ()]
    assert len(set(keys)) == 2
    assert [request.run_key for request in again.run_requests or ()] == keys


@pytest.mark.parametrize("name", ["vendor_files", "metric_follows"])
def test_a_sensor_is_there_to_switch_on(name: str) -> None:
    sensor = defs.resolve_sensor_def(name)

    assert sensor.default_status is dg.DefaultSensorStatus.STOPPED
    assert sensor.minimum_interval_seconds == 30
