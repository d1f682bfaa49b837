"""The doctor on EMR Serverless, on a cluster, and on local Spark: nothing is started, each red has its remedy."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from user_behaviour.aws.clients import Aws
from user_behaviour.deployments import SPARK_JOBS
from user_behaviour.doctor.findings import Finding
from user_behaviour.doctor.permissions import may
from user_behaviour.doctor.spark import SPARK, examine_spark
from user_behaviour.lake.local import LocalLake
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.spark.emr_serverless import EmrServerlessSpark
from user_behaviour.spark.emr_steps import EmrStepsSpark
from user_behaviour.spark.local import LocalSpark
from user_behaviour_tests.cloud.moto_server import REGION, Cloud, Middleware, Wsgi
from user_behaviour_tests.cloud.policies import answering, host, refusing, simulating, target

Told = tuple[str, bool | None, str, str]
ASKED_OF_IAM = (
    "start jobs",
    "watch jobs",
    "job role",
    "pass the role",
    "role reads",
    "role writes",
    "role lists raw_reviews",
    "role lists _staging",
    "role writes logs",
)
TRUST = {"Effect": "Allow", "Principal": {"Service": "emr-serverless.amazonaws.com"}, "Action": "sts:AssumeRole"}


def told(findings: Iterable[Finding]) -> list[Told]:
    return [(finding.subject, finding.ok, finding.found, finding.remedy) for finding in findings]


def not_good(findings: Iterable[Finding]) -> list[Told]:
    return [found for found in told(findings) if not found[1]]


@pytest.fixture
def lake(cloud: Cloud) -> S3Lake:
    return S3Lake(aws=cloud.aws, bucket=cloud.bucket(), prefix="ub")


@pytest.fixture
def allowed(cloud: Cloud) -> Iterator[None]:
    """IAM's simulation allows everything."""
    with cloud.behind(simulating()):
        yield


def role(cloud: Cloud, **trust: Any) -> str:
    document = json.dumps({"Version": "2012-10-17", "Statement": [{**TRUST, **trust}]})
    made = cloud.aws.client("iam").create_role(
        RoleName=f"job-{secrets.token_hex(4)}", AssumeRolePolicyDocument=document
    )
    return str(made["Role"]["Arn"])


def application(cloud: Cloud, *, type: str = "SPARK", **more: Any) -> str:  # noqa: A002
    most = {"cpu": "16vCPU", "memory": "64GB"}
    made = cloud.aws.client("emr-serverless").create_application(
        **{"name": "ub", "releaseLabel": "emr-7.12.0", "type": type, "maximumCapacity": most, **more}
    )
    return str(made["applicationId"])


def serverless(cloud: Cloud, lake: S3Lake, application: str, role: str) -> EmrServerlessSpark:
    return EmrServerlessSpark(
        aws=cloud.aws, programs=str(SPARK_JOBS), lake=lake, application=application, role=role, minutes=60
    )


def recording(seen: list[str]) -> Middleware:
    """Keeps the methods of the requests to EMR Serverless."""

    def middleware(application: Wsgi) -> Wsgi:
        def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            if host("emr-serverless")(environ):
                seen.append(environ["REQUEST_METHOD"])
            return application(environ, start_response)

        return answer

    return middleware


def test_a_good_application_is_green_throughout_and_is_only_looked_at(
    cloud: Cloud, lake: S3Lake, allowed: None
) -> None:
    id_, arn = application(cloud), role(cloud)
    requests: list[str] = []
    with cloud.behind(recording(requests)):
        found = told(examine_spark(serverless(cloud, lake, id_, arn), lake))
    assert found == [
        ("application", True, f"{id_}, emr-7.12.0, STARTED", ""),
        ("auto-stop", True, "after 15 idle minutes", ""),
        ("capacity", True, "16vCPU, 64GB at most", ""),
        ("start jobs", True, "allowed: emr-serverless:StartJobRun, emr-serverless:ListJobRuns", ""),
        ("watch jobs", True, "allowed: emr-serverless:GetJobRun, emr-serverless:CancelJobRun", ""),
        ("job role", True, f"{arn} trusts EMR Serverless", ""),
        ("pass the role", True, "allowed: iam:PassRole", ""),
        ("role reads", True, "allowed: s3:GetObject", ""),
        ("role writes", True, "allowed: s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload", ""),
        ("role lists raw_reviews", True, "allowed: s3:ListBucket", ""),
        ("role lists _staging", True, "allowed: s3:ListBucket", ""),
        ("role writes logs", True, "allowed: s3:PutObject", ""),
    ]
    assert requests == ["GET"]


