"""The guide is rehearsed: docs/aws.md from an empty account to the first row of the metric, and back.

`make rehearse` prints what was carried out by whom, and what it said.
"""

import json
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket

from user_behaviour.local.stack import Stack
from user_behaviour_tests.cloud.authority import Authority
from user_behaviour_tests.cloud.cloudformation import complete_cloudformation
from user_behaviour_tests.cloud.emr_worker import emr_worker
from user_behaviour_tests.cloud.moto_server import Answer, Cloud, Environ, Wsgi, body_of
from user_behaviour_tests.cloud.policies import simulating
from user_behaviour_tests.cloud.redshift import redshift_stand_in
from user_behaviour_tests.cloud.redshift_serverless import RedshiftServerless
from user_behaviour_tests.conftest import temporary_home
from user_behaviour_tests.databases import elsewhere, execute
from user_behaviour_tests.deploy.created_stack import template
from user_behaviour_tests.docs.rehearsal import Block, Rehearsal, blocks

pytestmark = [pytest.mark.takes(100), pytest.mark.slow]
VENDOR = "arn:aws:iam::123456789012:role/vendor"


def template_as_json(moto: Wsgi) -> Wsgi:
    """Moto's own reading of YAML loses what is nested in the short forms of functions."""

    def serve(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if b"TemplateBody=" not in body_of(environ):
            return moto(environ, start_response)
        request = {name: value for name, (value, *_) in parse_qs(body_of(environ).decode()).items()}
        body = urlencode({**request, "TemplateBody": json.dumps(template())}).encode()
        return Answer.of(moto, environ, body).give(start_response)

    return serve


def new_keys(cloud: Cloud) -> dict[str, str]:
    """Those of an administrator."""
    iam = cloud.aws.client("iam")
    iam.create_user(UserName="administrator")
    key = iam.create_access_key(UserName="administrator")["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def examples(cloud: Cloud, stack: Stack, reader: str) -> dict[str, str]:
    """What stands in the guide for what everybody brings, and what that is here."""
    ec2 = cloud.aws.client("ec2")
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]]
    tls = "?sslmode=verify-full&sslrootcert=/etc/ssl/rds.pem"
    at = stack.endpoints()
    return {
        "vpc-0123456789abcdef0": ec2.describe_vpcs()["Vpcs"][0]["VpcId"],
        "subnet-0a0a0a0a,subnet-0b0b0b0b,subnet-0c0c0c0c": ",".join(subnets),
        "arn:aws:iam::210987654321:role/vendor": VENDOR,
        f"postgresql://reader:password@shop.internal:5432/shop{tls}": reader,
        f"postgresql://dagster:password@dagster.internal:5432/dagster{tls}": at.dagster,
    }


@dataclass
class Account:
    """An empty one, with an administrator and a vendor, and beside it a PostgreSQL without a purchase."""

    cloud: Cloud
    entered: ExitStack
    home: Path

    def __post_init__(self) -> None:
        self.of_other_tests = set(self.what_is_there())  # which share moto
        stack = Stack(self.home)
        at, password = stack.up(), secrets.token_hex(8)
        execute(elsewhere(at.shop, user="postgres"), f"create role reader login password '{password}'")
        execute(at.shop, "drop schema retail cascade")
        keys = new_keys(self.cloud)
        self.cloud.aws.client("iam").create_role(RoleName="vendor", AssumeRolePolicyDocument="{}")
        self.redshift = self.entered.enter_context(redshift_stand_in(at.warehouse, self.cloud.aws))
        self.redshift.add_role(at.reader)  # which is there in every server, and gets its password by the guide
        self.authority = Authority(self.cloud, keys["AWS_ACCESS_KEY_ID"])
        self.serverless = RedshiftServerless(self.redshift, self.authority)
        identities = {
            "Administrator": keys,
            "Owner of the source": {"OWNER": at.shop, **keys},
            "Vendor": self.authority.credentials("vendor"),
        }
        real = examples(self.cloud, stack, elsewhere(at.shop, user="reader", password=password))
        self.rehearsal = Rehearsal(self.home / "checkout", self.cloud.url, identities, self.authority, real)
        # moto takes a Deny without its condition; plain HTTP, which that of the template is about, is all it speaks.
        patch = self.entered.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(FakeBucket, "get_permission", lambda *_: PermissionResult.NEUTRAL)
        self.entered.enter_context(complete_cloudformation(self.cloud.aws))
        for middleware in (template_as_json, simulating(), self.serverless):
            self.entered.enter_context(self.cloud.behind(middleware))

    def know_the_stack(self) -> None:
        """Gives its names the addresses that DNS would, and its application workers; IAM begins to judge."""
        found = self.rehearsal.settings
        addresses = {"HOST": self.redshift.host, "PORT": self.redshift.port, "DATABASE": self.redshift.database}
        addresses |= {"CA_BUNDLE": self.redshift.ca_bundle}
        with self.rehearsal.env.open("a") as env:
            env.writelines(f"USER_BEHAVIOUR_REDSHIFT_{name}={value}\n" for name, value in addresses.items())
        application = found["USER_BEHAVIOUR_EMR_APPLICATION"]
        self.entered.enter_context(emr_worker(self.cloud, self.home / "emr", application))
        self.entered.enter_context(self.cloud.behind(self.authority))
        role = found["USER_BEHAVIOUR_REDSHIFT_PIPELINE_USER"].removeprefix("IAMR:")
        self.rehearsal.identities["Host"] = self.authority.credentials(role)

    def what_is_left(self) -> list[str]:
        """Whatever of this account would go on to cost or to hold data."""
        return [name for name in self.what_is_there() if name not in self.of_other_tests]

    def what_is_there(self) -> list[str]:
        aws = self.cloud.aws
        buckets = [bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]]
        roles = [role["RoleName"] for role in aws.client("iam").list_roles()["Roles"]]
        databases = [database["Name"] for database in aws.client("glue").get_databases()["DatabaseList"]]
        kept = aws.client("secretsmanager").list_secrets()["SecretList"]
        names = [*buckets, *roles, *databases, *(secret["Name"] for secret in kept)]
        return [name for name in names if name.startswith(("user-behaviour", "user_behaviour"))]


@pytest.fixture
def account(cloud: Cloud) -> Iterator[Account]:
    with temporary_home() as home, ExitStack() as entered:
        yield Account(cloud, entered, home)


def test_from_an_empty_account_to_the_metric_and_back(account: Account) -> None:
    rehearsal, said = account.rehearsal, {}
    by_the_host = Block("Host", "on the host", 'aws s3 cp .env "$USER_BEHAVIOUR_VENDOR_DROP/"')

    for block in blocks():
        said[block.text] = rehearsal.carry_out(block)
        if "> .env" in block.text:
            account.know_the_stack()
            with pytest.raises(AssertionError, match=r"OrchestratorRole\S* may not s3:PutObject on \S*/reviews/\.env"):
                rehearsal.carry_out(by_the_host)
    print("\n".join(rehearsal.log))

    (asked,) = (answer for text, answer in said.items() if "user-behaviour query" in text)
    assert re.search(r"^ +\d+ +[\d.]+ +\d+ +\d+ +\S+ +2010-12-01 *$", asked, re.MULTILINE)
    assert "user_behaviour_reader may change nothing" in said["user-behaviour doctor\n"]
    assert account.serverless.usage_limits[0]["amount"] == 20
    assert len(account.authority.refused) == 1  # the one before
    assert account.what_is_left() == []
