"""What keeps a bucket safe and cheap. A run would do without; public access and plain text are red all the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from user_behaviour.aws.s3_prefix import S3Prefix
from user_behaviour.doctor.aws_calls import Answer, Refusal, allow, ask
from user_behaviour.doctor.findings import Finding, Role

Judgement = Callable[[Answer, str], tuple[bool | None, str, str]]


def bucket_safety(role: Role, place: S3Prefix) -> Iterator[Finding]:
    """Five settings of the bucket; one that may not be looked at is not known."""
    for subject, operation, action, unset, judge in _LOOKS:
        answer = ask(place.aws, "s3", operation, Bucket=place.bucket)
        if isinstance(answer, Refusal) and answer.code != unset:
            why = "not allowed to look" if answer.is_denial else "failed"
            better = allow(action, f"arn:aws:s3:::{place.bucket}") if answer.is_denial else ""
            yield role.unknown(subject, f"{why} ({action}: {answer.code})", better)
        else:
            ok, found, remedy = judge({} if isinstance(answer, Refusal) else answer, place.bucket)
            yield Finding(role.name, subject, ok, found, remedy)


def _public_access(answer: Answer, bucket: str) -> tuple[bool | None, str, str]:
    switches = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    found = answer.get("PublicAccessBlockConfiguration", {})
    if off := [switch for switch in switches if not found.get(switch)]:
        every = ",".join(f"{switch}=true" for switch in switches)
        command = f"aws s3api put-public-access-block --bucket {bucket} --public-access-block-configuration {every}"
        return False, f"not blocked: {', '.join(off)}", f"Run: {command}"
    return True, "blocked", ""


def _tls_only(answer: Answer, bucket: str) -> tuple[bool | None, str, str]:
    if any(map(_denies_plain_text, json.loads(answer.get("Policy", '{"Statement": []}'))["Statement"])):
        return True, "requests without TLS are denied", ""
    remedy = (
        f'Add to the policy of {bucket}: {{"Effect": "Deny", "Principal": "*", "Action": "s3:*", '
        f'"Resource": ["arn:aws:s3:::{bucket}", "arn:aws:s3:::{bucket}/*"], '
        '"Condition": {"Bool": {"aws:SecureTransport": "false"}}}'
    )
    return False, "no policy denies requests without TLS", remedy


def _denies_plain_text(statement: Any) -> bool:
    condition = statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")
    wide = [statement.get("Action"), statement.get("Principal")] in (["s3:*", "*"], ["s3:*", {"AWS": "*"}])
    return statement.get("Effect") == "Deny" and wide and str(condition).lower() == "false"


def _versioning(answer: Answer, bucket: str) -> tuple[bool | None, str, str]:
    if answer.get("Status") == "Enabled":
        return True, "on", ""
    command = f"aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled"
    return None, "off: what is deleted by mistake is gone", f"Better: {command}"


def _encryption(answer: Answer, bucket: str) -> tuple[bool | None, str, str]:  # noqa: ARG001
    rules = answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    for rule in rules:
        if default := rule.get("ApplyServerSideEncryptionByDefault"):
            key = default.get("KMSMasterKeyID", "")
            return True, f"{default['SSEAlgorithm']} {key}".strip(), ""
    return None, "no default is declared; S3 itself uses AES256", ""


def _unfinished_uploads(answer: Answer, bucket: str) -> tuple[bool | None, str, str]:
    for rule in answer.get("Rules", []):
        if rule.get("Status") == "Enabled" and (abort := rule.get("AbortIncompleteMultipartUpload")):
            return True, f"aborted after {abort['DaysAfterInitiation']} days", ""
    remedy = f"Better: a lifecycle rule of {bucket} with AbortIncompleteMultipartUpload, as in deploy/."
    return None, "kept, and paid for, for ever", remedy


_LOOKS: tuple[tuple[str, str, str, str, Judgement], ...] = (
    (
        "public access",
        "get_public_access_block",
        "s3:GetBucketPublicAccessBlock",
        "NoSuchPublicAccessBlockConfiguration",
        _public_access,
    ),
    ("TLS only", "get_bucket_policy", "s3:GetBucketPolicy", "NoSuchBucketPolicy", _tls_only),
    ("versioning", "get_bucket_versioning", "s3:GetBucketVersioning", "", _versioning),
    (
        "encryption",
        "get_bucket_encryption",
        "s3:GetEncryptionConfiguration",
        "ServerSideEncryptionConfigurationNotFoundError",
        _encryption,
    ),
    (
        "unfinished uploads",
        "get_bucket_lifecycle_configuration",
        "s3:GetLifecycleConfiguration",
        "NoSuchLifecycleConfiguration",
        _unfinished_uploads,
    ),
)
