"""What keeps a bucket safe and cheap. A run would do without; public access and plain text are red all the same."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from user_behaviour.aws.errors import AwsError, aws_errors
from user_behaviour.diagnosis import Diagnosis, bad, good, unknown
from user_behaviour.lake.lake import Lake
from user_behaviour.lake.s3 import S3Lake

Answer = dict[str, Any]


def bucket_safety(lake: Lake) -> Iterator[Diagnosis]:
    """Five settings of the lake's bucket, where it has one; a setting that may not be looked at is not known."""
    if not isinstance(lake, S3Lake):
        return
    for subject, operation, unset, judge in _SETTINGS:
        try:
            with aws_errors("s3", f"Looking up {subject} of", lake.bucket):
                answer = getattr(lake.aws.client("s3"), operation)(Bucket=lake.bucket)
        except AwsError as error:
            if error.code != unset:
                yield unknown(subject, f"cannot be seen from here ({error.code})", f"{error.remedy}.")
                continue
            answer = {}
        yield judge(answer, lake.bucket)


def _public_access(answer: Answer, bucket: str) -> Diagnosis:
    switches = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    found = answer.get("PublicAccessBlockConfiguration", {})
    if not (off := [switch for switch in switches if not found.get(switch)]):
        return good("public access", "blocked")
    every = ",".join(f"{switch}=true" for switch in switches)
    command = f"aws s3api put-public-access-block --bucket {bucket} --public-access-block-configuration {every}"
    return bad("public access", f"not blocked: {', '.join(off)}", f"Run: {command}")


def _tls_only(answer: Answer, bucket: str) -> Diagnosis:
    if any(map(_denies_plain_text, json.loads(answer.get("Policy", '{"Statement": []}'))["Statement"])):
        return good("TLS only", "requests without TLS are denied")
    remedy = (
        f'Add to the policy of {bucket}: {{"Effect": "Deny", "Principal": "*", "Action": "s3:*", '
        f'"Resource": ["arn:aws:s3:::{bucket}", "arn:aws:s3:::{bucket}/*"], '
        '"Condition": {"Bool": {"aws:SecureTransport": "false"}}}'
    )
    return bad("TLS only", "no policy denies requests without TLS", remedy)


def _denies_plain_text(statement: Any) -> bool:
    condition = statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")
    wide = [statement.get("Action"), statement.get("Principal")] in (["s3:*", "*"], ["s3:*", {"AWS": "*"}])
    return statement.get("Effect") == "Deny" and wide and str(condition).lower() == "false"


def _versioning(answer: Answer, bucket: str) -> Diagnosis:
    if answer.get("Status") == "Enabled":
        return good("versioning", "on")
    command = f"aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled"
    return unknown("versioning", "off: what is deleted by mistake is gone", f"Better: {command}")


def _encryption(answer: Answer, bucket: str) -> Diagnosis:  # noqa: ARG001
    for rule in answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", []):
        if default := rule.get("ApplyServerSideEncryptionByDefault"):
            return good("encryption", f"{default['SSEAlgorithm']} {default.get('KMSMasterKeyID', '')}".strip())
    return unknown("encryption", "no default is declared; S3 itself uses AES256")


def _unfinished_uploads(answer: Answer, bucket: str) -> Diagnosis:
    for rule in answer.get("Rules", []):
        if rule.get("Status") == "Enabled" and (abort := rule.get("AbortIncompleteMultipartUpload")):
            return good("unfinished uploads", f"aborted after {abort['DaysAfterInitiation']} days")
    remedy = f"Better: a lifecycle rule of {bucket} with AbortIncompleteMultipartUpload, as in deploy/."
    return unknown("unfinished uploads", "kept, and paid for, for ever", remedy)


# Subject, operation, AWS's code where nothing is set, and what to say of the answer.
_SETTINGS: tuple[tuple[str, str, str, Callable[[Answer, str], Diagnosis]], ...] = (
    ("public access", "get_public_access_block", "NoSuchPublicAccessBlockConfiguration", _public_access),
    ("TLS only", "get_bucket_policy", "NoSuchBucketPolicy", _tls_only),
    ("versioning", "get_bucket_versioning", "", _versioning),
    ("encryption", "get_bucket_encryption", "ServerSideEncryptionConfigurationNotFoundError", _encryption),
    ("unfinished uploads", "get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration", _unfinished_uploads),
)
