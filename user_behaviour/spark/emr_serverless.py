"""Twin of the Spark role: EMR Serverless. A job is a job run of an application that exists already and stops by itself.

Started with a client token that follows from the job object, so that a request whose answer was lost, or that a
restarted orchestrator makes again, starts nothing twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

from pydantic import Field

from user_behaviour.spark.emr import EmrSpark
from user_behaviour.spark.emr_job import Ending, JobState

LOGS = "_logs/spark"
# Between the polite and the hard end of a cancelled job, in seconds; 15 is the least that EMR takes.
GRACE_SECONDS = 15
# The least time-out that EMR Serverless takes, in minutes.
LEAST_MINUTES = 5
_ENDINGS = {"SUCCESS": Ending.SUCCESS, "FAILED": Ending.FAILURE, "CANCELLED": Ending.CANCELLATION}


class EmrServerlessSpark(EmrSpark):
    """Spark programs as job runs of an application of EMR Serverless."""

    application: str = Field(description="The application's id; it exists already, and stops by itself.")
    role: str = Field(description="The ARN of the role as which jobs run.")
    spark_parameters: str = Field(default="", description="More parameters of spark-submit, such as `--conf a=b`.")

    def find(self, name: str) -> str | None:
        """Looks by itself: how long EMR remembers a client token is not documented."""
        # An older one has ended: EMR's own time-out is on it.
        since = datetime.now(UTC) - timedelta(days=1, minutes=self.minutes)
        pages = self._client.get_paginator("list_job_runs").paginate(
            applicationId=self.application, createdAtAfter=since
        )
        return next((str(run["id"]) for page in pages for run in page["jobRuns"] if run.get("name") == name), None)

    def submit(self, name: str, entry_point: str, arguments: Sequence[str]) -> str:
        driver: dict[str, Any] = {"entryPoint": entry_point, "entryPointArguments": list(arguments)}
        if self.spark_parameters:
            driver["sparkSubmitParameters"] = self.spark_parameters
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

    @property
    def _logs_uri(self) -> str:
        return f"{self.lake.uri(LOGS)}/"

    @property
    def _client(self) -> Any:
        return self.aws.client("emr-serverless")
