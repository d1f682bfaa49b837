"""EMR that runs what is submitted to it. moto answers the API; the worker drives the states of jobs and steps.

`with emr_worker(cloud, workdir) as worker:` gives an EMR Serverless application and an EMR cluster. A job is really
run, by local Spark, unless the next of `worker.plays` says otherwise. As AWS and unlike moto, a client token starts
one job only, steps can be cancelled, and an unknown step is an error.
"""

from __future__ import annotations

import shlex
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from user_behaviour_tests.cloud.emr_api import EmrApi
from user_behaviour_tests.cloud.moto_server import REGION, Cloud
from user_behaviour_tests.cloud.spark_submit import SparkMachine, Submission

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/spark-job"
PATIENCE = 60.0


@dataclass(frozen=True)
class Play:
    """How a job goes. It stays in the state `hold` until it is released or cancelled, and then ends.

    `end` is one of: run (by Spark), succeed, fail, cancel, vanish. `details` is what AWS says of a failure.
    """

    end: str = "run"
    details: str = ""
    hold: str = ""


@dataclass
class Job:
    """A job run or a step. `record` is moto's own object, whose state the API tells; `states` is its history."""

    id: str
    kind: Kind
    name: str
    submission: Submission
    request: dict[str, Any]
    record: Any
    vanish: Callable[[], None]
    play: Play = Play()
    states: list[str] = field(default_factory=list)
    failure: str = ""
    cancel_asked: bool = False
    released: bool = False
    process: subprocess.Popen[bytes] | None = None


@dataclass(frozen=True)
class Kind:
    """The names that a service gives to the states of its jobs."""

    waiting: str
    running: str
    cancelling: str
    succeeded: str
    failed: str
    cancelled: str

    def has_ended(self, job: Job) -> bool:
        return job.states[-1] in {self.succeeded, self.failed, self.cancelled}


JOB_RUN = Kind("SUBMITTED", "RUNNING", "CANCELLING", "SUCCESS", "FAILED", "CANCELLED")
STEP = Kind("PENDING", "RUNNING", "CANCEL_PENDING", "COMPLETED", "FAILED", "CANCELLED")


