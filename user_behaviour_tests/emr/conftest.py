"""EMR in the two ways of running Spark jobs on it, and the faults that their requests can meet.

One worker for all of these tests; each has a bucket, and so jobs, of its own.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from dagster import get_dagster_logger

from user_behaviour.aws.clients import Aws
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.spark.emr import EmrSpark
from user_behaviour.spark.emr_serverless import EmrServerlessSpark
from user_behaviour.spark.emr_steps import EmrStepsSpark
from user_behaviour_tests.cloud.emr_worker import EmrWorker, Play, emr_worker
from user_behaviour_tests.cloud.fault_proxy import Fault
from user_behaviour_tests.cloud.moto_server import Cloud

SUCCEED = Play("succeed")


@dataclass
class Emr:
    """One way of running jobs, and what the tests ask of it."""

    worker: EmrWorker
    lake: S3Lake
    programs: Path
    job: str
    other_job: str
    make: Callable[[Aws, float], EmrSpark]
    submits: str  # the operation that submits, as boto3 names it
    submission: Fault  # meets the request that submits, after it was carried out
    look: Fault  # meets the request for a job's state
    throttled: tuple[Fault, ...]
    waiting: str  # the first state of a job

    def log_address(self) -> str:
        """Where the newest job's logs are, as AWS lays them out."""
        job = self.worker.jobs[-1]
        if job.id.startswith("s-"):
            return f"s3://cluster-logs/emr/{self.worker.cluster_id}/steps/{job.id}/"
        return f"{self.lake.uri('_logs/spark')}/applications/{self.worker.application_id}/jobs/{job.id}/"

    def spark(self, aws: Aws, *, minutes: float = 5) -> EmrSpark:
        return self.make(aws, minutes)


@contextmanager
def when_logged(text: str, act: Callable[[], object]) -> Iterator[None]:
    """Acts when a line with the text is logged, before the line after it."""

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if text in record.getMessage():
                act()

    logger, listener = get_dagster_logger(), Listener()
    logger.addHandler(listener)
    try:
        yield
    finally:
        logger.removeHandler(listener)


@pytest.fixture(scope="package")
def aws(cloud: Cloud) -> Aws:
    """Shared: its clients take longer to make than most tests here."""
    return cloud.aws


@pytest.fixture(scope="package")
def one_worker(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmrWorker]:
    with emr_worker(cloud, tmp_path_factory.mktemp("emr")) as worker:
        yield worker


@pytest.fixture
def worker(one_worker: EmrWorker) -> EmrWorker:
    one_worker.jobs.clear()
    one_worker.plays.clear()
    return one_worker


@pytest.fixture(params=["serverless", "steps"])
def emr(request: pytest.FixtureRequest, cloud: Cloud, aws: Aws, worker: EmrWorker, tmp_path: Path) -> Emr:
    bucket = cloud.bucket()
    programs, lake = tmp_path / "programs", S3Lake(aws=aws, bucket=bucket, prefix="lake")
    programs.mkdir()
    (programs / "verdicts.py").write_text("print('one')")
    made = partial(Emr, worker, lake, programs, f"s3://{bucket}/one/job.json", f"s3://{bucket}/two/job.json")

    def serverless(aws: Aws, minutes: float) -> EmrSpark:
        named = {"application": worker.application_id, "role": worker.role_arn}
        return EmrServerlessSpark(
            aws=aws, programs=str(programs), lake=lake, **named, minutes=minutes, poll_seconds=0.02
        )

    def steps(aws: Aws, minutes: float) -> EmrSpark:
        return EmrStepsSpark(
            aws=aws, programs=str(programs), lake=lake, cluster=worker.cluster_id, minutes=minutes, poll_seconds=0.02
        )

    if request.param == "serverless":
        return made(
            serverless,
            submits="StartJobRun",
            submission=Fault(method="POST", path="/jobruns$", cut_response=0),
            look=Fault(method="GET", path=r"/jobruns/\w+", status=403, code="AccessDeniedException"),
            throttled=(Fault(service="emr-serverless", status=429, code="ThrottlingException", times=2),),
            waiting="SUBMITTED",
        )
    verbs = ("List", "Add", "Describe")
    return made(
        steps,
        submits="AddJobFlowSteps",
        submission=Fault(target="AddJobFlowSteps", cut_response=0),
        look=Fault(target="DescribeStep", status=400, code="AccessDeniedException"),
        throttled=tuple(Fault(target=verb, status=400, code="ThrottlingException") for verb in verbs),
        waiting="PENDING",
    )
