"""How this project talks to AWS: one place for region, endpoint, time-outs and retries of every client.

The fields are dagster-aws's. Its own factories of clients are not used: they set no time-outs, keep ten connections
where sixteen threads ask, and read `AWS_DEFAULT_REGION` but not `AWS_REGION`, which every other SDK reads. Credentials
that are not set here are looked for by boto3 and pyarrow themselves (environment, profile, role), each time.
"""

import os
import threading
from collections.abc import Iterator
from functools import cache
from typing import Any

import boto3
import pyarrow.fs
from botocore.config import Config
from botocore.configprovider import ConfiguredEndpointProvider
from botocore.session import Session
from dagster_aws.utils import ResourceWithBoto3Configuration
from pydantic import Field

from user_behaviour.aws.errors import aws_errors
from user_behaviour.diagnosis import Diagnosis, good

_creating = threading.Lock()


class Aws(ResourceWithBoto3Configuration):  # type: ignore[misc]  # dagster_aws is untyped for mypy
    """How AWS is reached; AWS's own variables and profile say what is not set here (`AWS_REGION` …)."""

    max_attempts: int = Field(
        default=6,
        ge=1,
        description="How often a request is made at most where that can help: throttling, 5xx, lost connections.",
    )

    def client(self, service: str) -> Any:
        """The boto3 client of a service; kept in the process, safe to use from many threads."""
        # Making one is not: it writes to the session.
        with _creating:
            return _client(self, _environment(), service)

    def s3_filesystem(self) -> pyarrow.fs.S3FileSystem:
        """S3 as pyarrow reads and writes it; kept in the process, safe to use from many threads."""
        with _creating:
            return _s3_filesystem(self, _environment())

    def self_check(self) -> Iterator[Diagnosis]:
        """The identity in use, and the region."""
        sts = self.client("sts")
        with aws_errors("sts", "Looking up", "the identity in use"):
            caller = sts.get_caller_identity()
        yield good("identity", f"{caller['Arn']} of account {caller['Account']}")
        yield good("region", sts.meta.region_name)

    def configured_endpoint(self, service: str) -> str | None:
        """What boto3 takes from AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3 or the profile, which pyarrow does not heed.

        Asked for itself and not read off a client, which may as well have an endpoint of Amazon's own making.
        """
        session = Session(profile=self.profile_name)
        found = ConfiguredEndpointProvider(session.full_config, session.get_scoped_config(), service).provide()
        return str(found) if found else None


def _environment() -> frozenset[tuple[str, str]]:
    """What boto3 itself reads of the environment: with other settings, other clients."""
    return frozenset(item for item in os.environ.items() if item[0].startswith("AWS_"))


@cache
def _session(aws: Aws, environment: frozenset[tuple[str, str]]) -> boto3.Session:  # noqa: ARG001  # of the cache's key
    """Shared, so that all clients fetch and refresh the same temporary credentials.

    Dagster makes each resource anew for each run and tick, so what is shared is kept here and not in them.
    """
    region = ("region", ["AWS_REGION", "AWS_DEFAULT_REGION"], None, None)
    return boto3.Session(
        botocore_session=Session(session_vars={"region": region}, profile=aws.profile_name),
        region_name=aws.region_name,
        aws_access_key_id=aws.aws_access_key_id,
        aws_secret_access_key=aws.aws_secret_access_key,
        aws_session_token=aws.aws_session_token,
    )


@cache
def _client(aws: Aws, environment: frozenset[tuple[str, str]], service: str) -> Any:
    return _session(aws, environment).client(
        service,
        endpoint_url=aws.endpoint_url,
        use_ssl=aws.use_ssl,
        verify=aws.verify,
        config=Config(
            retries={"mode": "standard", "total_max_attempts": aws.max_attempts},
            connect_timeout=10,
            read_timeout=60,
            max_pool_connections=32,
            user_agent_extra="user_behaviour",
            # Else links are signed by the old version, which is refused for what KMS encrypts.
            signature_version="s3v4" if service == "s3" else None,
        ),
    )


@cache
def _s3_filesystem(aws: Aws, environment: frozenset[tuple[str, str]]) -> pyarrow.fs.S3FileSystem:
    """One PUT for what is small, multipart uploads for what is large.

    It finds region and credentials by the AWS SDK for C++, not by boto3: the environment, static keys of a profile,
    SSO, the role of a container or machine. An encryption key cannot be named: the bucket's default holds.
    """
    return pyarrow.fs.S3FileSystem(
        access_key=aws.aws_access_key_id,
        secret_key=aws.aws_secret_access_key,
        session_token=aws.aws_session_token,
        region=_session(aws, environment).region_name,
        endpoint_override=aws.endpoint_url or aws.configured_endpoint("s3"),
        retry_strategy=pyarrow.fs.AwsStandardS3RetryStrategy(max_attempts=aws.max_attempts),
        connect_timeout=10,
        request_timeout=60,
        # Without it even a small file is a multipart upload: three requests, and a trace where the process dies.
        allow_delayed_open=True,
    )
