"""How a client gets in: TLS first, then a known user with a password that has not expired, then the greeting.

Passwords of IAM (`IAM:name`, `IAMA:name`) are logins like others, with an end.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import socket
import ssl
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from user_behaviour_tests.cloud.redshift import wire
from user_behaviour_tests.cloud.redshift.errors import SqlError

SERVER_VERSION = "8.0.2"


@dataclass(frozen=True)
class Login:
    """A user who may come in, until `expires` (None: for ever)."""

    password: str
    expires: datetime | None = None


@dataclass(frozen=True)
class Client:
    """A client that was let in."""

    wire: wire.Wire
    user: str
    application: str
    encoding: str


@dataclass(frozen=True)
class CancelRequest(Exception):
    """A client that only came to cancel the query of a session."""

    pid: int
    secret: int


def admit(sock: socket.socket, tls: ssl.SSLContext, *, logins: Mapping[str, Login], database: str) -> Client:
    """Leads a client through the start-up. Raises SqlError for whom it turns away, CancelRequest for a canceller."""
    secured = _secure(sock, tls)
    try:
        return _authenticate(secured, logins, database)
    except SqlError as refusal:
        with contextlib.suppress(wire.Disconnected):
            secured.send(refusal.response("FATAL"))
        secured.close()
        raise
    except (wire.Disconnected, CancelRequest):
        secured.close()
        raise


def _secure(sock: socket.socket, tls: ssl.SSLContext) -> wire.Wire:
    plain = wire.Wire(sock)
    while True:
        code, body = plain.read_startup()
        if code == wire.CANCEL_REQUEST:
            raise CancelRequest(*struct.unpack("!II", body))
        if code == wire.SSL_REQUEST:
            sock.sendall(b"S")
            return wire.Wire(tls.wrap_socket(sock, server_side=True))
        if code != wire.GSS_REQUEST:
            break
        sock.sendall(b"N")
    asked = wire.startup_parameters(body)
    refusal = SqlError(
        f'no pg_hba.conf entry for host "127.0.0.1", user "{asked.get("user")}", '
        f'database "{asked.get("database")}", SSL off',
        "28000",
    )
    plain.send(refusal.response("FATAL"))
    plain.close()
    raise refusal


def _authenticate(client: wire.Wire, logins: Mapping[str, Login], database: str) -> Client:
    code, body = client.read_startup()
    if code == wire.CANCEL_REQUEST:
        raise CancelRequest(*struct.unpack("!II", body))
    asked = wire.startup_parameters(body)
    user = asked.get("user", "")
    salt = secrets.token_bytes(4)
    client.send(wire.Message(b"R", struct.pack("!I", 5) + salt))
    answer = client.read().body.rstrip(b"\0").decode()
    login = logins.get(user)
    if login is None or answer != _md5(login.password, user, salt) or _expired(login):
        raise SqlError(f'password authentication failed for user "{user}"', "28000")
    if asked.get("database") != database:
        raise SqlError(f'database "{asked.get("database")}" does not exist', "3D000")
    unknown = set(asked) - {"user", "database", "client_encoding", "application_name"}
    if unknown:
        # Redshift has none of the parameters of PostgreSQL that one would set here.
        raise SqlError(f"unsupported startup parameter: {sorted(unknown)[0]}", "42704")
    client.send(wire.Message(b"R", struct.pack("!I", 0)))
    encoding = "UTF8" if "client_encoding" in asked else "UNICODE"
    return Client(client, user, asked.get("application_name", ""), encoding)


def greeting(client: Client, pid: int, secret: int, *, standard_conforming_strings: bool) -> list[wire.Message]:
    """What Redshift says of itself; of `standard_conforming_strings` it says nothing, as long as it is off."""
    said = {
        "client_encoding": client.encoding,
        "DateStyle": "ISO, MDY",
        "integer_datetimes": "on",
        "is_superuser": "off",
        "server_encoding": "UNICODE",
        "server_version": SERVER_VERSION,
        "session_authorization": client.user,
        "TimeZone": "UTC",
        # Left unsaid, psycopg2 doubles backslashes; a server that took them as they are would then store two.
        **({"standard_conforming_strings": "on"} if standard_conforming_strings else {}),
    }
    parameters = [wire.parameter(name, value) for name, value in said.items()]
    return [*parameters, wire.Message(b"K", struct.pack("!II", pid, secret)), wire.ready("I")]


def _md5(password: str, user: str, salt: bytes) -> str:
    inner = hashlib.md5((password + user).encode()).hexdigest()
    return "md5" + hashlib.md5(inner.encode() + salt).hexdigest()


def _expired(login: Login) -> bool:
    return login.expires is not None and login.expires <= datetime.now(UTC)
