"""Twin of the Spark role: EMR Serverless. A job is a job run of an application that exists already and stops by itself.

Started with a client token that follows from the job object, so that a request whose answer was lost, or that a
restarted orchestrator makes again, starts nothing twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any, ClassVar

from pydantic import Field

from user_behaviour.aws.errors import aws_errors
from user_behaviour.diagnosis import Diagnosis, bad, good, unknown
from user_behaviour.spark.emr import PYTHON, EmrSpark, JobState

LOGS = "_logs/spark"
_ALIVE = {"CREATING", "CREATED", "STARTING", "STARTED", "STOPPING", "STOPPED"}
# Between the polite and the hard end of a cancelled job, in seconds; 15 is the least that EMR takes.
GRACE_SECONDS = 15
# The least time-out that EMR Serverless takes, in minutes.
LEAST_MINUTES = 5
_ENDINGS = {"SUCCESS": True, "FAILED": False, "CANCELLED": False}


class EmrServerlessSpark(EmrSpark):
    """Spark programs as job runs of an application of EMR Serverless."""

    service: ClassVar[str] = "emr-serverless"
    # https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/using-python-libraries.html
    python: ClassVar[Sequence[str]] = (
        *("--conf", f"spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON={PYTHON}"),
        *("--conf", f"spark.emr-serverless.driverEnv.PYSPARK_PYTHON={PYTHON}"),
        *("--conf", f"spark.executorEnv.PYSPARK_PYTHON={PYTHON}"),
    )

    application: str = Field(description="The application's id; it exists already, and stops by itself.")
    role: str = Field(description="The ARN of the role as which jobs run.")

    def find(self, name: str) -> str | None:
        """Looks by itself: how long EMR remembers a client token is not documented."""
        # An older one has ended: EMR's own time-out is on it.
        since = datetime.now(UTC) - timedelta(days=1, minutes=self.minutes)
        pages = self._client.get_paginator("list_job_runs").paginate(
            applicationId=self.application, createdAtAfter=since
        )
        return next((str(run["id"]) for page in pages for run in page["jobRuns"] if run.get("name") == name), None)

    def submit(self, name: str, entry_point: str, arguments: Sequence[str], options: Sequence[str]) -> str:
        # Nothing in the options holds a blank: how EMR would have it quoted is not documented.
        driver = {
            "entryPoint": entry_point,
            "entryPointArguments": list(arguments),
            "sparkSubmitParameters": " ".join(options),
        }
        started = self._client.start_job_run(
            applicationId=self.application,
            clientToken=name,
            name=name,
            executionRoleArn=self.role,
            # For when nobody is left to cancel it.
            executionTimeoutMinutes=max(LEAST_MINUTES, ceil(self.minutes)),
            jobDriver={"sparkSubmit": driver},
            configurationOverrides={
                "monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": self._logs_uri}}
            },
        )
        return str(started["jobRunId"])

    def state(self, job_id: str) -> JobState | None:
        try:
            run = self._client.get_job_run(applicationId=self.application, jobRunId=job_id)["jobRun"]
        except self._client.exceptions.ResourceNotFoundException:
            return None
        return JobState(run["state"], run.get("stateDetails") or "", _ENDINGS.get(run["state"]))

    def cancel(self, job_id: str) -> None:
        self._client.cancel_job_run(
            applicationId=self.application, jobRunId=job_id, shutdownGracePeriodInSeconds=GRACE_SECONDS
        )

    def logs(self, job_id: str) -> str:
        """The logs on S3, and the command that gives the Spark UI's address; the address itself would let anyone in."""
        return (
            f"{self._logs_uri}applications/{self.application}/jobs/{job_id}/ (SPARK_DRIVER/stderr.gz); Spark UI: "
            f"aws emr-serverless get-dashboard-for-job-run --application-id {self.application} --job-run-id {job_id}"
        )

    def self_check(self) -> Iterator[Diagnosis]:
        with aws_errors(self.service, "Looking at", f"application {self.application}"):
            found = self._client.get_application(applicationId=self.application)["application"]
            self.find("no-such-job")
        yield good("jobs", "can be listed")
        update = f"aws emr-serverless update-application --application-id {self.application}"
        yield self._readiness(found, update)
        stop = found.get("autoStopConfiguration", {})
        if stop.get("enabled", True):
            yield good("auto-stop", f"after {stop.get('idleTimeoutMinutes', 15)} idle minutes")
        else:
            remedy = f"Run: {update} --auto-stop-configuration enabled=true,idleTimeoutMinutes=15"
            yield bad("auto-stop", "off: workers that are kept ready are paid for, for ever", remedy)
        if most := found.get("maximumCapacity"):
            yield good("capacity", f"{most['cpu']}, {most['memory']} at most")
        else:
            remedy = f"Better: {update} --maximum-capacity cpu=16vCPU,memory=64GB"
            yield unknown("capacity", "no limit but the account's quota", remedy)

    def _readiness(self, found: Mapping[str, Any], update: str) -> Diagnosis:
        subject, state = "application", found["state"]
        if found["type"].lower() != "spark":
            remedy = "Create one of the type SPARK, and name it in USER_BEHAVIOUR_EMR_APPLICATION."
            return bad(subject, f"{self.application} is of the type {found['type']}", remedy)
        if state not in _ALIVE:
            remedy = "Create another (the template in deploy/ does), and name it in USER_BEHAVIOUR_EMR_APPLICATION."
            return bad(subject, f"{self.application} is {state}", remedy)
        if state != "STARTED" and not found.get("autoStartConfiguration", {}).get("enabled", True):
            remedy = f"Run: {update} --auto-start-configuration enabled=true"
            return bad(subject, f"{self.application} is {state} and does not start by itself", remedy)
        return good(subject, f"{self.application}, {found['releaseLabel']}, {state}")

    @property
    def _logs_uri(self) -> str:
        return f"{self.lake.uri(LOGS)}/"
