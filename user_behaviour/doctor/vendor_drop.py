"""Role: the vendor's drop. It is listed, and its newest file opened; nothing is written there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import singledispatch
from pathlib import Path

from user_behaviour.doctor.aws_calls import Refusal, ask, refused
from user_behaviour.doctor.findings import Finding, Role
from user_behaviour.doctor.lake import listing_refused
from user_behaviour.vendor.drop import VendorDrop
from user_behaviour.vendor.local import LocalVendorDrop
from user_behaviour.vendor.s3 import S3VendorDrop

DROP = Role("vendor drop")


@singledispatch
def examine_vendor_drop(drop: VendorDrop) -> Iterator[Finding]:
    """Whether the vendor's files can be listed and read."""
    raise NotImplementedError(f"There is no examination of {type(drop).__name__}; write it here.")


@examine_vendor_drop.register
def _(drop: LocalVendorDrop) -> Iterator[Finding]:
    directory = Path(drop.directory)
    if not directory.exists():
        remedy = "`user-behaviour generate` makes a sample, `user-behaviour deliver FILE` takes a file of yours."
        yield DROP.unknown("directory", f"{directory} is not there yet", remedy)
        return
    try:
        files = drop.files()
        for file in files[-1:]:
            drop.open(file.name).close()
    except OSError as error:
        remedy = f"Let user {os.geteuid()} read {error.filename}."
        yield DROP.bad("directory", f"{error.filename} cannot be read: {error.strerror}", remedy)
        return
    yield DROP.good("directory", f"{directory} can be read; files: {len(files):,}")


@examine_vendor_drop.register
def _(drop: S3VendorDrop) -> Iterator[Finding]:
    place = drop.place
    listed = ask(place.aws, "s3", "list_objects_v2", Bucket=place.bucket, Prefix=place.below(""), MaxKeys=100)
    if isinstance(listed, Refusal):
        yield listing_refused(DROP, place, listed, "USER_BEHAVIOUR_VENDOR_DROP")
        return
    yield DROP.good("bucket", f"{place.uri('')} can be listed")
    # A folder's own key, which the console makes, is no file.
    keys = [item["Key"] for item in listed.get("Contents", ()) if not item["Key"].endswith("/")]
    # Who may read is told that an object is not there; who may not is refused before anybody looks.
    key = keys[-1] if keys else place.key("_doctor-reads-what-is-not-there")
    answer = ask(place.aws, "s3", "get_object", Bucket=place.bucket, Key=key)
    if not isinstance(answer, Refusal):
        answer["Body"].close()
        yield DROP.good("read", f"{key} was opened")
    elif answer.code == "NoSuchKey" and not keys:
        yield DROP.good("read", "allowed; there is no file yet")
    else:
        resource = f"arn:aws:s3:::{place.bucket}/{place.key('*')}"
        yield refused(DROP, "read", answer, action="s3:GetObject", resource=resource)
