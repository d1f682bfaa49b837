"""From a purchase and a vendor's file to the metric by the triggers alone: their runs are executed as asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal

import dagster as dg
import pytest

from user_behaviour.assets.sources import movie_review_file
from user_behaviour.triggers.schedules import purchases_daily
from user_behaviour.triggers.sensors import metric_follows, vendor_files
from user_behaviour_tests.graph.installation import (
    Installation,
    checks,
    failure_messages,
    new_installation,
)
from user_behaviour_tests.triggers.ticks import span_of

DAYS = [date(2010, 12, 5), date(2010, 12, 6)]
LANDED = "2011-10-03"
MORNING = datetime(2010, 12, 8, 6, tzinfo=UTC)


@dataclass
class Daemon:
    """Evaluates the triggers and executes those of their runs that touch the days of this test."""

    installation: Installation
    cursors: dict[str, str | None] = field(default_factory=dict)

    def look_twice(self, sensor: dg.SensorDefinition) -> Sequence[dg.RunRequest]:
        """Two ticks: at the first something is seen, at the second it is seen to rest."""
        roles = self.installation.here.roles()
        requests: Sequence[dg.RunRequest] = ()
        for _ in range(2):
            with dg.build_sensor_context(
                instance=self.installation.instance, cursor=self.cursors.get(sensor.name), resources=roles
            ) as context:
                result = sensor.evaluate_tick(context)
            requests, self.cursors[sensor.name] = result.run_requests or (), result.cursor
        return requests

    def morning(self) -> Sequence[dg.RunRequest]:
        with dg.build_schedule_context(
            instance=self.installation.instance,
            scheduled_execution_time=MORNING,
            resources={"external_tables": self.installation.here.external_tables},
        ) as context:
            return purchases_daily.evaluate_tick(context).run_requests or ()

    def execute(self, job: str, requests: Sequence[dg.RunRequest]) -> set[date]:
        """Gives the days of the test that the runs ran over."""
        ran: set[date] = set()
        for request in requests:
            if mine := set(DAYS) & set(span_of(request.tags).days()):
                result = self.installation.defs.resolve_job_def(job).execute_in_process(
                    instance=self.installation.instance, tags=dict(request.tags), raise_on_error=False
                )
                assert result.success, failure_messages(result)
                ran |= mine
        return ran


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    """One of its own: the sensor would find the broken files of the other tests."""
    with new_installation() as installation, pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in installation.here.dagster_environment().items():
            monkeypatch.setenv(name, value)
        yield installation


def test_the_triggers_alone_bring_a_day_to_the_metric_and_mend_it_after_a_late_file(installation: Installation) -> None:
    daemon = Daemon(installation)
    installation.sell([(f"{day} 12:00:00", 4, "2.500", "A", 13700) for day in DAYS])
    for day in DAYS:
        installation.deliver(f"movie_review_{day}.csv", "cid,review_str\n13700,good\n")

    assert daemon.execute("purchases_job", daemon.morning()) == set(DAYS)
    assert not daemon.morning()
    assert daemon.execute("reviews_job", daemon.look_twice(vendor_files)) == set(DAYS)
    assert daemon.execute("metric_job", daemon.look_twice(metric_follows)) == set(DAYS)
    assert installation.metric("2010-12-01", "2010-12-31") == [(day, 13700, Decimal("10.00000"), 1, 1) for day in DAYS]

    installation.deliver(f"movie_review_{DAYS[0]}_late.csv", "cid,review_str\n13700,dull\n")
    assert daemon.execute("reviews_job", daemon.look_twice(vendor_files)) == {DAYS[0]}
    assert daemon.execute("metric_job", daemon.look_twice(metric_follows)) == {DAYS[0]}
    assert installation.metric("2010-12-01", "2010-12-31") == [
        (DAYS[0], 13700, Decimal("10.00000"), 1, 2),
        (DAYS[1], 13700, Decimal("10.00000"), 1, 1),
    ]


def test_a_sensor_that_is_switched_on_late_lands_nothing_that_is_landed(installation: Installation) -> None:
    """After a demo it landed 305 days again. A landing shows on the vendor's asset what came, and what is odd."""
    installation.deliver(f"movie_review_{LANDED}.csv", "cid,review_str\n13700,good\n")
    installation.deliver("reviews.csv", "cid,review_str\n")

    result = installation.run(LANDED, LANDED, select=["raw_reviews"])

    event = installation.instance.get_latest_materialization_event(movie_review_file.key)
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.partition == LANDED
    assert f"| movie_review_{LANDED}.csv | 26 |" in str(event.asset_materialization.metadata["delivery"].value)
    odd = checks(result)["vendor/movie_review_file:every_file_can_be_taken"]
    assert (odd.passed, odd.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert odd.description == (
        "'reviews.csv': not a name of the vendor's, movie_review_YYYY-MM-DD*.csv[.gz]; it is left alone."
    )
    asked = Daemon(installation).look_twice(vendor_files)
    assert LANDED not in [str(day) for request in asked for day in span_of(request.tags).days()]
