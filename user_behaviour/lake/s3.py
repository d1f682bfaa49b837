"""Twin of the lake: a prefix of a bucket on S3. Objects go through boto3, Parquet files through pyarrow's file system.

An upload that a dying process leaves unfinished is invisible, yet is paid for: the bucket's lifecycle rule
AbortIncompleteMultipartUpload takes it away.
"""

import io
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from typing import Any, BinaryIO, TypeVar

import pyarrow.fs
from botocore.exceptions import ClientError
from pydantic import Field

from user_behaviour.aws.errors import AccessDeniedError, AwsError, aws_errors, is_worth_another_try
from user_behaviour.aws.s3_prefix import InS3
from user_behaviour.diagnosis import Diagnosis, bad, failed, good, unknown
from user_behaviour.lake.lake import Lake

T = TypeVar("T")
R = TypeVar("R")
AT_ONCE = 16
DELETED_AT_ONCE = 1000
# A conditional PUT: another version, another PUT or DELETE on its way, or no object any more.
_OVERTAKEN = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "412", "409"})


class S3Lake(InS3, Lake):
    """The lake as a prefix of a bucket on Amazon S3."""

    # The version of an object is its ETag.

    kms_key: str = Field(
        default="",
        description="The KMS key of what boto3 writes; pyarrow cannot name one, so let the bucket's default be "
        "the same key. Empty: the bucket's default for everything.",
    )

    @property
    def sealed(self) -> Mapping[str, str]:
        """The arguments of a PUT that encrypt with the lake's own key; empty without one."""
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key} if self.kms_key else {}

    def filesystem(self) -> pyarrow.fs.FileSystem:
        root = "/".join(part for part in (self.bucket, self.prefix) if part)
        return pyarrow.fs.SubTreeFileSystem(root, self.aws.s3_filesystem())

    def uri(self, path: str) -> str:
        return self.place.uri(path)

    def link(self, path: str, *, until: datetime) -> str:
        """Signed by the credentials of this process, and of no use after them; the object itself stays private."""
        named = {"Bucket": self.bucket, "Key": self.place.key(path), "ResponseContentType": "text/html; charset=utf-8"}
        seconds = int((until - datetime.now(UTC)).total_seconds())
        return str(self._s3.generate_presigned_url("get_object", Params=named, ExpiresIn=seconds))

    def make_directory(self, path: str) -> None:
        """Nothing: S3 has no directories, and an object in place of one would show in listings."""

    def read(self, path: str) -> tuple[bytes, str] | None:
        try:
            with self.place.open(path) as stream:
                return stream.readall(), stream.etag
        except FileNotFoundError:
            return None

    def write(self, path: str, content: bytes | BinaryIO) -> None:
        key = self.place.key(path)
        with aws_errors("s3", "Writing", self.uri(path)):
            if isinstance(content, bytes):
                self._s3.put_object(Bucket=self.bucket, Key=key, Body=content, **self.sealed)
            else:
                self._s3.upload_fileobj(content, self.bucket, key, ExtraArgs=self.sealed)

    def swap(self, path: str, content: bytes, *, expected: str | None) -> bool:
        key, mark = self.place.key(path), secrets.token_hex(8)
        condition = {"IfNoneMatch": "*"} if expected is None else {"IfMatch": expected}
        with aws_errors("s3", "Replacing", self.uri(path)):
            try:
                self._s3.put_object(
                    Bucket=self.bucket, Key=key, Body=content, Metadata={"swap": mark}, **condition, **self.sealed
                )
            except ClientError as error:
                if error.response["Error"]["Code"] not in _OVERTAKEN:
                    raise
                # An answer that was lost made boto3 ask twice, and it was the first one that came before the second.
                if not error.response["ResponseMetadata"].get("RetryAttempts"):
                    return False
                found = self._s3.head_object(Bucket=self.bucket, Key=key)
                return bool(found["Metadata"].get("swap") == mark)
        return True

    def delete(self, path: str) -> None:
        with aws_errors("s3", "Deleting", self.uri(path)):
            keys = list(self._keys_of(path))
            for start in range(0, len(keys), DELETED_AT_ONCE):
                self._delete(keys[start : start + DELETED_AT_ONCE])

    def abandon(self, path: str) -> None:
        """Also aborts the uploads below the path, which nobody will finish."""
        self.delete(path)
        # Without the permission to list or abort uploads, the lifecycle rule removes them.
        with suppress(AccessDeniedError), aws_errors("s3", "Breaking off uploads below", self.uri(path)):
            uploads = self._s3.get_paginator("list_multipart_uploads")
            for page in uploads.paginate(Bucket=self.bucket, Prefix=self._below(path)):
                for upload in page.get("Uploads", ()):
                    named = {"Key": upload["Key"], "UploadId": upload["UploadId"]}
                    self._s3.abort_multipart_upload(Bucket=self.bucket, **named)

    def list(self, path: str) -> list[str]:
        start = self.place.below(path)
        names = set()
        for page in self.place.pages(start, Delimiter="/"):
            names |= {item["Key"] for item in page.get("Contents", ())}
            names |= {item["Prefix"].rstrip("/") for item in page.get("CommonPrefixes", ())}
        return sorted(name.removeprefix(start) for name in names - {start})

    def move(self, source: str, target: str) -> None:
        """On the server; two requests, and more above 5 GB. A death in between leaves the object at both places."""
        origin = {"Bucket": self.bucket, "Key": self.place.key(source)}
        place = {"Bucket": self.bucket, "Key": self.place.key(target)}
        with aws_errors("s3", "Moving", f"{self.uri(source)} to {self.uri(target)}"):
            try:
                self._s3.copy_object(CopySource=origin, **place, **self.sealed)
            except ClientError as error:
                if error.response["Error"]["Code"] != "InvalidRequest":
                    raise
                self._s3.copy(origin, **place, ExtraArgs=self.sealed)  # in parts: it was too large for one request
            self._s3.delete_object(**origin)

    def copy_in(self, path: str, source: Mapping[str, str], *, etag: str) -> None:
        """Copies an object from elsewhere on S3, on the server and while it is that of the ETag, without its tags."""
        with aws_errors("s3", "Copying", f"s3://{source['Bucket']}/{source['Key']} to {self.uri(path)}"):
            arguments = {"CopySourceIfMatch": f'"{etag}"', "TaggingDirective": "REPLACE", **self.sealed}
            self._s3.copy(source, self.bucket, self.place.key(path), ExtraArgs=arguments)

    def open(self, path: str) -> io.BufferedReader:
        return io.BufferedReader(self.place.open(path), 1 << 20)

    def at_once(self, function: Callable[[T], R], items: Iterable[T]) -> Sequence[R]:
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="s3-lake") as pool:
            return [*pool.map(function, items)]

    def store_errors(self, action: str, path: str) -> AbstractContextManager[None]:
        return aws_errors("s3", action, self.uri(path))

    def self_check(self) -> Iterator[Diagnosis]:
        """Stops at a bucket that cannot be listed."""
        yield (listed := self.place.self_check())
        if listed.ok:
            yield self._region()
            yield from super().self_check()
            yield self._large_uploads()

    def _region(self) -> Diagnosis:
        """COPY and Spectrum read only in their own region, and pyarrow follows no redirect to another."""
        try:
            with aws_errors("s3", "Looking up the region of", self.bucket):
                answer = self._s3.get_bucket_location(Bucket=self.bucket)["LocationConstraint"]
        except AwsError as error:
            return unknown("region", error.found, f"{error.remedy}.")
        found, ours = {None: "us-east-1", "EU": "eu-west-1"}.get(answer, answer), self._s3.meta.region_name
        if found == ours:
            return good("region", f"the bucket is in {found}")
        remedy = f"Set AWS_REGION={found} and have EMR and Redshift there, or take a bucket in {ours}."
        return bad("region", f"the bucket is in {found}, the clients are in {ours}", remedy)

    def _removed(self, directory: str) -> Diagnosis:
        """A versioned bucket keeps what was deleted, and a delete marker; both stay where the permission is missing."""
        removed = super()._removed(directory)
        with suppress(AwsError), aws_errors("s3", "Removing versions of", self.uri(directory)):
            found = self._s3.list_object_versions(Bucket=self.bucket, Prefix=self._below(directory))
            for one in (*found.get("Versions", ()), *found.get("DeleteMarkers", ())):
                self._s3.delete_object(Bucket=self.bucket, Key=one["Key"], VersionId=one["VersionId"])
        return removed

    def _large_uploads(self) -> Diagnosis:
        key = self.place.key(f"_doctor-{secrets.token_hex(6)}")
        try:
            with aws_errors("s3", "Beginning and breaking off an upload of", f"s3://{self.bucket}/{key}"):
                begun = self._s3.create_multipart_upload(Bucket=self.bucket, Key=key, **self.sealed)
                self._s3.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=begun["UploadId"])
                # What a job that failed has begun is looked for, and broken off too.
                self._s3.list_multipart_uploads(Bucket=self.bucket, Prefix=key)
        except AwsError as error:
            return failed("large uploads", error)
        return good("large uploads", "one was begun and broken off")

    @property
    def _s3(self) -> Any:
        return self.place.client

    def _below(self, path: str) -> str:
        if not path.strip("/") or path != path.strip("/"):
            raise ValueError(f"{path!r} of {self.uri('')} is not a path below the lake's root; nothing was deleted.")
        return self.place.below(path)

    def _keys_of(self, path: str) -> Iterator[str]:
        """The object of exactly that path, and what is below it: in one look, as keys come in order."""
        below, key = self._below(path), self.place.key(path)
        for page in self.place.pages(key):
            found = [item["Key"] for item in page.get("Contents", ())]
            yield from (name for name in found if name == key or name.startswith(below))
            if found and found[-1] > below and not found[-1].startswith(below):
                return

    def _delete(self, keys: Sequence[str]) -> None:
        left = list(keys)
        for attempt in range(self.aws.max_attempts):
            request = {"Objects": [{"Key": key} for key in left], "Quiet": True}
            errors = self._s3.delete_objects(Bucket=self.bucket, Delete=request).get("Errors", [])
            if not errors:
                return
            lasting = [error for error in errors if not is_worth_another_try(error["Code"])]
            if lasting or attempt == self.aws.max_attempts - 1:
                worst = (lasting or errors)[0]
                message = f"{worst.get('Message', '')} ({worst['Key']}; {len(errors)} of {len(left)} keys)"
                raise ClientError({"Error": {"Code": worst["Code"], "Message": message}}, "DeleteObjects")
            left = [error["Key"] for error in errors]
