"""EMR Serverless, a cluster and local Spark check themselves: nothing is started, each red has its remedy."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from user_behaviour.aws.clients import Aws
from user_behaviour.aws.errors import AbsentError, AccessDeniedError
from user_behaviour.deployments import SPARK_JOBS
from user_behaviour.doctor.needed_permissions import spark_permissions
from user_behaviour.doctor.permissions import may
from user_behaviour.lake.local import LocalLake
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.spark.emr_serverless import EmrServerlessSpark
from user_behaviour.spark.emr_steps import EmrStepsSpark
from user_behaviour.spark.local import LocalSpark
from user_behaviour_tests.cloud.moto_server import REGION, Cloud
from user_behaviour_tests.cloud.policies import answering, host, refusing, simulating, target
from user_behaviour_tests.doctor.said import complaints, said, without_jobs

SERVICE = "emr-serverless.amazonaws.com"
ASKED_OF_IAM = (
    "start jobs",
    "watch jobs",
    "job role",
    "pass the role",
    "role reads",
    "role writes",
    "role lists movie_review_file",
    "role lists raw_reviews",
    "role lists review_classifier",
    "role lists _staging",
    "role writes logs",
)


@pytest.fixture
def lake(cloud: Cloud) -> Iterator[S3Lake]:
    with cloud.behind(without_jobs):
        yield S3Lake(aws=cloud.aws, bucket=cloud.bucket(), prefix="ub")


@pytest.fixture
def allowed(cloud: Cloud) -> Iterator[None]:
    """IAM's simulation allows everything."""
    with cloud.behind(simulating()):
        yield


def role(cloud: Cloud, *, service: str = SERVICE) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    made = cloud.aws.client("iam").create_role(
        RoleName=f"job-{secrets.token_hex(4)}", AssumeRolePolicyDocument=document
    )
    return str(made["Role"]["Arn"])


def application(cloud: Cloud, **otherwise: Any) -> str:
    most = {"cpu": "16vCPU", "memory": "64GB"}
    asked = {"name": "ub", "releaseLabel": "emr-7.12.0", "type": "SPARK", "maximumCapacity": most, **otherwise}
    made = cloud.aws.client("emr-serverless").create_application(**{k: v for k, v in asked.items() if v is not None})
    return str(made["applicationId"])


def serverless(lake: S3Lake, application: str, role: str = "arn:aws:iam::1:role/r", **aws: Any) -> EmrServerlessSpark:
    clients = Aws(**aws) if aws else lake.aws
    return EmrServerlessSpark(aws=clients, programs=str(SPARK_JOBS), lake=lake, application=application, role=role)


def steps(lake: S3Lake, cluster: str, role: str = "") -> EmrStepsSpark:
    return EmrStepsSpark(aws=lake.aws, programs=str(SPARK_JOBS), lake=lake, cluster=cluster, role=role)


def changing(environ: dict[str, Any]) -> bool:
    """Whatever asks EMR Serverless for more than a look."""
    return environ["REQUEST_METHOD"] != "GET" and host("emr-serverless")(environ)


def test_a_good_application_is_green_throughout_and_is_only_looked_at(
    cloud: Cloud, lake: S3Lake, allowed: None
) -> None:
    spark = serverless(lake, application(cloud), arn := role(cloud))
    with cloud.behind(refusing(changing, "AccessDenied")):
        assert said(spark.self_check()).splitlines() == [
            "✓ jobs: can be listed",
            f"✓ application: {spark.application}, emr-7.12.0, STARTED",
            "✓ auto-stop: after 15 idle minutes",
            "✓ capacity: 16vCPU, 64GB at most",
        ]
        assert said(spark_permissions(spark, lake)).splitlines() == [
            "✓ start jobs: allowed: emr-serverless:StartJobRun, emr-serverless:ListJobRuns",
            "✓ watch jobs: allowed: emr-serverless:GetJobRun, emr-serverless:CancelJobRun",
            f"✓ job role: {arn} trusts {SERVICE}",
            "✓ pass the role: allowed: iam:PassRole",
            "✓ role reads: allowed: s3:GetObject",
            "✓ role writes: allowed: s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload",
            "✓ role lists movie_review_file: allowed: s3:ListBucket",
            "✓ role lists raw_reviews: allowed: s3:ListBucket",
            "✓ role lists review_classifier: allowed: s3:ListBucket",
            "✓ role lists _staging: allowed: s3:ListBucket",
            "✓ role writes logs: allowed: s3:PutObject",
        ]