def test_an_application_that_is_not_there_is_red(cloud: Cloud, lake: S3Lake, allowed: None) -> None:
    assert not_good(examine_spark(serverless(cloud, lake, "00fabsent0000000", role(cloud)), lake)) == [
        (
            "application",
            False,
            "there is no application 00fabsent0000000 in eu-west-1",
            "Create it (the template in deploy/ does), or correct USER_BEHAVIOUR_EMR_APPLICATION.",
        )
    ]


def test_an_application_of_another_kind_or_carelessly_made_is_told(cloud: Cloud, lake: S3Lake, allowed: None) -> None:
    made = cloud.aws.client("emr-serverless").create_application(
        name="ub", releaseLabel="emr-7.12.0", type="HIVE", autoStopConfiguration={"enabled": False}
    )
    id_ = made["applicationId"]
    assert not_good(examine_spark(serverless(cloud, lake, id_, role(cloud)), lake)) == [
        (
            "application",
            False,
            f"{id_} is of the type Hive",
            "Create one of the type SPARK, and name it in USER_BEHAVIOUR_EMR_APPLICATION.",
        ),
        (
            "auto-stop",
            False,
            "off: workers that are kept ready are paid for, for ever",
            f"Run: aws emr-serverless update-application --application-id {id_} "
            "--auto-stop-configuration enabled=true,idleTimeoutMinutes=15",
        ),
        (
            "capacity",
            None,
            "no limit but the account's quota",
            f"Better: aws emr-serverless update-application --application-id {id_} "
            "--maximum-capacity cpu=16vCPU,memory=64GB",
        ),
    ]


def test_a_terminated_application_is_red(cloud: Cloud, lake: S3Lake, allowed: None) -> None:
    id_, client = application(cloud), cloud.aws.client("emr-serverless")
    client.stop_application(applicationId=id_)
    assert told(examine_spark(serverless(cloud, lake, id_, role(cloud)), lake))[0][1:3] == (
        True,
        f"{id_}, emr-7.12.0, STOPPED",
    )
    client.delete_application(applicationId=id_)
    (found,) = not_good(examine_spark(serverless(cloud, lake, id_, role(cloud)), lake))
    assert found == (
        "application",
        False,
        f"{id_} is TERMINATED",
        "Create another (the template in deploy/ does), and name it in USER_BEHAVIOUR_EMR_APPLICATION.",
    )


def test_a_stopped_application_that_does_not_start_by_itself_is_red(cloud: Cloud, lake: S3Lake, allowed: None) -> None:
    id_ = application(cloud, autoStartConfiguration={"enabled": False})
    cloud.aws.client("emr-serverless").stop_application(applicationId=id_)
    (found,) = not_good(examine_spark(serverless(cloud, lake, id_, role(cloud)), lake))
    assert found == (
        "application",
        False,
        f"{id_} is STOPPED and does not start by itself",
        f"Run: aws emr-serverless update-application --application-id {id_} --auto-start-configuration enabled=true",
    )


def test_a_job_role_that_is_not_there_or_not_trusting_is_red(cloud: Cloud, lake: S3Lake, allowed: None) -> None:
    id_, absent = application(cloud), "arn:aws:iam::123456789012:role/absent"
    assert not_good(examine_spark(serverless(cloud, lake, id_, absent), lake)) == [
        (
            "job role",
            False,
            f"there is no role {absent}",
            "Create it (the template in deploy/ does), or correct USER_BEHAVIOUR_EMR_ROLE.",
        )
    ]
    other = role(cloud, Principal={"Service": "ec2.amazonaws.com"})
    assert not_good(examine_spark(serverless(cloud, lake, id_, other), lake)) == [
        (
            "job role",
            False,
            f"{other} does not trust emr-serverless.amazonaws.com",
            "Add to its trust policy: sts:AssumeRole for the service emr-serverless.amazonaws.com.",
        )
    ]
    own = role(cloud)
    wrong = own.replace("123456789012", "210987654321")
    assert not_good(examine_spark(serverless(cloud, lake, id_, wrong), lake))[0] == (
        "job role",
        False,
        f"the ARN of {own.rpartition('/')[2]} is {own}, and not {wrong}",
        f"Set USER_BEHAVIOUR_EMR_ROLE={own}",
    )


