"""Calls to AWS whose refusal is an answer too, and what a refusal means.

What no call will get past (no credentials, expired ones, no way to the endpoint) is raised, once for a whole role.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from user_behaviour.aws.clients import Aws
from user_behaviour.doctor.findings import Finding, Role

_DENIED = {"AccessDenied", "AccessDeniedException", "AllAccessDisabled", "UnauthorizedOperation", "Forbidden", "403"}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
_REJECTED = {
    "AuthFailure",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "InvalidToken",
    "MissingAuthenticationToken",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_UNAUTHORISED = re.compile(r"not authorized to perform: (\S+) on resource: \"?([^\s\"]+)")
Answer = dict[str, Any]


class OutOfReachError(Exception):
    """AWS cannot be asked at all; `found` and `remedy` say why, and what to do."""

    def __init__(self, found: str, remedy: str) -> None:
        super().__init__(f"{found}; {remedy}")
        self.found = found
        self.remedy = remedy


@dataclass(frozen=True)
class Refusal:
    """What AWS said instead of an answer."""

    code: str
    message: str

    @property
    def is_denial(self) -> bool:
        return self.code in _DENIED


def ask(aws: Aws, service: str, operation: str, **arguments: Any) -> Answer | Refusal:
    """The answer to a call, or the refusal. Raises `OutOfReachError`."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        return dict(getattr(aws.client(service), operation)(**arguments))
    except ClientError as error:
        said = error.response.get("Error", {})
        refusal = Refusal(said.get("Code", "?"), said.get("Message", ""))
        if refusal.code in _EXPIRED:
            raise OutOfReachError(
                f"the credentials have expired ({refusal.code})",
                "Log in anew (`aws sso login`), or see to it that the role's credentials are refreshed.",
            ) from error
        if refusal.code in _REJECTED:
            raise OutOfReachError(
                f"AWS does not take the credentials ({refusal.code})",
                "See to the access key in use (AWS_PROFILE, AWS_ACCESS_KEY_ID) and to the clock of this machine.",
            ) from error
        return refusal
    except (BotoCoreError, ResponseParserError) as error:  # the latter, of a proxy's page say, is none of the former
        if reason := _out_of_reach(error):
            raise OutOfReachError(*reason) from error
        return Refusal(type(error).__name__, str(error).partition("\n")[0])


def look(aws: Aws, service: str, operation: str, **arguments: Any) -> Answer | Refusal:
    """`ask`, of a service that no run calls: that it is out of reach is a refusal like any other."""
    try:
        return ask(aws, service, operation, **arguments)
    except OutOfReachError as error:
        return Refusal(error.found, error.remedy)


def refused(
    role: Role,
    subject: str,
    refusal: Refusal,
    *,
    action: str,
    resource: str,
    otherwise: Mapping[str, tuple[str, str]] | None = None,
) -> Finding:
    """A red finding; `otherwise`: by code, what was found and the remedy where no permission is lacking."""
    if special := (otherwise or {}).get(refusal.code):
        return role.bad(subject, *special)
    if refusal.is_denial:
        # AWS often names both itself, and knows better: writing an object may fail on the key that encrypts it.
        named = _UNAUTHORISED.search(refusal.message)
        return role.bad(
            subject, f"not allowed ({refusal.code})", allow(*(named.groups() if named else (action, resource)))
        )
    return role.bad(
        subject,
        f"{action} failed: {refusal.code}: {refusal.message.rstrip('.')[:200]}",
        "If AWS was out of order or throttled, call again; else look the code up in the API reference of the service.",
    )


def allow(action: str, resource: str, whom: str = "the identity in use") -> str:
    """The remedy for a missing permission."""
    return f"Allow {action} on {resource} to {whom}."


def _out_of_reach(error: Exception) -> tuple[str, str] | None:
    from botocore import exceptions as boto

    kind = type(error).__name__
    if isinstance(error, boto.NoRegionError):
        return "no region is set", "Set AWS_REGION to the region of the lake's bucket."
    without = (boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError, boto.SSOError)
    if isinstance(error, (*without, boto.TokenRetrievalError, boto.ProfileNotFound)):
        remedy = "Give credentials as AWS does: a role, AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        return f"there are no credentials ({kind})", remedy
    if isinstance(error, (boto.ConnectionError, boto.HTTPClientError)):
        remedy = "See to the way there: AWS_ENDPOINT_URL, AWS_REGION, proxies, routes or endpoints of the VPC."
        return f"AWS cannot be reached: {str(error).rstrip('.')}", remedy
    return None
