"""How this project talks to AWS: one place for region, endpoint, time-outs and retries of every client.

Credentials are never held here: boto3 and pyarrow look for them themselves (environment, profile, role), each time.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow.fs

ATTEMPTS = 6


@dataclass(frozen=True)
class Aws:
    """The clients of one region. None: what the environment says (`AWS_REGION`, `AWS_ENDPOINT_URL`)."""

    region: str | None = None
    endpoint_url: str | None = None
    _clients: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    def client(self, service: str) -> Any:
        """The boto3 client of a service; made once, safe to use from many threads."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._session().client(
                    service, endpoint_url=self.endpoint_url, config=self._config()
                )
            return self._clients[service]

    def s3_filesystem(self) -> pyarrow.fs.S3FileSystem:
        """S3 as pyarrow reads and writes it: multipart uploads of what is large, retries."""
        import pyarrow.fs

        return pyarrow.fs.S3FileSystem(
            region=self._session().region_name,
            endpoint_override=self.endpoint_url,
            retry_strategy=pyarrow.fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS),
            connect_timeout=10,
            request_timeout=60,
            check_directory_existence_before_creation=False,
        )

    def _session(self) -> Any:
        import boto3

        return boto3.Session(region_name=self.region)

    @staticmethod
    def _config() -> Any:
        from botocore.config import Config

        return Config(
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            connect_timeout=10,
            read_timeout=60,
            max_pool_connections=32,
        )