UPDATE = "aws emr-serverless update-application --application-id ID"


@pytest.mark.parametrize(
    ("otherwise", "left", "expected"),
    [
        (
            {"type": "HIVE"},
            "",
            "✗ application: ID is of the type Hive\n"
            "  Create one of the type SPARK, and name it in USER_BEHAVIOUR_EMR_APPLICATION.",
        ),
        (
            {"autoStopConfiguration": {"enabled": False}},
            "",
            "✗ auto-stop: off: workers that are kept ready are paid for, for ever\n"
            f"  Run: {UPDATE} --auto-stop-configuration enabled=true,idleTimeoutMinutes=15",
        ),
        (
            {"maximumCapacity": None},
            "",
            "– capacity: no limit but the account's quota\n"
            f"  Better: {UPDATE} --maximum-capacity cpu=16vCPU,memory=64GB",
        ),
        (
            {},
            "deleted",
            "✗ application: ID is TERMINATED\n"
            "  Create another (the template in deploy/ does), and name it in USER_BEHAVIOUR_EMR_APPLICATION.",
        ),
        (
            {"autoStartConfiguration": {"enabled": False}},
            "stopped",
            "✗ application: ID is STOPPED and does not start by itself\n"
            f"  Run: {UPDATE} --auto-start-configuration enabled=true",
        ),
        ({}, "stopped", ""),
    ],
)
def test_an_application_that_is_unfit_or_carelessly_made_is_told(
    cloud: Cloud, lake: S3Lake, otherwise: dict[str, Any], left: str, expected: str
) -> None:
    id_, client = application(cloud, **otherwise), cloud.aws.client("emr-serverless")
    if left:
        client.stop_application(applicationId=id_)
    if left == "deleted":
        client.delete_application(applicationId=id_)
    assert complaints(serverless(lake, id_).self_check()).replace(id_, "ID") == expected


@pytest.mark.parametrize(
    ("code", "kind", "remedy"),
    [
        ("", AbsentError, "Create the application (the template in deploy/ does), or correct USER_BEHAVIOUR_EMR_APP"),
        ("AccessDeniedException", AccessDeniedError, "Allow emr-serverless:GetApplication on application 00f to the"),
    ],
)
def test_an_application_that_is_not_there_or_may_not_be_looked_at_ends_the_check(
    cloud: Cloud, lake: S3Lake, code: str, kind: type[Exception], remedy: str
) -> None:
    refused = lambda environ: bool(code) and host("emr-serverless")(environ)  # noqa: E731
    with cloud.behind(refusing(refused, code)), pytest.raises(kind) as caught:
        said(serverless(lake, "00f").self_check())
    assert f"Looking at application 00f failed: EMR Serverless says {code or 'ResourceNotFound'}" in str(caught.value)
    assert remedy in str(caught.value)


def test_a_job_role_that_is_not_there_not_trusting_or_misnamed_is_red(
    cloud: Cloud, lake: S3Lake, allowed: None
) -> None:
    own, other, absent = role(cloud), role(cloud, service="ec2.amazonaws.com"), "arn:aws:iam::123456789012:role/absent"
    wrong = own.replace("123456789012", "210987654321")
    for arn, found, remedy in (
        (
            absent,
            f"there is no role {absent}",
            "Create it (the template in deploy/ does), or correct USER_BEHAVIOUR_EMR",
        ),
        (other, f"{other} does not trust {SERVICE}", "Add to its trust policy: sts:AssumeRole for the service"),
        (wrong, f"the ARN of {own.rpartition('/')[2]} is {own}, and not {wrong}", f"Set USER_BEHAVIOUR_EMR_ROLE={own}"),
    ):
        told = complaints(spark_permissions(serverless(lake, "00f", arn), lake))
        assert told.startswith(f"✗ job role: {found}\n  {remedy}")
        assert len(told.splitlines()) == 2


