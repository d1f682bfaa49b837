"""The one grammar of a place on S3: `s3://bucket/prefix`, which settings, S3, Spark, shells and SQL all take.

SQL statements are built with such places, so no quote, backslash, blank or line end passes, nothing that a URI has to
escape, and nothing that a directory's name would mean elsewhere (`.`, `..`).
"""

import re
from dataclasses import dataclass
from typing import Self

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_NAME = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9_.=-]*")


class PlaceError(ValueError):
    """What is no place on S3, or none that every part of the project can use; `reason` says what to write."""

    def __init__(self, found: str, reason: str) -> None:
        super().__init__(f"{found!r} cannot be a place on S3; {reason}.")
        self.reason = reason


@dataclass(frozen=True)
class S3Place:
    """A prefix of a bucket: names with `/` between them, none at the ends. An empty prefix is the whole bucket."""

    bucket: str
    prefix: str

    def __post_init__(self) -> None:
        if not _BUCKET.fullmatch(self.bucket) or ".." in self.bucket:
            reason = f"the bucket {self.bucket!r} must be 3 to 63 of a-z, 0-9, '.' and '-'"
            raise PlaceError(str(self), f"{reason}, with a letter or digit at both ends and no '..'")
        if self.prefix and (".." in self.prefix or not all(map(_NAME.fullmatch, self.prefix.split("/")))):
            reason = f"the prefix {self.prefix!r} must be names of A-Z, a-z, 0-9, '_', '-', '=' and '.'"
            raise PlaceError(str(self), f"{reason}, with '/' between them; none begins with '.' or holds '..'")

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    @classmethod
    def parse(cls, uri: str) -> Self:
        """The place of that address, which may end with one `/`. Raises `PlaceError`."""
        scheme, _, path = uri.partition("://")
        if scheme != "s3" or not path:
            raise PlaceError(uri, "write a place as s3://bucket/prefix")
        bucket, _, prefix = path.partition("/")
        return cls(bucket, prefix.removesuffix("/"))
