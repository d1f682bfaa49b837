"""Questions to a database over one connection, each in a transaction of its own, none of which writes.

Not by `Warehouse.rows`, which tries again and again where the doctor wants to know that it failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from user_behaviour.doctor.findings import Finding, Role
from user_behaviour.tables.statements import statement

if TYPE_CHECKING:
    import psycopg2
    import psycopg2.extensions

_REMEDIES = {
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


class Connectable(Protocol):
    """What gives connections: a warehouse, for instance."""

    def connect(self) -> psycopg2.extensions.connection: ...


class Session:
    """One connection, without transactions, closed at the end."""

    def __init__(self, database: Connectable) -> None:
        self.connection = database.connect()
        self.connection.autocommit = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.connection.close()

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall()

    def statement(self, file: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        return self.rows(statement(file), parameters)


def in_short(error: psycopg2.Error) -> str:
    """The first line of what the server or libpq says."""
    text = (error.diag.message_primary or str(error)).strip()
    return text.splitlines()[0] if text else type(error).__name__


def login_refused(role: Role, error: psycopg2.Error, *, settings: str, ca: str = "sslrootcert of the URL") -> Finding:
    """Why a login failed, with what to do; `settings` are the variables that say where and as whom."""
    said = in_short(error)
    known = (text for text in _REMEDIES if text in str(error).lower() or text == error.pgcode)
    remedy = _REMEDIES.get(next(known, ""), "See to host, port, user and network ({settings}).")
    return role.bad("login", said, remedy.format(settings=settings, ca=ca))
