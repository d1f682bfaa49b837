"""The doctor and the template agree: what the doctor has IAM simulate, the roles of the stack are granted.

IAM is on the wire and allows everything; each question that it got is then judged by the policies of the stack.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from user_behaviour.aws.clients import Aws
from user_behaviour.catalog.glue import GlueExternalTables
from user_behaviour.deployments import SPARK_JOBS
from user_behaviour.doctor.needed_permissions import catalog_permissions, spark_permissions, vendor_permissions
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.spark.emr_serverless import EmrServerlessSpark
from user_behaviour.vendor.s3 import S3VendorDrop
from user_behaviour.warehouse.postgres import PostgresWarehouseByUrl
from user_behaviour_tests.cloud.authority import ACCOUNT, Question
from user_behaviour_tests.cloud.moto_server import REGION, Cloud
from user_behaviour_tests.cloud.policies import simulating
from user_behaviour_tests.deploy.created_stack import CreatedStack


def questions(request: Mapping[str, list[str]]) -> Iterator[Question]:
    """Those of one request for SimulatePrincipalPolicy."""

    def values(name: str) -> list[str]:
        return [value for key, (value, *_) in request.items() if key.startswith(f"{name}.")]

    entry = "ContextEntries.member.1.ContextKey"  # the doctor gives one at most
    given = ((request[f"{entry}Name"][0], request[f"{entry}Values.member.1"][0]),) if f"{entry}Name" in request else ()
    (principal,) = request["PolicySourceArn"]
    for action in values("ActionNames"):
        for resource in values("ResourceArns"):
            yield Question(principal, action, resource, given)


@pytest.fixture
def orchestrator(created: CreatedStack, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Aws:
    """Clients with the credentials of the orchestrator's role."""
    role = created.outputs["OrchestratorRoleArn"]
    session = cloud.aws.client("sts").assume_role(RoleArn=role, RoleSessionName="doctor")["Credentials"]
    for variable, name in (
        ("AWS_ACCESS_KEY_ID", "AccessKeyId"),
        ("AWS_SECRET_ACCESS_KEY", "SecretAccessKey"),
        ("AWS_SESSION_TOKEN", "SessionToken"),
    ):
        monkeypatch.setenv(variable, session[name])
    return Aws(region_name=REGION, endpoint_url=cloud.url)


@dataclass(frozen=True)
class Examined:
    """A stack under examination by the orchestrator's role."""

    stack: CreatedStack
    cloud: Cloud
    aws: Aws

    def about_spark(self, prefix: str) -> set[Question]:
        """What the doctor asks about Spark, with the lake below that prefix of the stack's bucket."""
        lake = S3Lake(aws=self.aws, bucket=self.stack.resource("LakeBucket"), prefix=prefix)
        outputs = self.stack.outputs
        application, role = outputs["EmrApplication"], outputs["EmrRole"]
        spark = EmrServerlessSpark(
            aws=self.aws, programs=str(SPARK_JOBS), lake=lake, application=application, role=role, minutes=60
        )
        with self.asked() as asked:
            assert all(one.ok for one in spark_permissions(spark, lake))
        return asked

    def about_the_catalog(self) -> set[Question]:
        warehouse = PostgresWarehouseByUrl(url="not asked for")
        tables = GlueExternalTables(
            aws=self.aws, database=self.stack.outputs["GlueDatabaseOfTheLake"], warehouse=warehouse
        )
        with self.asked() as asked:
            assert all(one.ok for one in catalog_permissions(tables))
        return asked

    @contextmanager
    def asked(self) -> Iterator[set[Question]]:
        """What IAM is asked meanwhile; complete at the end."""
        requests: list[dict[str, list[str]]] = []
        found: set[Question] = set()
        with self.cloud.behind(simulating(asked=requests)):
            yield found
        found.update(question for request in requests for question in questions(request))

    def refused(self, asked: Iterable[Question]) -> set[Question]:
        roles = {
            self.stack.outputs["EmrRole"]: "SparkRole",
            self.stack.outputs["OrchestratorRoleArn"]: "OrchestratorRole",
        }
        return {one for one in asked if not one.is_granted(self.stack.statements(roles[one.principal]))}


@pytest.fixture
def examined(created: CreatedStack, cloud: Cloud, orchestrator: Aws) -> Examined:
    return Examined(created, cloud, orchestrator)


