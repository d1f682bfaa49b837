"""docs/aws.md keeps its word: its figures come from deploy/costs.py, its commands exist, its settings are read."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import boto3
import jmespath
import pytest
from botocore import xform_name
from botocore.exceptions import UnknownServiceError

from user_behaviour.aws.places import S3Place
from user_behaviour.settings import read_settings
from user_behaviour_tests.cloud.moto_server import REGION, Cloud
from user_behaviour_tests.deploy.test_template import KEY, create

CHECKOUT = Path(__file__).resolve().parents[2]
GUIDE = (CHECKOUT / "docs" / "aws.md").read_text(encoding="utf-8")
COSTS = runpy.run_path(str(CHECKOUT / "deploy" / "costs.py"))
GLOBAL_OPTIONS = {"--query", "--output"}
SHELL = "\n".join(re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)).replace("\\\n", " ")


def _commands() -> list[list[str]]:
    """Service, operation (and what is waited for) and options of every call of the AWS CLI, also within `$(…)`."""
    calls = [call.strip().split(" | ")[0] for call in re.split(r"\n|\$\(", SHELL) if call.strip().startswith("aws ")]
    return [re.sub(r"\s--\w.*", "", call).split()[1:4] + re.findall(r"(?<=\s)--[a-z-]+", call) for call in calls]


COMMANDS = _commands()


def test_the_tables_of_costs_are_printed_by_the_script() -> None:
    assert COSTS["report"]() in GUIDE


def test_a_bill_is_the_sum_of_products_done_by_hand() -> None:
    """6 vCPU and 24 GB for 3 minutes; 8 RPU for 2 minutes; 1 vCPU and 2 GB for 6 minutes; 60 writes and 200 reads."""
    spark = (6 * 0.052624 + 24 * 0.0057785) / 20
    redshift = 8 * 0.375 / 30
    task = (0.04048 + 2 * 0.004445) / 10
    requests = 0.06 * 0.005 + 0.2 * 0.0004
    lines = COSTS["a_day"]()
    assert [line.usd for line in lines] == pytest.approx([spark, redshift, task, requests])
    assert "**$0.1280**" in COSTS["bill"]("one day", lines)
    assert COSTS["traps"]()[0].usd == pytest.approx(72)


def test_the_guide_calls_the_cli() -> None:
    called = {" ".join(words[:2]) for words in COMMANDS}
    assert {"cloudformation create-stack", "redshift-serverless create-usage-limit", "s3api delete-bucket"} <= called
    assert len(COMMANDS) >= 12


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: "-".join(words[:2]))
def test_every_call_of_the_aws_cli_names_an_operation_and_its_options(words: list[str]) -> None:
    service, operation, options = words[0], words[1], {word for word in words if word.startswith("--")}
    if service == "s3":  # a command of the CLI's own
        assert (operation, options) == ("cp", {"--recursive", "--exclude", "--include"})
        return
    try:
        client = boto3.client("s3" if service == "s3api" else service, region_name=REGION)
    except UnknownServiceError:
        pytest.fail(f"AWS has no service {service}")
    if operation == "wait":
        assert words[2].replace("-", "_") in client.waiter_names
        return
    name = client.meta.method_to_api_mapping[operation.replace("-", "_")]
    members = client.meta.service_model.operation_model(name).input_shape.members
    allowed = {f"--{xform_name(member, '-')}" for member in members}
    assert options - GLOBAL_OPTIONS <= allowed


def test_the_outputs_of_the_stack_are_the_settings(cloud: Cloud) -> None:
    stack = create(cloud, "guided", KmsKeyArn=KEY)
    (query,) = re.findall(r'--query "(Stacks\[0\]\.Outputs\[\?starts_with.*?)"', SHELL)
    described = cloud.aws.client("cloudformation").describe_stacks(StackName="guided")
    environ = dict(line.split("=", 1) for line in jmespath.search(query, described))
    echoed = re.findall(r"^echo (\w+)=(\S+) >> \.env$", SHELL, re.MULTILINE)
    assert [name for name, _ in echoed] == [
        "USER_BEHAVIOUR_SOURCE_URL",
        "USER_BEHAVIOUR_DAGSTER_URL",
        "USER_BEHAVIOUR_LAST_DAY",
        "USER_BEHAVIOUR_REDSHIFT_READER_PASSWORD",
    ]
    assert environ.pop("AWS_REGION") == REGION
    settings = read_settings({**environ, **dict(echoed)})
    assert settings.deployment == "aws"
    aws = settings.aws
    assert aws is not None
    assert aws.lake == S3Place(stack.resource("LakeBucket"), "lake")
    assert aws.vendor_drop == S3Place(stack.resource("VendorBucket"), "reviews")
    assert aws.lake_kms_key == KEY
    assert (aws.redshift_workgroup, aws.redshift_port, aws.redshift_database) == ("user-behaviour", 5439, "dev")
    assert aws.redshift_host == f"user-behaviour.123456789012.{REGION}.redshift-serverless.amazonaws.com"
    assert aws.redshift_iam_role == stack.outputs["RedshiftIamRole"]
    assert (aws.catalog, aws.glue_database) == ("glue", "guided")
    assert (aws.emr_application, aws.emr_role) == (stack.outputs["EmrApplication"], stack.outputs["EmrRole"])
    assert dict(echoed)["USER_BEHAVIOUR_SOURCE_URL"] == "secretsmanager:user-behaviour/source"


def test_the_secrets_of_the_guide_are_those_that_the_role_may_read() -> None:
    names = re.findall(r"(?:create-secret --name|--secret-id) (\S+)", SHELL)
    assert len(names) == 6
    assert all(name.startswith("user-behaviour/") for name in names)


def test_a_versioned_bucket_is_emptied_by_the_guide_s_command(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket, s3 = cloud.bucket("teardown"), cloud.aws.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"one", b"two"):
        s3.put_object(Bucket=bucket, Key="lake/object", Body=body)
    s3.delete_object(Bucket=bucket, Key="lake/object")
    (program,) = re.findall(r'python -c "(.*?)" "\$BUCKET"', SHELL)
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.url)
    subprocess.run([sys.executable, "-c", program, bucket], check=True)
    s3.delete_bucket(Bucket=bucket)
    assert bucket not in [one["Name"] for one in s3.list_buckets()["Buckets"]]
