"""One way of running Spark jobs on EMR, and the faults that its requests can meet."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dagster import get_dagster_logger

from user_behaviour.aws.clients import Aws
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.spark.emr import EmrSpark
from user_behaviour_tests.cloud.emr_worker import EmrWorker, Play
from user_behaviour_tests.cloud.fault_proxy import Fault

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
