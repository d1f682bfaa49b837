"""A prefix of a bucket: keys and addresses, what lies there, and objects as streams. Reading only."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import dagster as dg
from botocore.exceptions import BotoCoreError
from pydantic import Field, model_validator

from user_behaviour.aws.clients import Aws
from user_behaviour.aws.errors import AwsError, aws_errors
from user_behaviour.aws.places import S3Place
from user_behaviour.diagnosis import Diagnosis, failed, good

_CHUNK = 1 << 20


@dataclass(frozen=True)
class S3Prefix(S3Place):
    """The objects of `bucket` whose keys begin with `prefix/`; with an empty prefix, all of them."""

    aws: Aws

    @property
    def client(self) -> Any:
        return self.aws.client("s3")

    def key(self, path: str) -> str:
        return "/".join(part for part in (self.prefix, path) if part)

    def uri(self, path: str) -> str:
        return f"s3://{self.bucket}/{self.key(path)}".rstrip("/")

    def pages(self, start: str, **options: Any) -> Iterator[dict[str, Any]]:
        """The answers of ListObjectsV2 on keys that begin with `start`, one page after the other."""
        with aws_errors("s3", "Listing", f"s3://{self.bucket}/{start}"):
            paginator = self.client.get_paginator("list_objects_v2")
            yield from paginator.paginate(Bucket=self.bucket, Prefix=start, **options)

    def below(self, path: str) -> str:
        """What the keys of all objects below the path begin with: `p=1/`, never `p=1`, which `p=10` does too."""
        key = self.key(path)
        return f"{key}/" if key else ""

    def self_check(self) -> Diagnosis:
        """Whether it can be listed."""
        try:
            next(self.pages(self.below(""), PaginationConfig={"PageSize": 1}))
        except AwsError as error:
            return failed("bucket", error)
        return good("bucket", f"{self.uri('')} can be listed")

    def open(self, path: str) -> "ObjectStream":
        """The object as it is now; FileNotFoundError where there is none."""
        return ObjectStream(self, path)


class InS3(dg.ConfigurableResource):  # type: ignore[type-arg]
    """What is kept below a prefix of a bucket."""

    bucket: str = Field(description="The bucket.")
    prefix: str = Field(default="", description="What the keys of all its objects begin with; empty: the whole bucket.")
    aws: Aws

    @model_validator(mode="after")
    def _has_a_usable_place(self) -> Self:
        self.place  # noqa: B018  # raises ValueError, with what to write instead
        return self

    @property
    def place(self) -> S3Prefix:
        """The prefix, with the clients that reach it."""
        return S3Prefix(self.bucket, self.prefix, self.aws)


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
        with aws_errors("s3", "Reading", self._place.uri(self._path)):
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
        place = self._place
        with aws_errors("s3", "Reading", place.uri(self._path)):
            answer = place.client.get_object(Bucket=place.bucket, Key=place.key(self._path), **rest)
        self.etag = answer["ETag"]
        return answer["Body"]
