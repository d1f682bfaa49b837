"""How this project talks to AWS: one place for region, endpoint, time-outs and retries of every client.

Credentials are never held here: boto3 and pyarrow look for them themselves (environment, profile, role), each time.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow.fs

ATTEMPTS = 6


@dataclass(frozen=True)
class Aws:
    """The clients of one region. None: what AWS's own settings say (`AWS_REGION`, `AWS_ENDPOINT_URL`, the profile).

    `attempts` is how often a request is made at most, the first time included, where trying again can help:
    throttling, 5xx and lost connections.
    """

    region: str | None = None
    endpoint_url: str | None = None
    attempts: int = ATTEMPTS
    _clients: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    def client(self, service: str) -> Any:
        """The boto3 client of a service; made once, safe to use from many threads."""
        # Making one is not: it writes to the session.
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._session.client(
                    service, endpoint_url=self.endpoint_url, config=self._config()
                )
            return self._clients[service]

    def s3_filesystem(self) -> pyarrow.fs.S3FileSystem:
        """S3 as pyarrow reads and writes it: one PUT for what is small, multipart uploads for what is large.

        It finds region and credentials by the AWS SDK for C++, not by boto3: the environment, static keys of a
        profile, SSO, the role of a container or machine. An encryption key cannot be named: the bucket's default holds.
        """
        import pyarrow.fs

        return pyarrow.fs.S3FileSystem(
            region=self._session.region_name,
            endpoint_override=self.endpoint_url or self._configured_endpoint("s3"),
            retry_strategy=pyarrow.fs.AwsStandardS3RetryStrategy(max_attempts=self.attempts),
            connect_timeout=10,
            request_timeout=60,
            # Without it even a small file is a multipart upload: three requests, and a trace where the process dies.
            allow_delayed_open=True,
        )

    @cached_property
    def _session(self) -> Any:
        """Shared, so that all clients fetch and refresh the same temporary credentials."""
        import boto3
        from botocore.session import Session

        # boto3 alone reads AWS_DEFAULT_REGION and not AWS_REGION, which every other SDK reads and containers set.
        region = ("region", ["AWS_REGION", "AWS_DEFAULT_REGION"], None, None)
        return boto3.Session(botocore_session=Session(session_vars={"region": region}), region_name=self.region)

    def _configured_endpoint(self, service: str) -> str | None:
        """What boto3 takes from AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3 or the profile, which pyarrow does not heed.

        Asked for itself and not read off a client, which may as well have an endpoint of Amazon's own making.
        """
        from botocore.configprovider import ConfiguredEndpointProvider
        from botocore.session import Session

        session = Session()
        found = ConfiguredEndpointProvider(session.full_config, session.get_scoped_config(), service).provide()
        return str(found) if found else None

    def _config(self) -> Any:
        from botocore.config import Config

        return Config(
            retries={"mode": "standard", "total_max_attempts": self.attempts},
            connect_timeout=10,
            read_timeout=60,
            max_pool_connections=32,
            user_agent_extra="user_behaviour",
        )
