"""What the purge takes from a real lake, and above all what it leaves."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from user_behaviour.lake.lake import Lake
from user_behaviour.lake.local import LocalLake
from user_behaviour.lake.manifests import Manifest, Rejection, timestamp
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.tables.schemas import EXTERNAL_TABLES, STAGED_PURCHASES, USER_PURCHASE_STAGING
from user_behaviour.triggers.jobs import purge_superseded_batches_job
from user_behaviour.triggers.retention import Purged, Retention
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.triggers.ticks import Catalog

DAY = date(2010, 12, 1)
BEFORE = datetime(2011, 3, 1, tzinfo=UTC)
LONG_AGO, RECENTLY = BEFORE - timedelta(days=40), BEFORE + timedelta(days=1)


@dataclass(frozen=True)
class Shore:
    """A lake with one data set, and a catalog that may point into it. `age` sets the times of what a directory has."""

    lake: Lake
    catalog: Catalog
    age: Callable[[str, datetime], None]

    def publish(self, batch: str, at: datetime, *, day: date = DAY) -> None:
        dataset = self.lake.dataset(STAGED_PURCHASES)
        self.lake.make_directory(dataset.batch_directory(day, batch))
        moment = timestamp(at)
        assert dataset.publish(Manifest(STAGED_PURCHASES.name, day, batch, as_of=moment, written_at=moment))
        self.age(dataset.batch_directory(day, batch), at)

    def attempt(self, batch: str, at: datetime) -> None:
        """A batch that was written to and never got a manifest."""
        self.write(f"{self.lake.dataset(STAGED_PURCHASES).batch_directory(DAY, batch)}/part-00000.parquet", at)

    def write(self, path: str, at: datetime) -> None:
        self.lake.write(path, b"rows")
        self.age(str(Path(path).parent), at)

    def purge(self) -> Purged:
        retention = Retention(self.lake, self.catalog.external_tables, BEFORE)
        return retention.purge(STAGED_PURCHASES, read_by=EXTERNAL_TABLES)

    def batches(self) -> list[str]:
        names = self.lake.list(self.lake.dataset(STAGED_PURCHASES).directory(DAY))
        return [name for name in names if not name.startswith("_")]


@pytest.fixture(params=["local", "s3"])
def shore(request: pytest.FixtureRequest, catalog: Catalog, tmp_path: Path) -> Shore:
    if request.param == "local":
        return Shore(LocalLake(root=str(tmp_path)), catalog, partial(age_of_files, tmp_path))
    cloud: Cloud = request.getfixturevalue("cloud")
    bucket = cloud.bucket()
    return Shore(S3Lake(aws=cloud.aws, bucket=bucket, prefix="lake"), catalog, partial(age_of_objects, bucket))


def age_of_files(root: Path, directory: str, at: datetime) -> None:
    for path in (*(root / directory).rglob("*"), root / directory):
        os.utime(path, (at.timestamp(), at.timestamp()))


def age_of_objects(bucket: str, directory: str, at: datetime) -> None:
    """Nobody can set the time of an object from outside; moto's memory is at hand."""
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    for name, found in s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[bucket].keys.items():
        if name.startswith(f"lake/{directory}/"):
            found.last_modified = at.replace(tzinfo=None)


def test_the_batch_in_force_stays_and_those_replaced_long_ago_go(shore: Shore) -> None:
    shore.publish("first", LONG_AGO)
    shore.publish("second", LONG_AGO + timedelta(days=1))
    shore.publish("third", LONG_AGO + timedelta(days=2))

    assert shore.purge() == Purged(superseded=2, unpublished=0, spark_jobs=0)
    assert shore.batches() == ["third"]
    assert shore.lake.dataset(STAGED_PURCHASES).current(DAY).batch_id == "third"


def test_an_old_batch_that_was_replaced_recently_stays_for_a_rollback(shore: Shore) -> None:
    shore.publish("first", LONG_AGO)
    shore.publish("second", RECENTLY)

    assert shore.purge() == Purged(0, 0, 0)
    assert shore.batches() == ["first", "second"]