def test_the_job_s_role_is_granted_what_the_doctor_asks_of_it(examined: Examined) -> None:
    role, bucket = examined.stack.outputs["EmrRole"], f"arn:aws:s3:::{examined.stack.resource('LakeBucket')}"
    asked = {question for question in examined.about_spark("lake") if question.principal == role}
    assert asked == {
        Question(role, "s3:GetObject", f"{bucket}/lake/movie_review_file/*"),
        Question(role, "s3:GetObject", f"{bucket}/lake/raw_reviews"),
        Question(role, "s3:GetObject", f"{bucket}/lake/raw_reviews/*"),
        Question(role, "s3:GetObject", f"{bucket}/lake/review_classifier/*"),
        Question(role, "s3:GetObject", f"{bucket}/lake/_programs/*"),
        Question(role, "s3:GetObject", f"{bucket}/lake/_staging/*"),
        Question(role, "s3:PutObject", f"{bucket}/lake/_staging/*"),
        Question(role, "s3:DeleteObject", f"{bucket}/lake/_staging/*"),
        Question(role, "s3:AbortMultipartUpload", f"{bucket}/lake/_staging/*"),
        Question(role, "s3:ListBucket", bucket, (("s3:prefix", "lake/movie_review_file/"),)),
        Question(role, "s3:ListBucket", bucket, (("s3:prefix", "lake/raw_reviews/"),)),
        Question(role, "s3:ListBucket", bucket, (("s3:prefix", "lake/review_classifier/"),)),
        Question(role, "s3:ListBucket", bucket, (("s3:prefix", "lake/_staging/"),)),
        Question(role, "s3:PutObject", f"{bucket}/lake/_logs/spark/*"),
    }
    assert examined.refused(asked) == set()


def test_the_orchestrator_s_role_is_granted_what_the_doctor_asks_of_it(examined: Examined) -> None:
    outputs = examined.stack.outputs
    own, job = outputs["OrchestratorRoleArn"], outputs["EmrRole"]
    application = f"arn:aws:emr-serverless:{ACCOUNT}:/applications/{outputs['EmrApplication']}"
    asked = {question for question in examined.about_spark("lake") if question.principal == own}
    assert asked == {
        Question(own, "emr-serverless:StartJobRun", application),
        Question(own, "emr-serverless:ListJobRuns", application),
        Question(own, "emr-serverless:GetJobRun", f"{application}/jobruns/*"),
        Question(own, "emr-serverless:CancelJobRun", f"{application}/jobruns/*"),
        Question(own, "iam:PassRole", job, (("iam:PassedToService", "emr-serverless.amazonaws.com"),)),
    }
    assert examined.refused(asked) == set()
    may_ask = {Question(own, "iam:SimulatePrincipalPolicy", role) for role in (own, job)}
    assert examined.refused({*may_ask, *(Question(own, "iam:GetRole", role) for role in (own, job))}) == set()


def test_the_orchestrator_s_role_is_granted_what_the_doctor_asks_about_the_catalog(examined: Examined) -> None:
    own, glue = examined.stack.outputs["OrchestratorRoleArn"], f"arn:aws:glue:{ACCOUNT}"
    actions = ("BatchCreatePartition", "BatchUpdatePartition", "BatchDeletePartition", "CreateTable", "UpdateTable")
    asked = examined.about_the_catalog()
    assert asked == {
        Question(own, f"glue:{action}", f"{glue}:{resource}")
        for action in actions
        for resource in ("catalog", "database/deployed", "table/deployed/*")
    }
    assert examined.refused(asked) == set()


def test_the_orchestrator_s_role_is_granted_what_the_doctor_asks_about_the_queue(examined: Examined) -> None:
    own, url = examined.stack.outputs["OrchestratorRoleArn"], examined.stack.outputs["VendorQueueUrl"]
    drop = S3VendorDrop(aws=examined.aws, bucket=examined.stack.resource("VendorBucket"), prefix="reviews", queue=url)
    with examined.asked() as asked:
        assert all(one.ok for one in vendor_permissions(drop))
    assert asked == {Question(own, "sqs:DeleteMessage", f"arn:aws:sqs:{ACCOUNT}:{url.split('/')[-1]}")}
    assert examined.refused(asked) == set()


def test_a_role_of_another_prefix_would_be_found_out(examined: Examined) -> None:
    """The judge has teeth: all that the job's role is asked for lies below a prefix that it has no right to."""
    role = examined.stack.outputs["EmrRole"]
    asked = {question for question in examined.about_spark("other") if question.principal == role}
    assert len(asked) == 14
    assert examined.refused(asked) == asked
