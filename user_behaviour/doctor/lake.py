"""Role: the lake. Every verb is tried on an object of the doctor's own below `_doctor/`, which is gone afterwards."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from functools import singledispatch
from pathlib import Path

from user_behaviour.aws.s3_prefix import S3Prefix
from user_behaviour.doctor.aws_calls import Answer, Refusal, allow, ask, refused
from user_behaviour.doctor.bucket import bucket_safety
from user_behaviour.doctor.findings import Finding, Role
from user_behaviour.lake.lake import Lake
from user_behaviour.lake.local import LocalLake
from user_behaviour.lake.s3 import S3Lake

LAKE = Role("lake")
PROBES = "_doctor"
_SCARCE = 2 << 30  # bytes: the real data of a year take a tenth of it, with every superseded batch


@singledispatch
def examine_lake(lake: Lake) -> Iterator[Finding]:
    """Whether the lake can be listed, read and written."""
    raise NotImplementedError(f"There is no examination of {type(lake).__name__}; write it here.")


@examine_lake.register
def _(lake: LocalLake) -> Iterator[Finding]:
    present = Path(lake.root)
    while not present.exists():
        present = present.parent
    probe = present / f"_doctor-{secrets.token_hex(6)}"
    try:
        probe.write_bytes(b"probe")
        probe.unlink()
    except OSError as error:
        remedy = f"Let this user write to {present}, or set USER_BEHAVIOUR_HOME to a directory that it may write to."
        yield LAKE.bad("directory", f"{present} cannot be written to: {error.strerror}", remedy)
        return
    state = "can be written to" if str(present) == lake.root else f"is not there yet; {present} can be written to"
    yield LAKE.good("directory", f"{lake.root} {state}")
    free = shutil.disk_usage(present).free
    told = f"{free / 1e9:,.1f} GB free"
    yield LAKE.good("disk", told) if free >= _SCARCE else LAKE.unknown("disk", told, "Better: 2 GB and more.")


@examine_lake.register
def _(lake: S3Lake) -> Iterator[Finding]:
    place = lake.place
    listed = ask(place.aws, "s3", "list_objects_v2", Bucket=place.bucket, Prefix=place.below(""), MaxKeys=1)
    if isinstance(listed, Refusal):
        yield listing_refused(LAKE, place, listed, "USER_BEHAVIOUR_LAKE")
        return
    yield LAKE.good("bucket", f"{place.uri('')} can be listed")
    yield _region(place, listed)
    yield from _Probe(lake).findings()
    yield _multipart(lake)
    yield from bucket_safety(LAKE, place)


def listing_refused(role: Role, place: S3Prefix, refusal: Refusal, setting: str) -> Finding:
    """A bucket that cannot be listed is one of which nothing else need be asked."""
    bucket = f"arn:aws:s3:::{place.bucket}"
    region = place.aws.client("s3").meta.region_name
    return refused(
        role,
        "bucket",
        refusal,
        action="s3:ListBucket",
        resource=bucket,
        otherwise={
            "NoSuchBucket": (
                f"there is no bucket {place.bucket}",
                f"Create it in {region} (the template in deploy/ does), or correct {setting}.",
            ),
            "PermanentRedirect": (
                f"{place.bucket} is not in {region}",
                f"Set AWS_REGION to the region of the bucket, or correct {setting}.",
            ),
        },
    )


def _region(place: S3Prefix, listed: Answer) -> Finding:
    """COPY and Spectrum read only in their own region, and pyarrow follows no redirect to another."""
    answer = ask(place.aws, "s3", "get_bucket_location", Bucket=place.bucket)
    if isinstance(answer, Refusal):
        found = listed["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
        if found is None:
            better = allow("s3:GetBucketLocation", f"arn:aws:s3:::{place.bucket}")
            return LAKE.unknown("region", f"cannot be seen from here (s3:GetBucketLocation: {answer.code})", better)
    else:
        found = {None: "us-east-1", "EU": "eu-west-1"}.get(answer["LocationConstraint"], answer["LocationConstraint"])
    if found == (ours := place.aws.client("s3").meta.region_name):
        return LAKE.good("region", f"the bucket is in {found}")
    remedy = f"Set AWS_REGION={found} and have EMR and Redshift there, or take a bucket in {ours}."
    return LAKE.bad("region", f"the bucket is in {found}, the clients are in {ours}", remedy)


class _Probe:
    """One object that is written, read, overwritten under conditions that must fail, and deleted for good."""

    def __init__(self, lake: S3Lake) -> None:
        self._place = lake.place
        self._sealed = lake.sealed
        self._key = lake.place.key(f"{PROBES}/{secrets.token_hex(8)}")
        self._resource = f"arn:aws:s3:::{lake.place.bucket}/{lake.place.key('*')}"
        self._versions: list[str | None] = []

    def findings(self) -> Iterator[Finding]:
        try:
            yield (written := self._write())
            if written.ok:
                yield self._read()
                yield self._conditions()
        finally:
            refusals = [*map(self._delete, self._versions)]
        if self._versions:
            yield self._deletion([refusal for refusal in refusals if refusal])

    def _write(self) -> Finding:
        answer = self._put()
        if isinstance(answer, Refusal):
            action = "s3:PutObject" + (" (and kms:GenerateDataKey on the key)" if self._sealed else "")
            return refused(LAKE, "write", answer, action=action, resource=self._resource)
        return LAKE.good("write", "an object was written")

    def _read(self) -> Finding:
        answer = ask(self._place.aws, "s3", "get_object", Bucket=self._place.bucket, Key=self._key)
        if isinstance(answer, Refusal):
            action = "s3:GetObject" + (" (and kms:Decrypt on the key)" if self._sealed else "")
            return refused(LAKE, "read", answer, action=action, resource=self._resource)
        answer["Body"].close()
        return LAKE.good("read", "it was read again")

    def _conditions(self) -> Finding:
        """A pointer is replaced only if it is still the one that was read; else two runs would undo each other."""
        for condition in ({"IfNoneMatch": "*"}, {"IfMatch": '"00000000000000000000000000000000"'}):
            answer = self._put(**condition)
            if not isinstance(answer, Refusal):
                remedy = "Use S3 itself, or an endpoint that heeds If-Match and If-None-Match (AWS_ENDPOINT_URL)."
                return LAKE.bad("conditional write", f"{next(iter(condition))} was ignored", remedy)
            if answer.code != "PreconditionFailed":
                return refused(LAKE, "conditional write", answer, action="s3:PutObject", resource=self._resource)
        return LAKE.good("conditional write", "refused where the object is another")

    def _put(self, **condition: str) -> Answer | Refusal:
        answer = ask(
            self._place.aws,
            "s3",
            "put_object",
            Bucket=self._place.bucket,
            Key=self._key,
            Body=b"probe",
            **condition,
            **self._sealed,
        )
        if not isinstance(answer, Refusal):
            self._versions.append(answer.get("VersionId"))
        return answer

    def _delete(self, version: str | None) -> Refusal | None:
        named = {"Bucket": self._place.bucket, "Key": self._key}
        if version is not None:  # else a versioned bucket would keep the object, and a marker over it
            answer = ask(self._place.aws, "s3", "delete_object", **named, VersionId=version)
            if not isinstance(answer, Refusal):
                return None
        answer = ask(self._place.aws, "s3", "delete_object", **named)
        return answer if isinstance(answer, Refusal) else None

    def _deletion(self, refusals: list[Refusal]) -> Finding:
        if refusals:
            left = refused(LAKE, "delete", refusals[0], action="s3:DeleteObject", resource=self._resource)
            return LAKE.bad("delete", f"{left.found}; s3://{self._place.bucket}/{self._key} stays", left.remedy)
        return LAKE.good("delete", "it was deleted")


def _multipart(lake: S3Lake) -> Finding:
    place, key = lake.place, lake.place.key(f"{PROBES}/{secrets.token_hex(8)}")
    resource = f"arn:aws:s3:::{place.bucket}/{place.key('*')}"
    begun = ask(place.aws, "s3", "create_multipart_upload", Bucket=place.bucket, Key=key, **lake.sealed)
    if isinstance(begun, Refusal):
        return refused(LAKE, "large uploads", begun, action="s3:PutObject", resource=resource)
    named = {"Bucket": place.bucket, "Key": key, "UploadId": begun["UploadId"]}
    ended = ask(place.aws, "s3", "abort_multipart_upload", **named)
    if isinstance(ended, Refusal):
        return refused(LAKE, "large uploads", ended, action="s3:AbortMultipartUpload", resource=resource)
    # What a job that failed has begun is looked for, and aborted too.
    listed = ask(place.aws, "s3", "list_multipart_uploads", Bucket=place.bucket, Prefix=key, MaxUploads=1)
    if isinstance(listed, Refusal):
        bucket = f"arn:aws:s3:::{place.bucket}"
        return refused(LAKE, "large uploads", listed, action="s3:ListBucketMultipartUploads", resource=bucket)
    return LAKE.good("large uploads", "one was begun, aborted, and is not listed any more")
