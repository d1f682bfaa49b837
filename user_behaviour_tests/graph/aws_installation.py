"""A whole installation of the `aws` deployment on what stands for AWS: moto, the Redshift stand-in, an EMR that runs.

The commands are called as a user calls them: in processes of their own, which know nothing but their environment.
"""

import json
import os
import secrets
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from user_behaviour.deployments import Deployment, aws
from user_behaviour.local.stack import Stack
from user_behaviour.settings import read_settings
from user_behaviour_tests.cloud.emr_worker import EmrWorker, emr_worker
from user_behaviour_tests.cloud.moto_server import ENVIRONMENT, Cloud
from user_behaviour_tests.cloud.redshift import RedshiftStandIn, redshift_stand_in
from user_behaviour_tests.command_process import process_of
from user_behaviour_tests.conftest import temporary_home

PREFIX = "shop/lake"
OURS = "orchestrator"  # what the requests of our own processes say of themselves, unlike those of EMR's machine


@dataclass
class AwsInstallation:
    """Buckets, secrets, a Glue database, Redshift and EMR of one test, and the settings that name them."""

    home: Path
    stack: Stack
    cloud: Cloud
    redshift: RedshiftStandIn
    emr: EmrWorker
    settings: dict[str, str] = field(init=False)
    said: list[str] = field(default_factory=list)
    read: Counter[str] = field(default_factory=Counter)  # bytes by path, for a test to fill

    def __post_init__(self) -> None:
        self.lake, self.vendor = self.cloud.bucket("lake"), self.cloud.bucket("vendor")
        name = secrets.token_hex(3)
        for key, value in self.secrets.items():
            self.cloud.aws.client("secretsmanager").create_secret(Name=f"{name}/{key}", SecretString=value)
        self.settings = {
            "USER_BEHAVIOUR_DEPLOYMENT": "aws",
            "USER_BEHAVIOUR_HOME": str(self.home / "aws"),
            "USER_BEHAVIOUR_LAST_DAY": "2011-12-09",
            "USER_BEHAVIOUR_LAKE": f"s3://{self.lake}/{PREFIX}",
            "USER_BEHAVIOUR_VENDOR_DROP": f"s3://{self.vendor}/drop",
            "USER_BEHAVIOUR_SOURCE_URL": f"secretsmanager:{name}/shop#url",
            "USER_BEHAVIOUR_DAGSTER_URL": f"secretsmanager:{name}/dagster",
            "USER_BEHAVIOUR_REDSHIFT_HOST": self.redshift.host,
            "USER_BEHAVIOUR_REDSHIFT_PORT": str(self.redshift.port),
            "USER_BEHAVIOUR_REDSHIFT_DATABASE": self.redshift.database,
            "USER_BEHAVIOUR_REDSHIFT_USER": self.redshift.user,
            "USER_BEHAVIOUR_REDSHIFT_PASSWORD": f"secretsmanager:{name}/redshift",
            "USER_BEHAVIOUR_REDSHIFT_READER_PASSWORD": f"secretsmanager:{name}/reader",
            "USER_BEHAVIOUR_REDSHIFT_CA_BUNDLE": str(self.redshift.ca_bundle),
            "USER_BEHAVIOUR_REDSHIFT_IAM_ROLE": "arn:aws:iam::123456789012:role/redshift",
            "USER_BEHAVIOUR_GLUE_DATABASE": f"user_behaviour_{name}",
            "USER_BEHAVIOUR_EMR_APPLICATION": self.emr.application_id,
            "USER_BEHAVIOUR_EMR_ROLE": self.emr.role_arn,
        }
        self.cloud.aws.client("glue").create_database(DatabaseInput={"Name": f"user_behaviour_{name}"})

    @property
    def secrets(self) -> dict[str, str]:
        """What AWS Secrets Manager holds, by the last part of its name."""
        at = self.stack.endpoints()
        redshift = {"redshift": self.redshift.password, "reader": urlsplit(at.reader).password or ""}
        return {"shop": json.dumps({"url": at.shop}), "dagster": at.dagster, **redshift}

    @property
    def here(self) -> Deployment:
        """The deployment, in this process, to look into its stores."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.settings.items():
                patch.setenv(name, value)
            return aws(read_settings(self.settings)).initialized()

    def call(self, *calls: Sequence[str]) -> list[subprocess.CompletedProcess[str]]:
        """Calls `user-behaviour` again and again, each to its end; what was said is kept in `said`."""
        clean = {n: v for n, v in os.environ.items() if not n.startswith(("USER_BEHAVIOUR", "DAGSTER", "AWS"))}
        endpoint = {"AWS_ENDPOINT_URL": self.cloud.url, "AWS_SDK_UA_APP_ID": OURS}
        process = process_of(self.home, {**clean, **ENVIRONMENT, **endpoint, **self.settings})
        done = [process.call(call) for call in calls]
        self.said += [process.printed(), *(said for call in done for said in (call.stdout, call.stderr))]
        return done

    def put(self, name: str, content: bytes) -> None:
        """Uploads one vendor file."""
        self.cloud.aws.client("s3").put_object(Bucket=self.vendor, Key=f"drop/{name}", Body=content)

    def deliver(self, *files: Path) -> None:
        """Uploads vendor files to where the vendor drops them."""
        for file in files:
            self.cloud.aws.client("s3").upload_file(str(file), self.vendor, f"drop/{file.name}")


@contextmanager
def aws_installation(cloud: Cloud) -> Iterator[AwsInstallation]:
    """An installation with no table, no file and no purchase in it."""
    with temporary_home() as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", cloud.url)  # for `here`, which is made as a user's is
        stack = Stack(home)
        with (
            redshift_stand_in(stack.up().warehouse, cloud.aws) as redshift,
            emr_worker(cloud, home / "emr") as emr,
        ):
            redshift.add_role(stack.endpoints().reader)
            yield AwsInstallation(home, stack, cloud, redshift, emr)
