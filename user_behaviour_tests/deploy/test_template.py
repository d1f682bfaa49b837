"""The stack of `deploy/template.yaml`: linted, and created on moto."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from user_behaviour.classifier.models import ROOT as MODELS
from user_behaviour.spark import emr, emr_serverless
from user_behaviour.spark import job as spark_job
from user_behaviour.tables.schemas import LAKE_TABLE_OF, RAW_REVIEWS
from user_behaviour.vendor.originals import ORIGINALS
from user_behaviour.warehouse import redshift_copy as staged_copy
from user_behaviour_tests.cloud.moto_server import REGION, Cloud
from user_behaviour_tests.deploy.created_stack import TEMPLATE, CreatedStack, create

BIN = Path(sys.executable).parent
KEY = f"arn:aws:kms:{REGION}:123456789012:key/0f1e2d3c-0000-1111-2222-333344445555"
VENDOR = "arn:aws:iam::999988887777:root"


@pytest.fixture(scope="module")
def with_options(cloud: Cloud) -> CreatedStack:
    return create(
        cloud,
        "optional",
        KmsKeyArn=KEY,
        VendorArn=VENDOR,
        OperatorArn="arn:aws:iam::123456789012:user/ada",
        Catalog="redshift",
    )


def test_the_linter_of_cloudformation_finds_nothing() -> None:
    """Also no information; and no usage limit of Redshift Serverless, as CloudFormation has no resource for it."""
    call = [BIN / "cfn-lint", "--template", str(TEMPLATE), "--include-checks", "I", "--regions", REGION, "us-east-1"]
    linted = subprocess.run(call, capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout) == (0, "")


@pytest.mark.parametrize("bucket", ["LakeBucket", "VendorBucket"])
def test_a_bucket_is_closed_versioned_and_reached_by_tls_only(created: CreatedStack, bucket: str) -> None:
    s3, name = created.aws.client("s3"), created.resource(bucket)
    assert s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    owner = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]
    assert owner == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    rules = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert [rule["ApplyServerSideEncryptionByDefault"] for rule in rules] == [{"SSEAlgorithm": "AES256"}]
    assert json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"] == [
        {
            "Sid": "OnlyOverTls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ]


def test_the_lake_forgets_what_nobody_needs(created: CreatedStack) -> None:
    s3 = created.aws.client("s3")
    rules = s3.get_bucket_lifecycle_configuration(Bucket=created.resource("LakeBucket"))["Rules"]
    assert {rule["Status"] for rule in rules} == {"Enabled"}
    days = {
        rule["ID"]: (rule["Filter"]["Prefix"], rule["Expiration"]["Days"], rule["NoncurrentVersionExpiration"])
        for rule in rules
        if rule["Filter"]["Prefix"]
    }
    soon = {"NoncurrentDays": 1}
    assert days == {
        "spark-staging": ("lake/_staging/", 3, soon),
        "warehouse-transfers": ("lake/exchange/", 3, soon),
        "logs": ("lake/_logs/", 90, soon),
    }
    uploads, replaced = (rule for rule in rules if not rule["Filter"]["Prefix"])
    assert uploads["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert replaced["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert replaced["Expiration"] == {"ExpiredObjectDeleteMarker": True}


def test_the_parts_exist_under_the_names_that_the_outputs_give(created: CreatedStack) -> None:
    outputs = created.outputs
    application = created.aws.client("emr-serverless").get_application(applicationId=outputs["EmrApplication"])
    assert application["application"]["autoStopConfiguration"] == {"enabled": True, "idleTimeoutMinutes": 2}
    assert application["application"]["maximumCapacity"] == {"cpu": "16 vCPU", "memory": "64 GB"}
    glue = created.aws.client("glue").get_database(Name=outputs["GlueDatabaseOfTheLake"])
    assert glue["Database"]["Name"] == "deployed"
    budget = created.aws.client("budgets").describe_budget(AccountId="123456789012", BudgetName="deployed-monthly")
    assert float(budget["Budget"]["BudgetLimit"]["Amount"]) == 150
    groups = created.aws.client("ec2").describe_security_groups()["SecurityGroups"]
    (ingress,) = [
        permission
        for group in groups
        for permission in group["IpPermissions"]
        if outputs["ClientSecurityGroupId"] in [pair["GroupId"] for pair in permission["UserIdGroupPairs"]]
    ]
    assert (ingress["FromPort"], ingress["ToPort"], ingress["IpRanges"]) == (5439, 5439, [])
    assert len(ingress["UserIdGroupPairs"]) == 1


def test_the_vendor_s_bucket_tells_the_queue_what_came_and_nobody_else_can(created: CreatedStack) -> None:
    aws, queue, vendor = created.aws, created.outputs["VendorQueueUrl"], created.resource("VendorBucket")
    found = aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    (allowed,) = json.loads(found["Policy"])["Statement"]
    asked = found["QueueArn"], "sqs:SendMessage", {"Service": "s3.amazonaws.com"}
    assert (allowed["Resource"], allowed["Action"], allowed["Principal"]) == asked
    assert allowed["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    redrive = json.loads(found["RedrivePolicy"])
    assert (redrive["maxReceiveCount"], "DeadLetter" in redrive["deadLetterTargetArn"]) == (20, True)

    (heard,) = aws.client("s3").get_bucket_notification_configuration(Bucket=vendor)["QueueConfigurations"]
    assert (heard["QueueArn"], heard["Events"]) == (found["QueueArn"], ["s3:ObjectCreated:*"])
    assert heard["Filter"]["Key"]["FilterRules"] == [{"Name": "prefix", "Value": "reviews/"}]


def test_options_bring_a_key_a_vendor_and_an_operator(with_options: CreatedStack) -> None:
    s3, iam = with_options.aws.client("s3"), with_options.aws.client("iam")
    lake, vendor = with_options.resource("LakeBucket"), with_options.resource("VendorBucket")
    (rule,) = s3.get_bucket_encryption(Bucket=lake)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule == {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY},
        "BucketKeyEnabled": True,
    }
    assert json.loads(s3.get_bucket_policy(Bucket=vendor)["Policy"])["Statement"][1] == {
        "Sid": "TheVendorDelivers",
        "Effect": "Allow",
        "Principal": {"AWS": VENDOR},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{vendor}/reviews/*",
    }
    role = iam.get_role(RoleName=with_options.resource("OrchestratorRole"))["Role"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"]["AWS"] == "arn:aws:iam::123456789012:user/ada"
    for name in ("OrchestratorRole", "SparkRole", "RedshiftRole"):
        assert with_options.permissions(name)["kms:Decrypt"] == {KEY.replace(f":{REGION}:123456789012:", ":")}
    assert "glue:BatchCreatePartition" in with_options.permissions("RedshiftRole")


def test_the_prefixes_of_the_template_are_those_of_the_code() -> None:
    code = {
        spark_job.JOBS_DIRECTORY,
        staged_copy.EXCHANGE,
        emr.PROGRAMS,
        emr_serverless.LOGS.split("/")[0],
        ORIGINALS,
        RAW_REVIEWS.name,
        MODELS,
        *(table.name for table in LAKE_TABLE_OF.values()),
    }
    assert set(re.findall(r"\blake/(\w+)", TEMPLATE.read_text(encoding="utf-8"))) == code