def test_permissions_of_the_caller_and_of_the_role_are_told_apart(cloud: Cloud, lake: S3Lake) -> None:
    id_, arn = application(cloud), role(cloud)
    asked: list[dict[str, list[str]]] = []
    denied = {"iam:PassRole", "s3:PutObject", "s3:ListBucket", "emr-serverless:StartJobRun"}
    with cloud.behind(simulating(denied=denied, asked=asked)):
        found = not_good(examine_spark(serverless(cloud, lake, id_, arn), lake))
    bucket = lake.place.bucket
    assert found == [
        (
            "start jobs",
            False,
            "not allowed: emr-serverless:StartJobRun",
            f"Allow emr-serverless:StartJobRun on arn:aws:emr-serverless:eu-west-1:123456789012:/applications/{id_} "
            "to the identity in use.",
        ),
        (
            "pass the role",
            False,
            "not allowed: iam:PassRole",
            f"Allow iam:PassRole on {arn} (with iam:PassedToService emr-serverless.amazonaws.com) "
            "to the identity in use.",
        ),
        (
            "role writes",
            False,
            "not allowed: s3:PutObject",
            f"Allow s3:PutObject on arn:aws:s3:::{bucket}/ub/_staging/* to the role {arn}.",
        ),
        (
            "role lists raw_reviews",
            False,
            "not allowed: s3:ListBucket",
            f"Allow s3:ListBucket on arn:aws:s3:::{bucket} (with s3:prefix ub/raw_reviews/) to the role {arn}.",
        ),
        (
            "role lists _staging",
            False,
            "not allowed: s3:ListBucket",
            f"Allow s3:ListBucket on arn:aws:s3:::{bucket} (with s3:prefix ub/_staging/) to the role {arn}.",
        ),
        (
            "role writes logs",
            False,
            "not allowed: s3:PutObject",
            f"Allow s3:PutObject on arn:aws:s3:::{bucket}/ub/_logs/spark/* to the role {arn}.",
        ),
    ]
    passing = next(request for request in asked if request["ActionNames.member.1"] == ["iam:PassRole"])
    assert passing["ContextEntries.member.1.ContextKeyName"] == ["iam:PassedToService"]
    assert passing["ContextEntries.member.1.ContextKeyValues.member.1"] == ["emr-serverless.amazonaws.com"]


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
    with cloud.behind(answering(host("iam"), f"{body}</SimulatePrincipalPolicyResult></Answer>")):
        actions = ["s3:GetObject", "s3:PutObject"]
        found = may(SPARK, "objects", cloud.aws, actions, on=["arn:a", "arn:b"], who="arn:aws:iam::123456789012:role/r")
    assert found == SPARK.bad(
        "objects",
        "not allowed: s3:GetObject",
        "Allow s3:GetObject on arn:b to the role arn:aws:iam::123456789012:role/r.",
    )


def test_without_any_permission_on_iam_the_needs_are_listed(cloud: Cloud, lake: S3Lake) -> None:
    id_, arn = application(cloud), role(cloud)
    with cloud.behind(refusing(host("iam"), "AccessDenied")):
        found = not_good(examine_spark(serverless(cloud, lake, id_, arn), lake))
    assert {ok for _, ok, _, _ in found} == {None}
    assert ("job role", None, "cannot be seen from here (iam:GetRole: AccessDenied)",
            f"A run needs the role {arn} to trust emr-serverless.amazonaws.com.") in found  # fmt: skip
    assert (
        "pass the role",
        None,
        "cannot be seen from here (iam:SimulatePrincipalPolicy: not allowed, AccessDenied)",
        f"A run needs: iam:PassRole on {arn} (with iam:PassedToService emr-serverless.amazonaws.com), "
        "for the identity in use.",
    ) in found


PAGE = "<!doctype html><html lang=en><title>500 Internal Server Error</title><p>Sorry</html>"


def page(application: Wsgi) -> Wsgi:
    """A page of HTML in place of IAM and STS: of a proxy on the way, or of a server that lacks the action."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not (host("iam")(environ) or host("sts")(environ)):
            return application(environ, start_response)
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response("500 Internal Server Error", [("Content-Type", "text/html")])
        return [PAGE.encode()]

    return answer


def test_a_page_of_html_in_place_of_iam_s_answer_leaves_the_permissions_unknown(cloud: Cloud, lake: S3Lake) -> None:
    """Once it ended the doctor: botocore's ResponseParserError is none of its BotoCoreErrors."""
    id_, arn = application(cloud), role(cloud)
    once = Aws(region_name=REGION, endpoint_url=cloud.url, max_attempts=1)
    spark = EmrServerlessSpark(aws=once, programs=str(SPARK_JOBS), lake=lake, application=id_, role=arn, minutes=60)
    with cloud.behind(page):
        found = not_good(examine_spark(spark, lake))
    assert [(subject, ok) for subject, ok, _, _ in found] == [(subject, None) for subject in ASKED_OF_IAM]
    assert found[-1] == (
        "role writes logs",
        None,
        "cannot be seen from here (iam:SimulatePrincipalPolicy: failed, ResponseParserError)",
        f"A run needs: s3:PutObject on arn:aws:s3:::{lake.place.bucket}/ub/_logs/spark/*, for the role {arn}.",
    )


