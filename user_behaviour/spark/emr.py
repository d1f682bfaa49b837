"""Spark programs on EMR: how one job is started once, watched, and cancelled. A twin adds a few methods.

A job has a name that follows from its job object. Whoever runs the same job again, after a crash of the orchestrator
for instance, finds it by that name and waits for it: nothing is submitted twice. Nothing here creates a cluster or an
application, so none is left behind: a job that nobody waits for any more is cancelled or ended by its own time-out,
and the application stops by itself (auto-stop).
"""

import hashlib
import time
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, ClassVar

from dagster import get_dagster_logger
from pydantic import Field

from user_behaviour.aws.clients import Aws
from user_behaviour.aws.errors import AwsError, aws_errors
from user_behaviour.lake.lake import Lake
from user_behaviour.spark.spark import SparkRunner

# EMR's answers may lag a moment behind a submission; a job that is unknown at more polls than these is lost.
UNKNOWN_AT_MOST = 3
# Where the programs lie in the lake.
PROGRAMS = "_programs"
# The Python of driver and executors: that of every release's and image's system, 3.9 on EMR 7, for which the programs
# are written. Named, since what a cluster or an application sets may be for one of the two alone, and PySpark refuses
# a driver and executors of different versions.
PYTHON = "/usr/bin/python3"


class SparkJobError(Exception):
    """A Spark job on EMR came to no good end; nothing that it wrote was published."""


class SparkJobLostError(SparkJobError):
    """EMR does not know the job any more."""


@dataclass(frozen=True)
class JobState:
    """A job's state under the name that AWS gives it, with what AWS says about it; `succeeded` None: not ended yet."""

    name: str
    details: str = ""
    succeeded: bool | None = None


class EmrSpark(SparkRunner):
    """Spark programs as jobs on EMR, each waited for to its end."""

    is_elsewhere: ClassVar[bool] = True
    service: ClassVar[str]
    """What boto3 calls the service."""
    python: ClassVar[Sequence[str]]
    """The options of spark-submit that name the Python."""

    minutes: float = Field(default=60, description="After so many minutes of waiting a job is cancelled.")
    poll_seconds: float = Field(default=10, description="At least so often EMR is asked how a job goes.")
    lake: Lake
    aws: Aws

    @abstractmethod
    def find(self, name: str) -> str | None:
        """The id of the job of that name, in whatever state; None where there is none."""

    @abstractmethod
    def submit(self, name: str, entry_point: str, arguments: Sequence[str], options: Sequence[str]) -> str:
        """Submits the job with these options of spark-submit, once even if answers are lost; its id."""

    @abstractmethod
    def state(self, job_id: str) -> JobState | None:
        """The job's state; None where EMR does not know the job."""

    @abstractmethod
    def cancel(self, job_id: str) -> None:
        """Asks for the job's end; returns before it has ended."""

    @abstractmethod
    def logs(self, job_id: str) -> str:
        """Where to read what the job said, for people."""

    def run(self, program: str, job: str, *, modules: Sequence[str] = ()) -> None:
        """As the role says. Raises a `SparkJobError`; whatever ends the wait before the job's end cancels the job."""
        name, job_id = job_name(program, job), None
        try:
            job_id = self._started(name, program, job, modules)
            with aws_errors(self.service, "Watching", f"Spark job {job_id}"):
                logs = self.logs(job_id)
                get_dagster_logger().info("Spark job %s: logs at %s", job_id, logs)
                state = self._ended(job_id, logs)
        except SparkJobLostError:
            raise
        except BaseException as error:  # also an interruption, which is none of Exception's
            self._give_up(name, job_id)
            if isinstance(error, AwsError):
                raise SparkJobError(str(error)) from error
            raise
        if not state.succeeded:
            raise SparkJobError(
                f"Spark job {job_id} ({program}) ended as {state.name}: {state.details or 'EMR gives no reason'}. "
                f"Read its logs at {logs}, remove the cause, and run the days again."
            )

    @property
    def _client(self) -> Any:
        return self.aws.client(self.service)

    def _started(self, name: str, program: str, job: str, modules: Sequence[str]) -> str:
        try:
            with aws_errors(self.service, f"Submitting {program} as", name):
                if found := self.find(name):
                    get_dagster_logger().info("Spark job %s (%s) was submitted before; waiting for it", found, name)
                    return found
                modules_of = ["--py-files", ",".join(map(self._in_lake, modules))] if modules else []
                program_of = self._in_lake(f"{self.programs}/{program}")
                job_id = self.submit(name, program_of, ["--job", job], [*self.python, *modules_of])
        except AwsError as error:
            raise SparkJobError(
                f"{error} `user-behaviour doctor` looks at application, cluster, role and permissions."
            ) from error
        get_dagster_logger().info("Spark job %s (%s) submitted", job_id, name)
        return job_id

    def _in_lake(self, file: str) -> str:
        """The address of a program or module, put into the lake when it is first asked for.

        One object a version, below a digest of its content: a job that waits runs what it was given.
        """
        content, name = Path(file).read_bytes(), PurePath(file)
        path = f"{PROGRAMS}/{name.stem}/{hashlib.sha256(content).hexdigest()[:16]}/{name.name}"
        self.lake.swap(path, content, expected=None)  # False: it is there already
        return self.lake.uri(path)

    def _ended(self, job_id: str, logs: str) -> JobState:
        """The state in which the job ended; every change on the way is a line of the run's log."""
        log, begin = get_dagster_logger(), time.monotonic()
        last, unknown = "", 0
        while True:
            state = self.state(job_id)
            seconds = time.monotonic() - begin
            if state and state.name != last:
                details = f": {state.details}" if state.details else ""
                log.info("Spark job %s is %s after %.0f s%s", job_id, state.name, seconds, details)
                last = state.name
            if state and state.succeeded is not None:
                return state
            unknown = 0 if state else unknown + 1
            if unknown >= UNKNOWN_AT_MOST:
                raise SparkJobLostError(
                    f"Spark job {job_id} is lost: EMR does not know it any more (last seen {last or 'never'}). "
                    f"What there is of its logs is at {logs}; run the days again."
                )
            if seconds >= self.minutes * 60:
                raise SparkJobError(
                    f"Spark job {job_id} was {last or 'unknown'} after {self.minutes:g} minutes and is cancelled. "
                    f"Read its logs at {logs}; if it only needs longer, raise USER_BEHAVIOUR_SPARK_MINUTES."
                )
            # The end of a short job is seen soon, and that of a long one a tenth of its time later at most.
            time.sleep(min(self.poll_seconds, max(1, seconds / 10)) if state else self.poll_seconds)

    def _give_up(self, name: str, job_id: str | None) -> None:
        """Cancels the job; with no id, the one that a broken off submission may have started."""
        try:
            with aws_errors(self.service, "Cancelling", f"Spark job {name}"):
                if found := job_id or self.find(name):
                    self.cancel(found)
                    get_dagster_logger().warning("Spark job %s (%s): its cancellation was asked for", found, name)
        except (AwsError, SparkJobError) as error:
            # Not raised: what ended the wait is what the run is to say.
            get_dagster_logger().warning("Spark job %s could not be cancelled and may be running: %s", name, error)


def job_name(program: str, job: str) -> str:
    """The name that a job has wherever it is started from: at most 64 characters of those that a client token may have.

    The job object makes it, and not the program's version: two versions of a program must never write to the output
    that one job object names.
    """
    digest = hashlib.sha256(f"{program}\n{job}".encode()).hexdigest()
    return f"{PurePath(program).stem[:43]}-{digest[:20]}"