def test_permissions_of_the_caller_and_of_the_role_are_told_apart(cloud: Cloud, lake: S3Lake) -> None:
    spark = serverless(lake, "00f", arn := role(cloud))
    asked: list[dict[str, list[str]]] = []
    denied = {"iam:PassRole", "s3:PutObject", "s3:ListBucket", "emr-serverless:StartJobRun"}
    with cloud.behind(simulating(denied=denied, asked=asked)):
        found = complaints(spark_permissions(spark, lake))
    bucket, arns = f"arn:aws:s3:::{lake.bucket}", "arn:aws:emr-serverless:eu-west-1:123456789012:/applications/00f"
    assert found == "\n".join(
        f"✗ {subject}: not allowed: {action}\n  Allow {action} on {where} to {whom}."
        for subject, action, where, whom in (
            ("start jobs", "emr-serverless:StartJobRun", arns, "the identity in use"),
            ("pass the role", "iam:PassRole", f"{arn} (with iam:PassedToService {SERVICE})", "the identity in use"),
            ("role writes", "s3:PutObject", f"{bucket}/ub/_staging/*", f"the role {arn}"),
            (
                "role lists movie_review_file",
                "s3:ListBucket",
                f"{bucket} (with s3:prefix ub/movie_review_file/)",
                f"the role {arn}",
            ),
            (
                "role lists raw_reviews",
                "s3:ListBucket",
                f"{bucket} (with s3:prefix ub/raw_reviews/)",
                f"the role {arn}",
            ),
            (
                "role lists review_classifier",
                "s3:ListBucket",
                f"{bucket} (with s3:prefix ub/review_classifier/)",
                f"the role {arn}",
            ),
            ("role lists _staging", "s3:ListBucket", f"{bucket} (with s3:prefix ub/_staging/)", f"the role {arn}"),
            ("role writes logs", "s3:PutObject", f"{bucket}/ub/_logs/spark/*", f"the role {arn}"),
        )
    )
    passing = next(request for request in asked if request["ActionNames.member.1"] == ["iam:PassRole"])
    assert passing["ContextEntries.member.1.ContextKeyName"] == ["iam:PassedToService"]
    assert passing["ContextEntries.member.1.ContextKeyValues.member.1"] == [SERVICE]


def test_only_the_resources_on_which_something_is_denied_are_in_the_remedy(cloud: Cloud) -> None:
    decisions = {("s3:GetObject", "arn:a"): "allowed", ("s3:GetObject", "arn:b"): "explicitDeny"} | {
        ("s3:PutObject", resource): "allowed" for resource in ("arn:a", "arn:b")
    }
    members = "".join(
        f"<member><EvalActionName>{action}</EvalActionName><EvalResourceName>{resource}</EvalResourceName>"
        f"<EvalDecision>{decision}</EvalDecision></member>"
        for (action, resource), decision in decisions.items()
    )
    body = f"<Answer><SimulatePrincipalPolicyResult><EvaluationResults>{members}</EvaluationResults>"
    who = "arn:aws:iam::123456789012:role/r"
    with cloud.behind(answering(host("iam"), f"{body}</SimulatePrincipalPolicyResult></Answer>")):
        found = may("objects", cloud.aws, ["s3:GetObject", "s3:PutObject"], on=["arn:a", "arn:b"], who=who)
    assert said([found]) == (f"✗ objects: not allowed: s3:GetObject\n  Allow s3:GetObject on arn:b to the role {who}.")


PAGE = "<!doctype html><html lang=en><title>500 Internal Server Error</title><p>Sorry</html>"


@pytest.mark.parametrize("trouble", ["AccessDenied", "ResponseParserError", "EndpointConnectionError"])
def test_where_iam_cannot_be_asked_the_permissions_are_unknown_and_the_needs_listed(
    cloud: Cloud, lake: S3Lake, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    """A run never calls IAM. A page of HTML once ended the doctor: its error is none of botocore's BotoCoreErrors."""
    arn, middleware = role(cloud), refusing(host("iam"), "AccessDenied")
    if trouble == "ResponseParserError":  # of a proxy on the way, or of a server that lacks the action
        middleware = answering(lambda one: host("iam")(one) or host("sts")(one), PAGE, status="500 Server Error")
    spark = serverless(lake, "00f", arn, region_name=REGION, endpoint_url=cloud.url, max_attempts=1)
    if trouble == "EndpointConnectionError":
        monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_IAM", "http://127.0.0.1:9")
        monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "false")
        spark = serverless(lake, "00f", arn, region_name=REGION, max_attempts=1)
    with cloud.behind(middleware):
        lines = said(spark_permissions(spark, lake)).splitlines()
    found = dict(zip(lines[::2], lines[1::2], strict=True))
    assert [line.partition(": ")[0] for line in found] == [f"– {subject}" for subject in ASKED_OF_IAM]
    needed = f"  A run needs the role {arn} to trust {SERVICE}."
    assert found[f"– job role: cannot be seen from here (iam:GetRole: {trouble})"] == needed
    passed, logs = (
        found[f"– {subject}: cannot be seen from here (iam:SimulatePrincipalPolicy: {trouble})"]
        for subject in ("pass the role", "role writes logs")
    )
    whom = "for the identity in use"
    assert passed == f"  A run needs: iam:PassRole on {arn} (with iam:PassedToService {SERVICE}), {whom}."
    assert logs == f"  A run needs: s3:PutObject on arn:aws:s3:::{lake.bucket}/ub/_logs/spark/*, for the role {arn}."