def test_iam_out_of_reach_leaves_the_permissions_unknown(
    cloud: Cloud, lake: S3Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run never calls IAM: a network without a way there is no hindrance."""
    id_, arn = application(cloud), role(cloud)
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_IAM", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "false")
    spark = EmrServerlessSpark(
        aws=Aws(region_name=REGION, max_attempts=1),
        programs=str(SPARK_JOBS),
        lake=lake,
        application=id_,
        role=arn,
        minutes=60,
    )
    found = not_good(examine_spark(spark, lake))
    assert [(subject, ok) for subject, ok, _, _ in found] == [(subject, None) for subject in ASKED_OF_IAM]
    assert found[-1][2] == (
        "cannot be seen from here (iam:SimulatePrincipalPolicy: failed, AWS cannot be reached: "
        'Could not connect to the endpoint URL: "http://127.0.0.1:9/")'
    )


def test_an_application_that_may_not_be_looked_at_is_red(cloud: Cloud, lake: S3Lake, allowed: None) -> None:
    id_ = application(cloud)
    with cloud.behind(refusing(host("emr-serverless"), "AccessDeniedException")):
        (found,) = not_good(examine_spark(serverless(cloud, lake, id_, role(cloud)), lake))
    assert found == (
        "application",
        False,
        "not allowed (AccessDeniedException)",
        f"Allow emr-serverless:GetApplication on application {id_} to the identity in use.",
    )


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


def steps(cloud: Cloud, lake: S3Lake, cluster: str) -> EmrStepsSpark:
    return EmrStepsSpark(aws=cloud.aws, programs=str(SPARK_JOBS), lake=lake, cluster=cluster, minutes=60)


def test_a_good_cluster_is_green_and_gets_no_step(cloud: Cloud, lake: S3Lake, allowed: None) -> None:
    id_ = cluster(cloud, "Hadoop", "Spark")
    assert told(examine_spark(steps(cloud, lake, id_), lake)) == [
        ("cluster", True, f"{id_}, emr-7.12.0, WAITING", ""),
        ("applications", True, "Spark is among them", ""),
        ("steps", True, "can be listed", ""),
        (
            "submit steps",
            True,
            "allowed: elasticmapreduce:AddJobFlowSteps, elasticmapreduce:DescribeStep, elasticmapreduce:CancelSteps",
            "",
        ),
    ]
    assert cloud.aws.client("emr").list_steps(ClusterId=id_)["Steps"] == []


def test_a_cluster_that_is_not_there_has_ended_or_has_no_spark_is_red(
    cloud: Cloud, lake: S3Lake, allowed: None
) -> None:
    assert told(examine_spark(steps(cloud, lake, "j-ABSENT"), lake)) == [
        (
            "cluster",
            False,
            "there is no cluster j-ABSENT in eu-west-1",
            "Correct USER_BEHAVIOUR_EMR_CLUSTER, or AWS_REGION.",
        )
    ]
    id_ = cluster(cloud, "Hadoop")
    cloud.aws.client("emr").terminate_job_flows(JobFlowIds=[id_])
    assert not_good(examine_spark(steps(cloud, lake, id_), lake)) == [
        (
            "cluster",
            False,
            f"{id_}, emr-7.12.0, TERMINATED",
            "Take a cluster that is WAITING or RUNNING (USER_BEHAVIOUR_EMR_CLUSTER).",
        ),
        ("applications", False, "Spark is not among them", "Take a cluster that was created with Spark."),
    ]


def test_steps_that_may_not_be_listed_are_red(cloud: Cloud, lake: S3Lake, allowed: None) -> None:
    id_ = cluster(cloud, "Spark")
    with cloud.behind(refusing(target("ElasticMapReduce.ListSteps"), "AccessDeniedException")):
        (found,) = not_good(examine_spark(steps(cloud, lake, id_), lake))
    arn = cloud.aws.client("emr").describe_cluster(ClusterId=id_)["Cluster"]["ClusterArn"]
    assert found == (
        "steps",
        False,
        "not allowed (AccessDeniedException)",
        f"Allow elasticmapreduce:ListSteps on {arn} to the identity in use.",
    )


def test_local_spark_names_its_java(tmp_path: Path) -> None:
    spark = LocalSpark(programs=str(SPARK_JOBS), home=str(tmp_path))
    assert told(examine_spark(spark, LocalLake(root=str(tmp_path)))) == [
        ("Java", True, str(tmp_path / "java"), ""),
        ("PySpark", True, "is installed", ""),
    ]
