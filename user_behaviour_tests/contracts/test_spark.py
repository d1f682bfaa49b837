"""Contract of the Spark role: a program of the directory, started with a job object in the lake, runs to its end.

Each twin really runs Spark: in this process, as a job run of EMR Serverless, as a step of an EMR cluster.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from user_behaviour.lake.lake import Lake
from user_behaviour.lake.local import LocalLake
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.spark.emr_serverless import EmrServerlessSpark
from user_behaviour.spark.emr_steps import EmrStepsSpark
from user_behaviour.spark.job import SparkJob
from user_behaviour.spark.local import LocalSpark
from user_behaviour.spark.spark import SparkRunner
from user_behaviour_tests.cloud.emr_worker import EmrWorker, emr_worker
from user_behaviour_tests.cloud.moto_server import Cloud

PROGRAM = Path(__file__).parents[2] / "spark_jobs" / "classify_reviews.py"
FAILING = """
import sys


def main(argv):
    raise LookupError("the dictionary is missing")


if __name__ == "__main__":
    main(sys.argv[1:])
"""
REVIEWS = [("1", "A good film", "a.csv", 2), ("2", "Good! But long", "a.csv", 3)]


@dataclass(frozen=True)
class Twin:
    """A way of running Spark, and the lake in which it works."""

    spark: SparkRunner
    lake: Lake


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    directory = tmp_path / "programs"
    directory.mkdir()
    shutil.copy(PROGRAM, directory)
    (directory / "failing.py").write_text(FAILING)
    return directory


@pytest.fixture
def worker(cloud: Cloud, tmp_path: Path) -> Iterator[EmrWorker]:
    with emr_worker(cloud, tmp_path / "emr") as worker:
        yield worker


@pytest.fixture
def local(programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Twin]:
    from pyspark.sql import SparkSession

    for variable in ("JAVA_HOME", "SPARK_LOCAL_IP"):  # to be as they were afterwards
        monkeypatch.setenv(variable, os.environ.get(variable, ""))
    here_before = SparkSession.getActiveSession()
    spark = LocalSpark(programs=str(programs), home=str(tmp_path))
    yield Twin(spark, LocalLake(root=str(tmp_path / "lake")))
    if here_before is None and (session := SparkSession.getActiveSession()):
        session.stop()


@pytest.fixture
def serverless(programs: Path, cloud: Cloud, worker: EmrWorker) -> Twin:
    lake = S3Lake(aws=cloud.aws, bucket=cloud.bucket(), prefix="lake")
    spark = EmrServerlessSpark(
        aws=cloud.aws,
        programs=str(programs),
        lake=lake,
        application=worker.application_id,
        role=worker.role_arn,
        minutes=5,
        poll_seconds=0.1,
    )
    return Twin(spark, lake)


@pytest.fixture
def steps(programs: Path, cloud: Cloud, worker: EmrWorker) -> Twin:
    lake = S3Lake(aws=cloud.aws, bucket=cloud.bucket(), prefix="lake")
    return Twin(
        EmrStepsSpark(
            aws=cloud.aws, programs=str(programs), lake=lake, cluster=worker.cluster_id, minutes=5, poll_seconds=0.1
        ),
        lake,
    )


@pytest.fixture(params=["local", "serverless", "steps"])
def twin(request: pytest.FixtureRequest) -> Twin:
    found: Twin = request.getfixturevalue(request.param)
    return found


def write_reviews(lake: Lake) -> None:
    """One day's raw reviews, where the job object of `write_job` says."""
    names = ["cid", "review_str", "source_file", "line_number"]
    types = [pa.string(), pa.string(), pa.string(), pa.int32()]
    columns = [pa.array([row[i] for row in REVIEWS], types[i]) for i in range(4)]
    lake.make_directory("raw/insert_date=2010-12-01/batch-1")
    path = "raw/insert_date=2010-12-01/batch-1/part-0.parquet"
    pq.write_table(pa.table(columns, names), path, filesystem=lake.filesystem())


def write_job(lake: Lake) -> str:
    """The job object; its URI."""
    inputs = {date(2010, 12, 1): {"location": lake.uri("raw/insert_date=2010-12-01/batch-1")}}
    job = SparkJob("jobs/1", "batch-2", lake.uri("raw"), inputs)
    job.write(lake)
    return lake.uri(job.path)


def verdicts(lake: Lake) -> list[tuple[str, bool, str]]:
    found = []
    for name in lake.list("jobs/1/output/insert_date=2010-12-01"):
        path = f"jobs/1/output/insert_date=2010-12-01/{name}"
        table = pq.read_table(path, filesystem=lake.filesystem(), partitioning=None)
        found += [(row["cid"], row["positive_review"], row["batch_id"]) for row in table.to_pylist()]
    return sorted(found)


def test_a_program_reads_its_job_object_and_writes_where_that_says(twin: Twin) -> None:
    write_reviews(twin.lake)
    twin.spark.prepare()

    twin.spark.run("classify_reviews.py", write_job(twin.lake))

    assert verdicts(twin.lake) == [("1", True, "batch-2"), ("2", False, "batch-2")]
    assert "_SUCCESS" in twin.lake.list("jobs/1/output")


def test_a_program_that_fails_is_an_error_that_says_why(twin: Twin) -> None:
    with pytest.raises(Exception, match="the dictionary is missing"):
        twin.spark.run("failing.py", write_job(twin.lake))

    assert twin.lake.list("jobs/1/output") == []


def test_no_warning_of_pyspark_about_itself_is_shown() -> None:
    """Told after the summary of a run that had failed before Spark was up, when its output was no longer kept away."""
    started = subprocess.run(
        [sys.executable, "-c", "import user_behaviour.spark.local, pyspark.testing"], capture_output=True, text=True
    )
    assert (started.returncode, started.stderr) == (0, "")
