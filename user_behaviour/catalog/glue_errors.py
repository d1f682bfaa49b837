"""What AWS Glue says when it refuses or fails, in words that tell what was tried on which table, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from user_behaviour.catalog.external_tables import CatalogError

ABSENT = "EntityNotFoundException"

_LOG_IN = "Log in anew, or see to it that the role's credentials are refreshed, and rerun"
_SEE_TO_KEY = "See to the access key in use (AWS_ACCESS_KEY_ID, AWS_PROFILE) and to the clock of this machine"
_LATER = "Rerun later, with fewer runs at once where it was throttled; the days are repointed then"
_REMEDIES = {
    ABSENT: "`user-behaviour migrate` makes the tables; the database is USER_BEHAVIOUR_GLUE_DATABASE",
    "AccessDeniedException": "Allow the role in use this call on the catalog, the database and the table",
    "ExpiredToken": _LOG_IN,
    "ExpiredTokenException": _LOG_IN,
    "InvalidSignatureException": _SEE_TO_KEY,
    "UnrecognizedClientException": _SEE_TO_KEY,
    "InternalServiceException": _LATER,
    "OperationTimeoutException": _LATER,
    "ThrottlingException": _LATER,
}


class AbsentError(CatalogError):
    """Glue does not have the table or its database."""


@contextmanager
def explained(operation: str, name: str) -> Iterator[None]:
    """Lets what Glue refuses leave as a `CatalogError`: the call that was tried, and the table it was tried on."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        said = error.response.get("Error", {})
        times = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) + 1
        tried = f" after {times} attempts" if times > 1 else ""
        code, message = said.get("Code", "no code"), said.get("Message", "no message").rstrip(".")
        remedy = _REMEDIES.get(code, "Look the code up in the Glue API reference")
        kind = AbsentError if code == ABSENT else CatalogError
        raise kind(f"{operation} of {name} failed{tried}: Glue says {code}: {message}. {remedy}.") from error
    except BotoCoreError as error:
        raise CatalogError(
            f"{operation} of {name} failed: {error}. See to credentials, region and network (AWS_*), then rerun."
        ) from error