def test_a_batch_that_an_external_table_is_registered_at_stays(shore: Shore) -> None:
    shore.publish("first", LONG_AGO)
    shore.catalog.external_tables.register(USER_PURCHASE_STAGING, shore.lake.dataset(STAGED_PURCHASES), [DAY])
    shore.publish("second", LONG_AGO + timedelta(days=1))
    shore.publish("third", LONG_AGO + timedelta(days=2))

    assert shore.purge() == Purged(superseded=1, unpublished=0, spark_jobs=0)
    assert shore.batches() == ["first", "third"]


def test_what_a_crash_left_goes_and_what_is_being_written_stays(shore: Shore) -> None:
    shore.publish("current", LONG_AGO)
    shore.attempt("crashed", LONG_AGO)
    shore.attempt("writing", RECENTLY)

    assert shore.purge() == Purged(superseded=0, unpublished=1, spark_jobs=0)
    assert shore.batches() == ["current", "writing"]


def test_the_quarantine_of_a_rejection_that_stands_stays_and_goes_when_the_day_is_mended(shore: Shore) -> None:
    shore.publish("good", LONG_AGO)
    shore.attempt("rejected", LONG_AGO)
    as_of = timestamp(LONG_AGO + timedelta(days=1))
    shore.lake.dataset(STAGED_PURCHASES).reject(Rejection(STAGED_PURCHASES.name, DAY, "rejected", as_of, ("dirt",)))

    assert shore.purge() == Purged(0, 0, 0)
    shore.publish("mended", LONG_AGO + timedelta(days=2))
    assert shore.purge() == Purged(superseded=1, unpublished=1, spark_jobs=0)
    assert shore.batches() == ["mended"]


def test_leftovers_of_spark_programs_go_when_they_are_old(shore: Shore) -> None:
    staging = f"_staging/{STAGED_PURCHASES.name}"
    shore.write(f"{staging}/crashed/output/insert_date=2010-12-01/part-0.parquet", LONG_AGO)
    shore.age(f"{staging}/crashed", LONG_AGO)
    shore.write(f"{staging}/running/job.json", RECENTLY)

    assert shore.purge() == Purged(superseded=0, unpublished=0, spark_jobs=1)
    assert shore.lake.list(staging) == ["running"]


def test_an_empty_lake_is_no_error(shore: Shore) -> None:
    assert shore.purge() == Purged(0, 0, 0)


def test_the_job_purges_every_data_set_and_keeps_the_originals(shore: Shore) -> None:
    shore.publish("first", LONG_AGO)
    shore.publish("second", LONG_AGO + timedelta(days=1))
    original = "movie_review_file/insert_date=2010-12-01/v1/movie_review_2010-12-01.csv"
    shore.write(original, LONG_AGO)
    # What a write leaves that is killed on the local lake; on S3 there is no such thing, and it may be anybody's.
    unfinished = [f"movie_review_file/insert_date=2010-12-0{n}/v1/_0123456789ab.part" for n in (1, 2)]
    shore.write(unfinished[0], LONG_AGO)
    shore.lake.write(unfinished[1], b"rows")

    warehouse = shore.catalog.external_tables.warehouse
    old, new = ({"at": at.replace(tzinfo=None)} for at in (LONG_AGO, datetime.now(UTC)))
    row = "insert into audit.superseded_metric values (1, 2, 1, 1, 'b', %(at)s, '2010-12-01')"
    warehouse.transaction(lambda cursor: [cursor.execute(row, at) for at in (old, new)])

    result = purge_superseded_batches_job.execute_in_process(
        resources={
            "lake": shore.lake,
            "external_tables": shore.catalog.external_tables,
            "warehouse": warehouse,
        },
        run_config={"ops": {"purge_superseded_batches": {"config": {"keep_days": 1}}}},
    )

    assert result.success
    assert shore.batches() == ["second"]
    kept = warehouse.rows("select superseded_at as at from audit.superseded_metric")
    warehouse.transaction(lambda cursor: cursor.execute("delete from audit.superseded_metric"))
    assert kept == [new]
    assert shore.lake.read(original)
    there = [path for path in unfinished if shore.lake.read(path)]
    assert there == (unfinished[1:] if isinstance(shore.lake, LocalLake) else unfinished)
