"""What a role's `self_check` finds, as values: one thing tried or looked at, and what to do where it is wrong.

Every role checks itself by the calls that runs make, so the errors already say what to do: `failed` splits them in
two. Logins are the exception, since libpq says what is wrong and not what to do.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import psycopg2
from psycopg2.extensions import parse_dsn


@dataclass(frozen=True)
class Diagnosis:
    """`ok` None: it cannot be found out from here, or a run succeeds without it.

    `remedy` says what to do: always where `ok` is False, and where `ok` is None what would be better.
    """

    subject: str
    ok: bool | None
    found: str
    remedy: str = ""


def good(subject: str, found: str) -> Diagnosis:
    """As a run needs it."""
    return Diagnosis(subject, ok=True, found=found)


def bad(subject: str, found: str, remedy: str) -> Diagnosis:
    """A run cannot succeed like this."""
    return Diagnosis(subject, ok=False, found=found, remedy=remedy)


def unknown(subject: str, found: str, remedy: str = "") -> Diagnosis:
    """It cannot be found out from here, or a run succeeds without it."""
    return Diagnosis(subject, ok=None, found=found, remedy=remedy)


def judged(subject: str, ok: bool, found: str, remedy: str, *, needed: bool = True) -> Diagnosis:
    """`good` if `ok`; else `bad`, or `unknown` where it is not `needed`. The remedy is dropped where it is good."""
    if ok:
        return good(subject, found)
    return bad(subject, found, remedy) if needed else unknown(subject, found, remedy)


def not_needed(diagnosis: Diagnosis) -> Diagnosis:
    """The same of something that a run succeeds without."""
    return diagnosis if diagnosis.ok else replace(diagnosis, ok=None)


@runtime_checkable
class _Explained(Protocol):
    """An error that keeps the two halves of its message."""

    found: str
    remedy: str


def failed(subject: str, error: Exception) -> Diagnosis:
    """What an error says, and its remedy if it has one."""
    if isinstance(error, _Explained):
        return bad(subject, error.found, f"{error.remedy}.")
    if isinstance(error, psycopg2.Error):
        return bad(subject, in_short(error), "Check the database and the way there, then call again.")
    if isinstance(error, OSError) and error.strerror:
        return bad(subject, f"{error.filename}: {error.strerror}", "Let this user use it, or correct the path.")
    found, remedy = halves(str(error))
    return bad(subject, found, remedy or "Correct what it names, then call again.")


def halves(sentence: str) -> tuple[str, str]:
    """An error of this project's in the form `what was found; what to do`, as two texts."""
    found, _, remedy = sentence.strip().partition("; ")
    return found, f"{remedy[:1].upper()}{remedy[1:]}"


def in_short(error: psycopg2.Error) -> str:
    """The first line of what the server or libpq says."""
    text = (error.diag.message_primary or str(error)).strip()
    return text.splitlines()[0] if text else type(error).__name__


def verified(url: str, *, settings: str) -> Iterator[Diagnosis]:
    """Whether libpq makes sure of the server before it says the password; nothing of one on this machine."""
    parts = parse_dsn(url)
    if parts.get("host") not in ("127.0.0.1", "localhost"):
        mode = parts.get("sslmode", "prefer")
        remedy = f"Better: ?sslmode=verify-full&sslrootcert=FILE, the bundle of its authority ({settings})."
        yield judged("TLS", mode == "verify-full", f"sslmode is {mode}", remedy, needed=False)


def login_refused(error: psycopg2.Error, *, settings: str, ca: str = "sslrootcert of the URL") -> Diagnosis:
    """Why a login failed, with what to do; `settings` are the variables that say where and as whom."""
    known = (text for text in _LOGIN_REMEDIES if text in str(error).lower() or text == error.pgcode)
    remedy = _LOGIN_REMEDIES.get(next(known, ""), "Check host, port, user and network ({settings}).")
    return bad("login", in_short(error), remedy.format(settings=settings, ca=ca))


_LOGIN_REMEDIES = {
    "password authentication failed": "Correct the user or the password ({settings}).",
    "28000": "Correct the user or the password ({settings}), or let the user in.",
    "could not translate host name": "Correct the host ({settings}); private names resolve only inside their VPC.",
    "certificate verify failed": "Name the bundle of the authority that signed the server: {ca}.",
    "root certificate file": "Name a file that exists: {ca}.",
    "does not exist": "Create it, or correct its name ({settings}).",
    "does not match host name": "Use the endpoint's own name as the host ({settings}), and no alias.",
    "no pg_hba.conf entry": "Let this user and machine in, or ask for TLS with ?sslmode=require ({settings}).",
    "timeout expired": "Let this machine in: security group, public access or route to the VPC; see {settings}.",
    "connection refused": "Start the server, or correct host and port ({settings}).",
    "remaining connection slots": "Raise max_connections, or end idle sessions.",
    "too many connections": "Raise the limit of connections of the user or the database, or end idle sessions.",
}
