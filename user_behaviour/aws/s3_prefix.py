"""A prefix of a bucket: keys and addresses, what lies there, and objects as streams. Reading only."""

from __future__ import annotations

import errno
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from user_behaviour.aws.clients import Aws
from user_behaviour.aws.s3_errors import explained
from user_behaviour.aws.store_errors import StoreUnavailableError

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
# Addresses reach SQL texts, Spark and shells: no quote, no blank, nothing that one of them would read otherwise.
_PREFIX = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9_.=-]*(/[A-Za-z0-9_=-][A-Za-z0-9_.=-]*)*")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class S3Prefix:
    """The objects of `bucket` whose keys begin with `prefix/`; with an empty prefix, all of them."""

    aws: Aws
    bucket: str
    prefix: str

    def __post_init__(self) -> None:
        if not _BUCKET.fullmatch(self.bucket) or ".." in self.bucket:
            raise ValueError(f"{self.bucket!r} is no name of a bucket; 3 to 63 of a-z, 0-9, '.', '-'.")
        if (self.prefix and not _PREFIX.fullmatch(self.prefix)) or ".." in self.prefix:
            raise ValueError(
                f"Prefix {self.prefix!r} of bucket {self.bucket} cannot be used; take names of A-Z, a-z, 0-9, "
                "'_', '-', '=', '.' with '/' between them, none at the ends."
            )

    @property
    def client(self) -> Any:
        return self.aws.client("s3")

    def key(self, path: str) -> str:
        return "/".join(part for part in (self.prefix, path) if part)

    def uri(self, path: str) -> str:
        return f"s3://{self.bucket}/{self.key(path)}".rstrip("/")

    def pages(self, start: str, **options: Any) -> Iterator[dict[str, Any]]:
        """The answers of ListObjectsV2 on keys that begin with `start`, one page after the other."""
        with explained("Listing", f"s3://{self.bucket}/{start}"):
            paginator = self.client.get_paginator("list_objects_v2")
            yield from paginator.paginate(Bucket=self.bucket, Prefix=start, **options)

    def below(self, path: str) -> str:
        """What the keys of all objects below the path begin with: `p=1/`, never `p=1`, which `p=10` does too."""
        key = self.key(path)
        return f"{key}/" if key else ""

    def open(self, path: str) -> ObjectStream:
        """The object as it is now; FileNotFoundError where there is none."""
        return ObjectStream(self, path)


class ObjectStream(io.RawIOBase):
    """One version of an object from its first byte to its last; goes on where a connection breaks."""

    def __init__(self, place: S3Prefix, path: str) -> None:
        self._place = place
        self._path = path
        self._position = 0
        self.etag = ""
        self._body = self._ask()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with explained("Reading", self._place.uri(self._path)):
            for left in reversed(range(self._place.aws.max_attempts)):
                try:
                    content = self._body.read(len(buffer))
                except BotoCoreError:  # boto3 asks again for an answer, never for the rest of one
                    if not left:
                        raise
                    self._body.close()
                    self._body = self._ask()
                else:
                    break
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)

    def readall(self) -> bytes:
        return b"".join(iter(lambda: self.read(_CHUNK) or b"", b""))

    def close(self) -> None:
        if not self.closed:
            self._body.close()
        super().close()

    def _ask(self) -> Any:
        rest = {"Range": f"bytes={self._position}-", "IfMatch": self.etag} if self._position else {}
        uri = self._place.uri(self._path)
        with explained("Reading", uri):
            try:
                answer = self._place.client.get_object(
                    Bucket=self._place.bucket, Key=self._place.key(self._path), **rest
                )
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code == "PreconditionFailed":
                    raise StoreUnavailableError(f"Reading {uri} failed: it was replaced meanwhile. Rerun.") from error
                if code not in {"NoSuchKey", "404"}:
                    raise
                raise FileNotFoundError(errno.ENOENT, "There is no such object", uri) from error
        self.etag = answer["ETag"]
        return answer["Body"]
