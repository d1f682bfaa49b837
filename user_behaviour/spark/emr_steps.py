"""Twin of the Spark role: steps on an EMR cluster that exists already, for accounts that pay for one anyway.

AddJobFlowSteps takes no client token. So a step has a name that follows from the job object, and before each
submission, the one after a lost answer included, the cluster's steps are searched for it.
"""

import time
from collections.abc import Iterator, Sequence
from typing import ClassVar

from pydantic import Field

from user_behaviour.aws.errors import UnavailableError, aws_errors
from user_behaviour.diagnosis import Diagnosis, good, judged
from user_behaviour.spark.emr import PYTHON, EmrSpark, JobState, SparkJobError

_ENDINGS = {"COMPLETED": True, "FAILED": False, "INTERRUPTED": False, "CANCELLED": False}


class EmrStepsSpark(EmrSpark):
    """Spark programs as steps on an EMR cluster."""

    service: ClassVar[str] = "emr"
    # Spark sets it before what the cluster's environment says.
    python: ClassVar[Sequence[str]] = ("--conf", f"spark.pyspark.python={PYTHON}")

    cluster: str = Field(description="The cluster's id; it exists already.")
    role: str = Field(default="", description="The ARN of a runtime role, where the cluster asks for one.")

    def find(self, name: str) -> str | None:
        pages = self._client.get_paginator("list_steps").paginate(ClusterId=self.cluster)
        return next((str(step["Id"]) for page in pages for step in page["Steps"] if step["Name"] == name), None)

    def submit(self, name: str, entry_point: str, arguments: Sequence[str], options: Sequence[str]) -> str:
        # Client mode: the driver is the step's own process, so that a cancelled step takes its application along.
        command = ["spark-submit", "--deploy-mode", "client", "--name", name, *options, entry_point, *arguments]
        step = {
            "Name": name,
            "ActionOnFailure": "CONTINUE",
            "HadoopJarStep": {"Jar": "command-runner.jar", "Args": command},
        }
        # botocore would repeat a submission whose answer was lost, and so submit twice.
        client = self.aws.model_copy(update={"max_attempts": 1}).client(self.service)
        role = {"ExecutionRoleArn": self.role} if self.role else {}
        left = self.aws.max_attempts
        while True:
            try:
                with aws_errors(self.service, "Submitting", name):
                    return str(client.add_job_flow_steps(JobFlowId=self.cluster, Steps=[step], **role)["StepIds"][0])
            except UnavailableError:
                left -= 1
                if not left:
                    raise
            time.sleep(self.poll_seconds)
            if found := self.find(name):  # only the answer was lost
                return found

    def state(self, job_id: str) -> JobState | None:
        try:
            step = self._client.describe_step(ClusterId=self.cluster, StepId=job_id)["Step"]
        except self._client.exceptions.InvalidRequestException:
            return None
        status = step["Status"]
        reasons = [*status.get("FailureDetails", {}).values(), status.get("StateChangeReason", {}).get("Message")]
        return JobState(status["State"], "; ".join(text for text in reasons if text), _ENDINGS.get(status["State"]))

    def cancel(self, job_id: str) -> None:
        answer = self._client.cancel_steps(
            ClusterId=self.cluster, StepIds=[job_id], StepCancellationOption="TERMINATE_PROCESS"
        )
        for info in answer["CancelStepsInfoList"]:
            if info["Status"] == "FAILED":
                raise SparkJobError(f"Cancelling step {job_id} was refused: {info.get('Reason', 'no reason given')}.")

    def logs(self, job_id: str) -> str:
        """The step's logs on S3, some minutes late, and the cluster's page."""
        meta = self._client.meta
        page = f"https://console.aws.amazon.com/emr/home?region={meta.region_name}#/clusterDetails/{self.cluster}"
        uri = self._client.describe_cluster(ClusterId=self.cluster)["Cluster"].get("LogUri")
        if not uri:
            return f"{page} (the cluster has no LogUri and keeps its logs to itself)"
        root = uri.replace("s3n://", "s3://").rstrip("/")
        return f"{root}/{self.cluster}/steps/{job_id}/ (stderr.gz); {page}"

    def self_check(self) -> Iterator[Diagnosis]:
        with aws_errors(self.service, "Looking at", f"cluster {self.cluster}"):
            found = self._client.describe_cluster(ClusterId=self.cluster)["Cluster"]
            self.find("no-such-job")
        yield good("jobs", "can be listed")
        state = found["Status"]["State"]
        described = f"{self.cluster}, {found.get('ReleaseLabel', 'no release')}, {state}"
        remedy = "Take one that is WAITING or RUNNING (USER_BEHAVIOUR_EMR_CLUSTER)."
        yield judged("cluster", state in {"WAITING", "RUNNING"}, described, remedy)
        names = [application["Name"] for application in found.get("Applications", ())]
        remedy = "Take a cluster that was created with Spark."
        yield judged("applications", "Spark" in names, ", ".join(names), remedy)
