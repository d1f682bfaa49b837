"""`user-behaviour doctor` as a whole: both deployments, grouping, marks, exit status, and no secret in any line."""

import json
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from user_behaviour import deployments
from user_behaviour.catalog.external_tables import CatalogError
from user_behaviour.commands.doctor import doctor
from user_behaviour.diagnosis import Diagnosis, good
from user_behaviour.doctor.examination import ROLE_ERRORS, checked
from user_behaviour.local.stack import Stack
from user_behaviour.tables.schemas import EXTERNAL_TABLES, LAKE_TABLE_OF
from user_behaviour_tests.cloud.moto_server import REGION, Cloud
from user_behaviour_tests.cloud.own_redshift import own_redshift
from user_behaviour_tests.cloud.policies import host, refusing, simulating
from user_behaviour_tests.cloud.redshift import RedshiftStandIn
from user_behaviour_tests.command_line import Home
from user_behaviour_tests.doctor.said import said, without_jobs

ROLES = [
    "account",
    "lake",
    "vendor drop",
    "source",
    "spark",
    "Dagster storage",
    "warehouse",
    "reader",
    "migrations",
    "external tables",
]


def test_a_home_whose_stack_is_down_is_red_with_the_command_and_status_1(tmp_path: Path) -> None:
    call = Home(tmp_path / "home").call("doctor")
    assert call.returncode == 1
    assert (
        "source\n"
        f"  ✗ error: The embedded PostgreSQL in {tmp_path / 'home'} is not running\n"
        "      Start it with `user-behaviour up`.\n"
    ) in call.stdout
    assert "migrations\n  – warehouse: was not checked, since the login failed\n" in call.stdout
    assert call.stdout.endswith("\nA run cannot succeed until 3 findings are fixed.\n")
    assert "Traceback" not in call.stderr


def test_a_running_local_stack_is_green_role_by_role_with_status_0(stack: Stack) -> None:
    call = Home(stack.home).call("doctor")
    assert (call.returncode, call.stderr) == (0, "")
    lines = call.stdout.splitlines()
    assert [line for line in lines if re.match(r"\w", line)][:-1] == ROLES[1:]
    assert "  ✓ login: user_behaviour on warehouse" in lines
    assert "  ✓ drift: none: all are applied, and the tables are what they make" in lines
    assert "✗" not in call.stdout
    assert lines[-1] == "Everything that a run needs is there."


def test_an_error_that_ends_a_check_keeps_what_was_found_before_and_the_next_check_is_made() -> None:
    def first() -> Iterator[Diagnosis]:
        yield good("bucket", "can be listed")
        raise CatalogError("The door is closed; open it.")

    def second() -> Iterator[Diagnosis]:
        raise PermissionError(13, "Permission denied", "/the/door")
        yield

    checks = [first, second, lambda: [good("last", "is well")]]
    assert said(checked(checks, expected=ROLE_ERRORS)).splitlines() == [
        "✓ bucket: can be listed",
        "✗ error: The door is closed",
        "  Open it.",
        "✗ error: /the/door: Permission denied",
        "  Let this user use it, or correct the path.",
        "✓ last: is well",
    ]


@pytest.fixture(scope="module")
def stand_in(stack: Stack, cloud: Cloud) -> Iterator[RedshiftStandIn]:
    """Of this module alone, which migrates it."""
    with own_redshift(stack, cloud) as own:
        yield own.stand_in