class EmrWorker:
    """The worker while it runs: what it has (`application_id`, `role_arn`, `cluster_id`) and what it did (`jobs`)."""

    def __init__(self, machine: SparkMachine, application_id: str, cluster_id: str) -> None:
        self.application_id = application_id
        self.role_arn = ROLE
        self.cluster_id = cluster_id
        self.plays: deque[Play] = deque()
        self.jobs: list[Job] = []
        self._machine = machine
        self._changed = threading.Condition()
        self._one_at_a_time = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._closing = False

    def wait_for(self, state: str) -> Job:
        """Waits until the newest job is in the state, and gives it."""
        with self._changed:
            if not self._changed.wait_for(lambda: bool(self.jobs) and self.jobs[-1].states[-1] == state, PATIENCE):
                raise AssertionError(f"no job became {state}; {[(job.name, job.states) for job in self.jobs]}")
            return self.jobs[-1]

    def release(self, job: Job) -> None:
        """Lets a job go on that its play holds."""
        with self._changed:
            job.released = True
            self._changed.notify_all()

    def take(self, job: Job) -> None:
        """Begins a job that moto has accepted, as the next of the plays says."""
        if self.plays:
            job.play = self.plays.popleft()
        with self._changed:
            self.jobs.append(job)
            self._enter(job, job.kind.waiting)
        thread = threading.Thread(target=self._perform, args=(job,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def cancel(self, job: Job) -> bool:
        """Asks for the end of a job; False where it has ended."""
        with self._changed:
            if job.kind.has_ended(job):
                return False
            job.cancel_asked = True
            self._enter(job, job.kind.cancelling)
            if job.process:
                job.process.kill()
        return True

    def close(self) -> None:
        with self._changed:
            self._closing = True
            for job in self.jobs:
                if job.process:
                    job.process.kill()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _enter(self, job: Job, state: str) -> None:
        with self._changed:
            job.record.state = state
            job.states.append(state)
            self._changed.notify_all()

    def _perform(self, job: Job) -> None:
        with self._one_at_a_time:
            if self._may_go_on(job, job.kind.waiting):
                self._enter(job, job.kind.running)
            if self._may_go_on(job, job.kind.running):
                self._end(job)
            if job.cancel_asked:
                self._enter(job, job.kind.cancelled)

    def _may_go_on(self, job: Job, state: str) -> bool:
        with self._changed:
            if job.play.hold == state:
                self._changed.wait_for(lambda: job.released or job.cancel_asked or self._closing)
            return not (job.cancel_asked or self._closing)

    def _end(self, job: Job) -> None:
        ends: dict[str, Callable[[], None]] = {
            "run": lambda: self._run(job),
            "succeed": lambda: self._enter(job, job.kind.succeeded),
            "cancel": lambda: self._enter(job, job.kind.cancelled),
            "vanish": job.vanish,
            "fail": lambda: self._fail(job, job.play.details),
        }
        ends[job.play.end]()

    def _run(self, job: Job) -> None:
        def runs_in(process: subprocess.Popen[bytes] | None) -> None:
            with self._changed:
                job.process = process
                if process and (job.cancel_asked or self._closing):
                    process.kill()

        try:
            code = self._machine.run(job.id, job.submission, runs_in)
        except ClientError as error:  # program or job object are gone
            self._fail(job, str(error))
            return
        if job.cancel_asked:
            return
        if code:
            said = self._machine.log(job.id).strip().splitlines() or [""]
            self._fail(job, f"Job failed, ExitCode: {code}. Last few exceptions: {said[-1]}")
        else:
            self._enter(job, job.kind.succeeded)

    def _fail(self, job: Job, details: str) -> None:
        job.failure = job.record.state_details = details
        self._enter(job, job.kind.failed)


@contextmanager
def emr_worker(cloud: Cloud, workdir: Path, application: str = "") -> Iterator[EmrWorker]:
    """EMR before the cloud's moto for as long as it is entered, with a new application or one that is there.

    Nothing of it runs on afterwards but the Spark driver that machines share.
    """
    from moto.emr.models import emr_backends
    from moto.emrserverless.models import emrserverless_backends

    if not application:
        made = cloud.aws.client("emr-serverless").create_application(
            name="spark", releaseLabel="emr-7.10.0", type="SPARK"
        )
        application = made["applicationId"]
    cluster = cloud.aws.client("emr").run_job_flow(
        Name="spark",
        LogUri="s3n://cluster-logs/emr/",
        ReleaseLabel="emr-7.10.0",
        Instances={"InstanceCount": 1, "MasterInstanceType": "m5.xlarge", "KeepJobFlowAliveWhenNoSteps": True},
        JobFlowRole="EMR_EC2_DefaultRole",
        ServiceRole="EMR_DefaultRole",
    )["JobFlowId"]
    serverless = emrserverless_backends[ACCOUNT][REGION]
    # moto finds EMR's region in the host name, which as a server it has not.
    steps = next(backend for backend in emr_backends[ACCOUNT].values() if cluster in backend.clusters)
    serverless.job_runs[application] = []  # else moto says that an application without job runs is none
    worker = EmrWorker(SparkMachine(cloud.aws, workdir), application, cluster)

    def job_run(job_id: str, request: dict[str, Any]) -> None:
        record, driver = serverless.get_job_run(application, job_id), request["jobDriver"]["sparkSubmit"]
        record.created_at = datetime.now(UTC).replace(tzinfo=None)  # moto's is midnight
        options = shlex.split(driver.get("sparkSubmitParameters", ""))
        submission = Submission(driver["entryPoint"], driver["entryPointArguments"], options)
        vanish = partial(serverless.job_runs[application].remove, record)
        worker.take(Job(job_id, JOB_RUN, request["name"], submission, request, record, vanish))

    def step(step_id: str, request: dict[str, Any]) -> None:
        record: Any = steps.describe_step(cluster, step_id)
        vanish = partial(steps.clusters[cluster].steps.remove, record)
        submission = Submission.from_command(request["HadoopJarStep"]["Args"])
        worker.take(Job(step_id, STEP, request["Name"], submission, request, record, vanish))

    with cloud.behind(EmrApi(worker, job_run, step)):
        try:
            yield worker
        finally:
            worker.close()