def cluster(cloud: Cloud, *applications: str) -> str:
    made = cloud.aws.client("emr").run_job_flow(
        Name="ub",
        ReleaseLabel="emr-7.12.0",
        Instances={"InstanceCount": 1, "MasterInstanceType": "m5.xlarge", "KeepJobFlowAliveWhenNoSteps": True},
        Applications=[{"Name": name} for name in applications],
        JobFlowRole="EMR_EC2_DefaultRole",
        ServiceRole="EMR_DefaultRole",
    )
    return str(made["JobFlowId"])


def test_a_good_cluster_is_green_and_gets_no_step(cloud: Cloud, lake: S3Lake, allowed: None) -> None:
    spark = steps(lake, cluster(cloud, "Hadoop", "Spark"))
    assert said(spark.self_check()).splitlines() == [
        "✓ jobs: can be listed",
        f"✓ cluster: {spark.cluster}, emr-7.12.0, WAITING",
        "✓ applications: Hadoop, Spark",
    ]
    verbs = [f"elasticmapreduce:{verb}" for verb in ("AddJobFlowSteps", "DescribeStep", "CancelSteps")]
    assert said(spark_permissions(spark, lake)) == f"✓ submit steps: allowed: {', '.join(verbs)}"
    with_role = said(spark_permissions(steps(lake, spark.cluster, role(cloud)), lake)).splitlines()
    asked = [line.partition(": ")[0] for line in with_role]
    assert asked == [f"✓ {subject}" for subject in ("submit steps", "pass the role", *ASKED_OF_IAM[4:-1])]
    assert cloud.aws.client("emr").list_steps(ClusterId=spark.cluster)["Steps"] == []


def test_submitting_steps_is_simulated_on_the_cluster(cloud: Cloud, lake: S3Lake) -> None:
    id_ = cluster(cloud, "Spark")
    with cloud.behind(simulating(denied={"elasticmapreduce:AddJobFlowSteps"})):
        found = complaints(spark_permissions(steps(lake, id_), lake))
    arn = f"arn:aws:elasticmapreduce:eu-west-1:123456789012:cluster/{id_}"
    assert found.endswith(f"  Allow elasticmapreduce:AddJobFlowSteps on {arn} to the identity in use.")


def test_a_cluster_that_has_ended_or_has_no_spark_is_red(cloud: Cloud, lake: S3Lake) -> None:
    id_ = cluster(cloud, "Hadoop")
    cloud.aws.client("emr").terminate_job_flows(JobFlowIds=[id_])
    assert complaints(steps(lake, id_).self_check()) == (
        f"✗ cluster: {id_}, emr-7.12.0, TERMINATED\n"
        "  Take one that is WAITING or RUNNING (USER_BEHAVIOUR_EMR_CLUSTER).\n"
        "✗ applications: Hadoop\n  Take a cluster that was created with Spark."
    )


def test_a_cluster_that_is_not_there_or_whose_steps_may_not_be_listed_ends_the_check(
    cloud: Cloud, lake: S3Lake
) -> None:
    with pytest.raises(AbsentError, match=r"Looking at cluster j-ABSENT failed: .*Correct USER_BEHAVIOUR_EMR_CLUSTER"):
        said(steps(lake, "j-ABSENT").self_check())
    id_ = cluster(cloud, "Spark")
    with (
        cloud.behind(refusing(target("ElasticMapReduce.ListSteps"), "AccessDeniedException")),
        pytest.raises(AccessDeniedError, match=f"Allow elasticmapreduce:ListSteps on cluster {id_} to the identity"),
    ):
        said(steps(lake, id_).self_check())


def test_local_spark_names_its_java(tmp_path: Path) -> None:
    spark = LocalSpark(programs=str(SPARK_JOBS), home=str(tmp_path))
    assert said(spark.self_check()) == f"✓ Java: {spark.java_home}\n✓ PySpark: is installed"
    assert said(spark_permissions(spark, LocalLake(root=str(tmp_path)))) == ""
