"""How AWS refuses or fails: one tree of errors, and one table from AWS's codes to what they mean and what to do.

`aws_errors` turns what boto3 and pyarrow raise into one of these. The message says what was tried on what, what AWS
said, and the remedy. The clients have retried already whatever a retry can help: whoever catches one of
these need not.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError


class AwsError(OSError):
    """AWS refused or failed for good. An OSError, as of a file system: the caller need not know which store it is.

    `found` is the message without the remedy; `code` is AWS's, or the name of the client's own error.
    """

    def __init__(self, found: str, remedy: str, *, code: str = "") -> None:
        super().__init__(f"{found}. {remedy}.")
        self.found = found
        self.remedy = remedy
        self.code = code


class AccessDeniedError(AwsError, PermissionError):
    """The identity in use may not do this."""


class CredentialsRejectedError(AwsError):
    """There are no credentials, or AWS does not take them, or no longer."""


class WrongPlaceError(AwsError):
    """The bucket is not there, or not in this region, or no region is set."""


class UnavailableError(AwsError):
    """Throttled, broken off or out of order at every attempt; a later run may succeed."""


class AbsentError(AwsError, FileNotFoundError):
    """What was asked for is not there."""


Meaning = tuple[type[AwsError], str]

_ALLOW = "Allow {action} on {subject} to the identity in use"
_LATER = "Rerun later, with fewer runs at once if it was throttled; no day is half-published"
_REGION = "Set AWS_REGION to the bucket's region"
_GIVE_CREDENTIALS = "Give credentials as AWS does: a role, AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
_CHECK_NETWORK = "Check the way there (AWS_ENDPOINT_URL, AWS_REGION, proxies, routes, VPC endpoints), then rerun"

# The codes of each remedy. One that begins with `service:` is meant of that service only.
_CODES: dict[type[AwsError], dict[str, str]] = {
    AccessDeniedError: {
        _ALLOW: "AccessDenied AccessDeniedException AllAccessDisabled UnauthorizedOperation Forbidden 403",
        "Allow {action} on {subject}, its database and the catalog to the identity in use": (
            "glue:AccessDeniedException"
        ),
        f"{_ALLOW}, and kms:Decrypt if a key of your own encrypts it": "secretsmanager:AccessDeniedException",
        "Allow kms:Decrypt on its key to the identity in use": "secretsmanager:DecryptionFailure",
        "Allow the identity in use the bucket's KMS key": "KMS.AccessDeniedException",
        "The object was archived: restore it, and keep archiving rules away from this prefix": "InvalidObjectState",
    },
    CredentialsRejectedError: {
        "Log in again (`aws sso login`), or have the role's credentials refreshed, and rerun": (
            "ExpiredToken ExpiredTokenException RequestExpired TokenRefreshRequired"
        ),
        "Check the access key in use (AWS_ACCESS_KEY_ID, AWS_PROFILE) and the clock of this machine": (
            "AuthFailure IncompleteSignature InvalidAccessKeyId InvalidClientTokenId InvalidSignatureException "
            "InvalidToken MissingAuthenticationToken RequestTimeTooSkewed SignatureDoesNotMatch "
            "UnrecognizedClientException"
        ),
    },
    WrongPlaceError: {
        "Create the bucket (the template in deploy/ does), or correct its name (USER_BEHAVIOUR_LAKE, "
        "USER_BEHAVIOUR_VENDOR_DROP)": "NoSuchBucket",
        _REGION: "PermanentRedirect AuthorizationHeaderMalformed IllegalLocationConstraintException 301",
    },
    UnavailableError: {
        _LATER: (
            "SlowDown Throttling ThrottlingException RequestLimitExceeded TooManyRequestsException RequestTimeout 429 "
            "InternalError InternalFailure InternalServiceException ServiceUnavailable NetworkConnection "
            "OperationTimeoutException ConcurrentModificationException 500 502 503 504"
        ),
        "It was replaced meanwhile; rerun": "PreconditionFailed",
    },
    AbsentError: {
        "It may have been removed or renamed meanwhile; check the name": "NoSuchKey NoSuchEntity 404",
        "`user-behaviour migrate` makes the tables; the database is USER_BEHAVIOUR_GLUE_DATABASE": (
            "EntityNotFoundException"
        ),
        "Create the secret there, or correct the reference": "secretsmanager:ResourceNotFoundException",
        "Create the application (the template in deploy/ does), or correct USER_BEHAVIOUR_EMR_APPLICATION": (
            "emr-serverless:ResourceNotFoundException"
        ),
        "Create the queue (the template in deploy/ does), or correct USER_BEHAVIOUR_VENDOR_QUEUE": (
            "AWS.SimpleQueueService.NonExistentQueue QueueDoesNotExist"
        ),
        "Correct USER_BEHAVIOUR_EMR_CLUSTER, or AWS_REGION": "emr:InvalidRequestException",
        "Correct USER_BEHAVIOUR_REDSHIFT_WORKGROUP or …_CLUSTER, or AWS_REGION": (
            "redshift-serverless:ResourceNotFoundException redshift:ClusterNotFound"
        ),
    },
    AwsError: {
        "Restore it (`aws secretsmanager restore-secret`) if it is marked for deletion, or give it a value": (
            "secretsmanager:InvalidRequestException"
        ),
        "Check USER_BEHAVIOUR_EMR_APPLICATION and USER_BEHAVIOUR_EMR_ROLE": "emr-serverless:ValidationException",
        "S3 gives no reason to a HEAD: mostly a token that expired, or a bucket in another region (AWS_REGION)": (
            "400 BadRequest"
        ),
    },
}
# Errors of the client itself, where it got no answer that it could read.
_CLIENT_ERRORS: tuple[tuple[tuple[type[Exception], ...], Meaning], ...] = (
    ((boto.NoRegionError,), (WrongPlaceError, "Set AWS_REGION to the region of the lake's bucket")),
    ((boto.NoCredentialsError, boto.PartialCredentialsError), (CredentialsRejectedError, _GIVE_CREDENTIALS)),
    ((boto.CredentialRetrievalError, boto.ProfileNotFound), (CredentialsRejectedError, _GIVE_CREDENTIALS)),
    ((boto.SSOError, boto.TokenRetrievalError), (CredentialsRejectedError, _GIVE_CREDENTIALS)),
    ((boto.HTTPClientError, boto.ConnectionError), (UnavailableError, _CHECK_NETWORK)),
    ((boto.IncompleteReadError, ResponseParserError), (UnavailableError, _CHECK_NETWORK)),
    ((boto.BotoCoreError,), (AwsError, "Check the AWS_* variables and the profile in use")),
)
_SERVICES = {
    "emr": "EMR",
    "emr-serverless": "EMR Serverless",
    "glue": "Glue",
    "iam": "IAM",
    "redshift": "Redshift",
    "redshift-serverless": "Redshift Serverless",
    "s3": "S3",
    "secretsmanager": "Secrets Manager",
    "sqs": "SQS",
    "sts": "STS",
}
# The permission that an operation needs, where it is not called alike.
_READ = "s3:GetObject (and s3:ListBucket, without which a missing object is refused as well)"
_PERMISSIONS = {
    **dict.fromkeys(("GetObject", "HeadObject"), _READ),
    **dict.fromkeys(("CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"), "s3:PutObject"),
    **dict.fromkeys(("CopyObject", "UploadPartCopy"), "s3:GetObject and s3:PutObject"),
    "DeleteObjects": "s3:DeleteObject",
    "GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "DeleteMessageBatch": "sqs:DeleteMessage",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "ListObjectsV2": "s3:ListBucket",
}
_NAMED_BY_AWS = re.compile(r"not authorized to perform: (\S+) on resource: \"?([^\s\"]+)")


@contextmanager
def aws_errors(service: str, action: str, subject: str) -> Iterator[None]:
    """Turns what boto3 and pyarrow raise within it into an `AwsError`.

    `service` is boto3's name of it; `action` is what is tried (`Writing`), `subject` on what.
    """
    try:
        yield
    except (boto.ClientError, boto.BotoCoreError, ResponseParserError) as error:
        raise aws_error(service, action, subject, error=error) from error
    except OSError as error:
        if isinstance(error, AwsError) or (answer := _answer_in(str(error))) is None:
            raise
        raise _refusal(service, action, subject, answer=answer) from error


def aws_error(service: str, action: str, subject: str, *, error: Exception) -> AwsError:
    """The meaning of an error of boto3, without raising it."""
    if isinstance(error, boto.ClientError):
        return _refusal(service, action, subject, answer=error)
    kind, remedy = next(meaning for kinds, meaning in _CLIENT_ERRORS if isinstance(error, kinds))
    at_every_attempt = " at every attempt" if kind is UnavailableError else ""
    said = str(error).partition("\n")[0].rstrip(".")  # what follows may be the answer itself
    return kind(f"{action} {subject} failed{at_every_attempt}: {said}", remedy, code=type(error).__name__)


def is_worth_another_try(code: str) -> bool:
    """Whether AWS may answer otherwise if it is asked again; of codes within an answer that was itself a success."""
    return _meaning("", code)[0] is UnavailableError


def _as_key(code: str) -> str:
    """The code as a key: pyarrow has the names of the AWS SDK for C++, NO_SUCH_BUCKET."""
    return code.replace("_", "").casefold()


_MEANINGS: dict[str, Meaning] = {
    _as_key(code): (kind, remedy)
    for kind, remedies in _CODES.items()
    for remedy, codes in remedies.items()
    for code in codes.split()
}


def _meaning(service: str, code: str, status: int = 0) -> Meaning:
    if found := _MEANINGS.get(_as_key(f"{service}:{code}")) or _MEANINGS.get(_as_key(code)):
        return found
    if status >= 500:
        return UnavailableError, _LATER
    return AwsError, "Look the code up in the API reference of the service"


def _answer_in(text: str) -> boto.ClientError | None:
    """The answer of S3 that pyarrow put into a sentence, as boto3 would raise it; None where there is none.

    For a code that pyarrow does not know, its sentence has the exception's name or the HTTP status.
    """
    found = re.search(r"AWS Error (\w+)(?: \(HTTP status (\d+)\))?(?: during (\w+) operation)?", text)
    if not found:
        return None
    code, status, operation = found.groups()
    unknown = re.search(r"ExceptionName: ([\w.]+)", text)
    said = {"Code": unknown[1] if unknown else status or code, "Message": text.split(" operation: ", 1)[-1]}
    return boto.ClientError({"Error": said}, operation or "")


def _refusal(service: str, action: str, subject: str, *, answer: boto.ClientError) -> AwsError:
    said, request = answer.response.get("Error", {}), answer.response.get("ResponseMetadata", {})
    code, message = said.get("Code", "no code"), said.get("Message", "no message")
    kind, remedy = _meaning(service, code, request.get("HTTPStatusCode", 0))
    prefix = "elasticmapreduce" if service == "emr" else service
    permission, on = _PERMISSIONS.get(answer.operation_name, f"{prefix}:{answer.operation_name or '*'}"), subject
    if named := _NAMED_BY_AWS.search(message):  # AWS knows better: a write may fail on the key that encrypts it
        permission, on = named.groups()
    retries = request.get("RetryAttempts", 0)
    again = f" after {retries + 1} attempts" if retries else ""
    region = request.get("HTTPHeaders", {}).get("x-amz-bucket-region")
    elsewhere = f" ({region})" if region and remedy is _REGION else ""
    return kind(
        f"{action} {subject} failed{again}: {_SERVICES[service]} says {code}: {message.rstrip('.')}",
        remedy.format(action=permission, subject=on) + elsewhere,
        code=code,
    )
