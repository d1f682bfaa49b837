"""Role: Spark. The application or cluster, the role of its jobs, and who may start them; nothing is started."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import singledispatch
from importlib.util import find_spec
from typing import Any

from user_behaviour.aws.clients import Aws
from user_behaviour.doctor.aws_calls import Answer, Refusal, ask, look, refused
from user_behaviour.doctor.findings import Finding, Role
from user_behaviour.doctor.permissions import may
from user_behaviour.lake.lake import Lake
from user_behaviour.spark.emr_serverless import LOGS, EmrServerlessSpark
from user_behaviour.spark.emr_steps import EmrStepsSpark
from user_behaviour.spark.job import SPARK_JOBS
from user_behaviour.spark.local import LocalSpark
from user_behaviour.spark.programs import PROGRAMS
from user_behaviour.spark.spark import SparkRunner
from user_behaviour.tables.schemas import RAW_REVIEWS

SPARK = Role("spark")
_SERVERLESS = "emr-serverless.amazonaws.com"
_ALIVE = {"CREATING", "CREATED", "STARTING", "STARTED", "STOPPING", "STOPPED"}


@singledispatch
def examine_spark(spark: SparkRunner, lake: Lake) -> Iterator[Finding]:
    """Whether a Spark program could be run on the lake."""
    raise NotImplementedError(f"There is no examination of {type(spark).__name__}; write it here.")


@examine_spark.register
def _(spark: LocalSpark, lake: Lake) -> Iterator[Finding]:  # noqa: ARG001
    yield SPARK.good("Java", str(spark.java_home))
    if find_spec("pyspark"):
        yield SPARK.good("PySpark", "is installed")
    else:
        yield SPARK.bad("PySpark", "is not installed", "Install it with: pip install user_behaviour")


@examine_spark.register
def _(spark: EmrServerlessSpark, lake: Lake) -> Iterator[Finding]:
    aws = spark.aws
    region = aws.client("emr-serverless").meta.region_name
    absent = (
        f"there is no application {spark.application} in {region}",
        "Create it (the template in deploy/ does), or correct USER_BEHAVIOUR_EMR_APPLICATION.",
    )
    answer = ask(aws, "emr-serverless", "get_application", applicationId=spark.application)
    if isinstance(answer, Refusal):
        yield refused(
            SPARK,
            "application",
            answer,
            action="emr-serverless:GetApplication",
            resource=f"application {spark.application}",
            otherwise={"ResourceNotFoundException": absent, "ValidationException": absent},
        )
    else:
        application = answer["application"]
        yield from _application(application)
        start = ("emr-serverless:StartJobRun", "emr-serverless:ListJobRuns")
        watch = ("emr-serverless:GetJobRun", "emr-serverless:CancelJobRun")
        yield may(SPARK, "start jobs", aws, start, on=[application["arn"]])
        yield may(SPARK, "watch jobs", aws, watch, on=[f"{application['arn']}/jobruns/*"])
    yield _trusted(aws, spark.role)
    yield may(
        SPARK, "pass the role", aws, ["iam:PassRole"], on=[spark.role], context={"iam:PassedToService": _SERVERLESS}
    )
    yield from _role_on_lake(aws, spark.role, lake)
    logs = [_arn(lake, f"{LOGS}/*")]
    yield may(SPARK, "role writes logs", aws, ["s3:PutObject"], on=logs, who=spark.role)


@examine_spark.register
def _(spark: EmrStepsSpark, lake: Lake) -> Iterator[Finding]:
    aws = spark.aws
    region = aws.client("emr").meta.region_name
    absent = (f"there is no cluster {spark.cluster} in {region}", "Correct USER_BEHAVIOUR_EMR_CLUSTER, or AWS_REGION.")
    answer = ask(aws, "emr", "describe_cluster", ClusterId=spark.cluster)
    if isinstance(answer, Refusal):
        yield refused(
            SPARK,
            "cluster",
            answer,
            action="elasticmapreduce:DescribeCluster",
            resource=f"cluster {spark.cluster}",
            otherwise={"InvalidRequestException": absent},
        )
        return
    cluster = answer["Cluster"]
    yield from _cluster(cluster)
    steps = ask(aws, "emr", "list_steps", ClusterId=spark.cluster)
    if isinstance(steps, Refusal):
        arn = cluster["ClusterArn"]
        yield refused(SPARK, "steps", steps, action="elasticmapreduce:ListSteps", resource=arn)
    else:
        yield SPARK.good("steps", "can be listed")
    actions = [f"elasticmapreduce:{verb}" for verb in ("AddJobFlowSteps", "DescribeStep", "CancelSteps")]
    yield may(SPARK, "submit steps", aws, actions, on=[cluster["ClusterArn"]])
    if spark.role:
        yield may(SPARK, "pass the role", aws, ["iam:PassRole"], on=[spark.role])
        yield from _role_on_lake(aws, spark.role, lake)


def _application(found: dict[str, Any]) -> Iterator[Finding]:
    id_, update = (
        found["applicationId"],
        f"aws emr-serverless update-application --application-id {found['applicationId']}",
    )
    if found["type"].lower() != "spark":
        remedy = "Create one of the type SPARK, and name it in USER_BEHAVIOUR_EMR_APPLICATION."
        yield SPARK.bad("application", f"{id_} is of the type {found['type']}", remedy)
    elif found["state"] not in _ALIVE:
        remedy = "Create another (the template in deploy/ does), and name it in USER_BEHAVIOUR_EMR_APPLICATION."
        yield SPARK.bad("application", f"{id_} is {found['state']}", remedy)
    elif found["state"] != "STARTED" and not found.get("autoStartConfiguration", {}).get("enabled", True):
        yield SPARK.bad(
            "application",
            f"{id_} is {found['state']} and does not start by itself",
            f"Run: {update} --auto-start-configuration enabled=true",
        )
    else:
        yield SPARK.good("application", f"{id_}, {found['releaseLabel']}, {found['state']}")
    stop = found.get("autoStopConfiguration", {})
    if stop.get("enabled", True):
        yield SPARK.good("auto-stop", f"after {stop.get('idleTimeoutMinutes', 15)} idle minutes")
    else:
        remedy = f"Run: {update} --auto-stop-configuration enabled=true,idleTimeoutMinutes=15"
        yield SPARK.bad("auto-stop", "off: workers that are kept ready are paid for, for ever", remedy)
    if most := found.get("maximumCapacity"):
        yield SPARK.good("capacity", f"{most['cpu']}, {most['memory']} at most")
    else:
        remedy = f"Better: {update} --maximum-capacity cpu=16vCPU,memory=64GB"
        yield SPARK.unknown("capacity", "no limit but the account's quota", remedy)


def _cluster(found: Answer) -> Iterator[Finding]:
    state = found["Status"]["State"]
    told = f"{found['Id']}, {found.get('ReleaseLabel', 'no release')}, {state}"
    remedy = "Take a cluster that is WAITING or RUNNING (USER_BEHAVIOUR_EMR_CLUSTER)."
    yield SPARK.good("cluster", told) if state in {"WAITING", "RUNNING"} else SPARK.bad("cluster", told, remedy)
    if "spark" in {application["Name"].lower() for application in found.get("Applications", ())}:
        yield SPARK.good("applications", "Spark is among them")
    else:
        yield SPARK.bad("applications", "Spark is not among them", "Take a cluster that was created with Spark.")


def _trusted(aws: Aws, role: str) -> Finding:
    """Whether the job's role is there and lets EMR Serverless become it."""
    name = role.rpartition("/")[2]
    answer = look(aws, "iam", "get_role", RoleName=name)
    if isinstance(answer, Refusal):
        if answer.code == "NoSuchEntity":
            remedy = "Create it (the template in deploy/ does), or correct USER_BEHAVIOUR_EMR_ROLE."
            return SPARK.bad("job role", f"there is no role {role}", remedy)
        better = f"A run needs the role {role} to trust {_SERVERLESS}."
        return SPARK.unknown("job role", f"cannot be seen from here (iam:GetRole: {answer.code})", better)
    found = answer["Role"]
    if found["Arn"] != role:
        remedy = f"Set USER_BEHAVIOUR_EMR_ROLE={found['Arn']}"
        return SPARK.bad("job role", f"the ARN of {name} is {found['Arn']}, and not {role}", remedy)
    if _SERVERLESS not in json.dumps(found["AssumeRolePolicyDocument"]):
        remedy = f"Add to its trust policy: sts:AssumeRole for the service {_SERVERLESS}."
        return SPARK.bad("job role", f"{role} does not trust {_SERVERLESS}", remedy)
    return SPARK.good("job role", f"{role} trusts EMR Serverless")


def _role_on_lake(aws: Aws, role: str, lake: Lake) -> Iterator[Finding]:
    """What a job does: it reads its program, its job object and the landed files, and writes what it classified."""
    # Without a slash too: Spark asks whether its base path is an object before it takes it for a directory.
    reads = [RAW_REVIEWS.name, *(f"{directory}/*" for directory in (RAW_REVIEWS.name, PROGRAMS, SPARK_JOBS))]
    yield may(SPARK, "role reads", aws, ["s3:GetObject"], on=[_arn(lake, path) for path in reads], who=role)
    # S3A writes in parts, clears the parts of a task that failed, and what the output replaces.
    writes = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    yield may(SPARK, "role writes", aws, writes, on=[_arn(lake, f"{SPARK_JOBS}/*")], who=role)
    for directory in (RAW_REVIEWS.name, SPARK_JOBS):
        bucket, _, key = _arn(lake, directory).partition("/")
        below = {"s3:prefix": f"{key}/"}
        yield may(SPARK, f"role lists {directory}", aws, ["s3:ListBucket"], on=[bucket], who=role, context=below)


def _arn(lake: Lake, path: str) -> str:
    return f"arn:aws:s3:::{lake.uri(path).removeprefix('s3://')}"
