"""S3 as Redshift reads and writes it: places named `s3://…`, listings, whole objects; its errors as Redshift's."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from user_behaviour.aws.clients import Aws
from user_behaviour_tests.cloud.redshift.errors import SqlError


@dataclass(frozen=True)
class Place:
    """A bucket and a key, or the beginning of keys."""

    bucket: str
    key: str

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class Object:
    """An object as a listing has it."""

    place: Place
    etag: str


def place(uri: str) -> Place:
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise SqlError(f"The S3 path '{uri}' is invalid: it must begin with s3:// and a bucket", "XX000")
    return Place(bucket, key)


class Objects:
    """The objects of an account, as the role of a COPY, an UNLOAD or an external schema sees them."""

    def __init__(self, aws: Aws) -> None:
        self._s3: Any = aws.client("s3")

    def under(self, prefix: Place) -> list[Object]:
        """Every object whose key begins so, in the order of keys."""
        found = []
        with _errors():
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=prefix.bucket, Prefix=prefix.key):
                entries = page.get("Contents", ())
                found += [Object(Place(prefix.bucket, e["Key"]), e["ETag"]) for e in entries]
        return found

    def size(self, where: Place) -> int:
        with _errors():
            size: int = self._s3.head_object(Bucket=where.bucket, Key=where.key)["ContentLength"]
            return size

    def get(self, where: Place) -> bytes:
        with _errors():
            body: bytes = self._s3.get_object(Bucket=where.bucket, Key=where.key)["Body"].read()
            return body

    def put(self, where: Place, data: bytes) -> None:
        with _errors():
            self._s3.put_object(Bucket=where.bucket, Key=where.key, Body=data)


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        said = error.response["Error"].get("Message", "")
        code = "NoSuchKey" if code == "404" else code
        raise SqlError(f"S3ServiceException:{said},Status {status},Error {code},Rid 0,CanRetry 1") from error