@pytest.fixture
def environ(
    stack: Stack, cloud: Cloud, stand_in: RedshiftStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """The environment of an installation on AWS; its secrets are in Secrets Manager."""
    trust = {"Effect": "Allow", "Principal": {"Service": "emr-serverless.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = cloud.aws.client("iam").create_role(
        RoleName=f"job-{secrets.token_hex(4)}", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
    )["Role"]["Arn"]
    application = cloud.aws.client("emr-serverless").create_application(
        name="ub", releaseLabel="emr-7.12.0", type="SPARK"
    )["applicationId"]
    held = json.dumps(
        {"shop": stack.endpoints().shop, "dagster": stack.endpoints().dagster, "redshift": stand_in.password}
    )
    secret = f"ub-{secrets.token_hex(4)}"
    cloud.aws.client("secretsmanager").create_secret(Name=secret, SecretString=held)
    settings = {
        "DEPLOYMENT": "aws",
        "HOME": str(tmp_path),
        "LAKE": f"s3://{cloud.bucket()}/ub",
        "VENDOR_DROP": f"s3://{cloud.bucket('vendor')}/in",
        "SOURCE_URL": f"secretsmanager:{secret}#shop",
        "DAGSTER_URL": f"secretsmanager:{secret}#dagster",
        "REDSHIFT_HOST": stand_in.host,
        "REDSHIFT_PORT": str(stand_in.port),
        "REDSHIFT_DATABASE": stand_in.database,
        "REDSHIFT_USER": stand_in.user,
        "REDSHIFT_PASSWORD": f"secretsmanager:{secret}#redshift",
        "REDSHIFT_CA_BUNDLE": str(stand_in.ca_bundle),
        "GLUE_DATABASE": f"doctor_{secrets.token_hex(4)}",
        "EMR_APPLICATION": application,
        "EMR_ROLE": role,
    }
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.url)
    for name, value in settings.items():
        monkeypatch.setenv(f"USER_BEHAVIOUR_{name}", value)
    deployments.settings.cache_clear()
    yield settings
    deployments.settings.cache_clear()


def call(cloud: Cloud) -> Result:
    with cloud.behind(simulating()), cloud.behind(without_jobs):
        return CliRunner().invoke(doctor)


def migrated() -> None:
    here = deployments.deployment(deployments.settings()).initialized()
    here.migrations.apply()
    for table in EXTERNAL_TABLES:
        here.external_tables.define(table, here.lake.dataset(LAKE_TABLE_OF[table.name]))


def test_an_installation_on_aws_is_looked_at_role_by_role(
    cloud: Cloud, environ: dict[str, str], stack: Stack, stand_in: RedshiftStandIn
) -> None:
    migrated()
    said = call(cloud).output
    assert [line for line in said.splitlines() if re.match(r"\w", line)][:-1] == ROLES
    # moto's bucket is bare, as no template made it.
    reds = [line for line in said.splitlines() if line.startswith("  ✗")]
    assert [red.split(":")[0] for red in reds] == ["  ✗ public access", "  ✗ TLS only"]
    for line in (
        "  ✓ region: eu-west-1",
        "  ✓ login: user_behaviour on shop",
        "  ✓ login: user_behaviour on dagster",
        "  ✓ TLS: TLSv1.3, certificate and name are verified",
        f"  ✓ Glue database: {environ['GLUE_DATABASE']} in {REGION}",
        f"  ✓ schema spectrum: shows the Glue database {environ['GLUE_DATABASE']}",
        "  – login: No user of Redshift who can only read is set, and `query` works as no other",
        "  ✓ partitions in Redshift: can be listed",
        "  ✓ spectrum.user_purchase_staging rows: no partition is registered yet",
    ):
        assert line in said.splitlines()
    for password in (stand_in.password, re.split("[:@]", stack.endpoints().shop)[2]):
        assert password not in said


def test_expired_credentials_are_a_red_line_of_each_role_that_asks_aws(cloud: Cloud, environ: dict[str, str]) -> None:
    services = ("sts", "s3", "emr-serverless", "iam", "secretsmanager", "glue")
    expired = refusing(lambda request: any(host(one)(request) for one in services), "ExpiredTokenException")
    with cloud.behind(expired):
        result = CliRunner().invoke(doctor)
    remedy = "\n      Log in again (`aws sso login`), or have the role's credentials refreshed, and rerun.\n"
    for role, subject, tried in (
        ("account", "error", "Looking up the identity in use failed: STS"),
        ("lake", "bucket", f"Listing {environ['LAKE']}/ failed: S3"),
        ("vendor drop", "files", f"Listing {environ['VENDOR_DROP']}/ failed: S3"),
        ("spark", "error", f"Looking at application {environ['EMR_APPLICATION']} failed: EMR Serverless"),
    ):
        assert f"{role}\n  ✗ {subject}: {tried} says ExpiredTokenException: refused{remedy}" in result.output
    assert (
        f"source\n  ✗ error: The value of USER_BEHAVIOUR_SOURCE_URL ({environ['SOURCE_URL']}) cannot be used: Secrets "
        f"Manager in eu-west-1 says ExpiredTokenException{remedy}"
    ) in result.output
    assert result.exit_code == 1


def test_a_secret_that_is_gone_or_not_a_url_is_named_and_not_shown(
    cloud: Cloud, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USER_BEHAVIOUR_SOURCE_URL", "secretsmanager:gone#shop")
    monkeypatch.setenv("USER_BEHAVIOUR_DAGSTER_URL", "postgresql://ub:cAn/ArY@127.0.0.1:5432/dagster")
    said = call(cloud).output
    assert (
        "source\n  ✗ error: The value of USER_BEHAVIOUR_SOURCE_URL (secretsmanager:gone#shop) cannot be used: "
        "Secrets Manager in eu-west-1 says ResourceNotFoundException\n"
        "      Create the secret there, or correct the reference.\n"
    ) in said
    assert (
        "Dagster storage\n  ✗ error: The value of USER_BEHAVIOUR_DAGSTER_URL cannot be used: it is no URL of "
        "PostgreSQL\n      Write postgresql://user:password@host:5432/database, and in user and password %40 for @, "
    ) in said
    assert "cAn" not in said
    assert "ArY" not in said
