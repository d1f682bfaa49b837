"""What S3 says when it refuses or fails, in words that tell what was tried on which address, and what to do.

Both ways to S3 end here: boto3 for objects, pyarrow for Parquet files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from user_behaviour.aws.store_errors import (
    StoreAccessError,
    StoreCredentialsError,
    StoreError,
    StorePlaceError,
    StoreUnavailableError,
)

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

_DENIED = "Allow it to the role in use (s3:ListBucket too, without which a missing object is refused as well)"
_EXPIRED = "Log in anew, or see to it that the role's credentials are refreshed, and rerun"
_REJECTED = "See to the access key in use (AWS_ACCESS_KEY_ID, AWS_PROFILE) and to the clock of this machine"
_ABROAD = "Set AWS_REGION to the bucket's region"
_BUSY = "No day is half-published; rerun later, with fewer runs at once where it was throttled"
_SILENT = "To a HEAD S3 gives no reason: mostly a token that expired, or a bucket in another region (AWS_REGION)"
_ARCHIVED = "The object was archived; restore it, and keep archiving rules away from this prefix"

_KINDS: dict[str, tuple[type[StoreError], str]] = {
    **dict.fromkeys(("AccessDenied", "AllAccessDisabled", "403", "Forbidden"), (StoreAccessError, _DENIED)),
    "KMS.AccessDeniedException": (StoreAccessError, "Allow the role in use the bucket's KMS key"),
    "InvalidObjectState": (StoreAccessError, _ARCHIVED),
    **dict.fromkeys(
        ("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"), (StoreCredentialsError, _EXPIRED)
    ),
    **dict.fromkeys(
        ("InvalidToken", "InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed", "InvalidClientTokenId"),
        (StoreCredentialsError, _REJECTED),
    ),
    **dict.fromkeys(("400", "BadRequest"), (StoreError, _SILENT)),
    "NoSuchBucket": (StorePlaceError, "Create the bucket, or mend its name in the settings"),
    **dict.fromkeys(
        ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301"),
        (StorePlaceError, _ABROAD),
    ),
    **dict.fromkeys(
        (
            *("SlowDown", "InternalError", "InternalFailure", "ServiceUnavailable", "RequestTimeout", "Throttling"),
            *("ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException", "NetworkConnection"),
            *("429", "500", "502", "503", "504"),
        ),
        (StoreUnavailableError, _BUSY),
    ),
}
# pyarrow has the names of the AWS SDK for C++: NO_SUCH_BUCKET.
_BY_LETTERS = {code.replace("_", "").casefold(): kind for code, kind in _KINDS.items()}
# Where pyarrow does not know a code, it says UNKNOWN and, at the end, what it was.
_ARROW_CODES = (re.compile(r"ExceptionName: ([\w.]+)"), re.compile(r"UNKNOWN \(HTTP status (\d+)\)"))
_ARROW_CODE = re.compile(r"AWS Error (\w+)")


@contextmanager
def explained(action: str, uri: str) -> Iterator[None]:
    """Lets what S3 refuses leave as a `StoreError`: `action` is what is tried (`Writing`), `uri` on what."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _of_answer(f"{action} {uri}", error) from error
    except BotoCoreError as error:
        raise _of_client(f"{action} {uri}", error) from error
    except OSError as error:
        if isinstance(error, StoreError) or not _ARROW_CODE.search(str(error)):
            raise
        raise _of_arrow(f"{action} {uri}", str(error)) from error


def is_worth_another_try(code: str) -> bool:
    """Whether S3 may answer otherwise if it is asked again; of codes within an answer that was itself a success."""
    return _kind(code)[0] is StoreUnavailableError


def _kind(code: str) -> tuple[type[StoreError], str]:
    return _BY_LETTERS.get(code.replace("_", "").casefold(), (StoreError, "Look the code up in the S3 API reference"))


def _error(attempt: str, code: str, message: str, *, times: int = 1, region: str = "") -> StoreError:
    kind, remedy = _kind(code)
    tried = f" after {times} attempts" if times > 1 else ""
    place = f" ({region})" if region and kind is StorePlaceError else ""
    return kind(f"{attempt} failed{tried}: S3 says {code}: {message.rstrip('.')}. {remedy}{place}.")


def _of_answer(attempt: str, error: ClientError) -> StoreError:
    details, answer = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
    region = answer.get("HTTPHeaders", {}).get("x-amz-bucket-region", "")
    code, message = details.get("Code", ""), details.get("Message", "")
    return _error(attempt, code, message, times=answer.get("RetryAttempts", 0) + 1, region=region)


def _of_client(attempt: str, error: BotoCoreError) -> StoreError:
    from botocore import exceptions as boto

    found = str(error).rstrip(".")
    credentials = (boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError, boto.SSOError)
    if isinstance(error, (*credentials, boto.TokenRetrievalError, boto.ProfileNotFound)):
        remedy = "Give credentials as AWS does: a role, AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        return StoreCredentialsError(f"{attempt} failed: {found}. {remedy}")
    if isinstance(error, (boto.HTTPClientError, boto.ConnectionError, boto.IncompleteReadError)):
        remedy = "See that S3 can be reached from here (AWS_ENDPOINT_URL, AWS_REGION, proxies), then rerun."
        return StoreUnavailableError(f"{attempt} failed at every attempt: {found}. {remedy}")
    return StoreError(f"{attempt} failed: {found}. See to the AWS_* variables and the profile in use.")


def _of_arrow(attempt: str, text: str) -> StoreError:
    found = next(found for pattern in (*_ARROW_CODES, _ARROW_CODE) if (found := pattern.search(text)))
    return _error(attempt, found[1], text.split(" operation: ", 1)[-1])
