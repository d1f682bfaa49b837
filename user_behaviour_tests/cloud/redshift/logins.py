"""How a client gets in: TLS first, then a known user with the password of the moment, then the greeting."""

import contextlib
import hashlib
import re
import secrets
import socket
import ssl
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from user_behaviour_tests.cloud.redshift import wire
from user_behaviour_tests.cloud.redshift.errors import SqlError


@dataclass(frozen=True)
class Client:
    """A client that was let in."""

    wire: wire.Wire
    user: str
    encoding: str


def admit(sock: socket.socket, tls: ssl.SSLContext, *, logins: Mapping[str, str], database: str) -> Client:
    """Leads a client through the start-up. Raises SqlError for whom it turns away."""
    client = wire.Wire(sock)
    try:
        code, body = client.read_startup()
        while code == wire.GSS_REQUEST:
            sock.sendall(b"N")
            code, body = client.read_startup()
        if code != wire.SSL_REQUEST:
            user = wire.startup_parameters(body).get("user")
            raise SqlError(f'no pg_hba.conf entry for host "127.0.0.1", user "{user}", SSL off', "28000")
        sock.sendall(b"S")
        client = wire.Wire(tls.wrap_socket(sock, server_side=True))
        return _authenticate(client, logins, database)
    except SqlError as refusal:
        with contextlib.suppress(wire.Disconnected):
            client.send(refusal.response("FATAL"))
        client.close()
        raise
    except wire.Disconnected:
        client.close()
        raise


def _authenticate(client: wire.Wire, logins: Mapping[str, str], database: str) -> Client:
    _, body = client.read_startup()
    asked = wire.startup_parameters(body)
    user = asked.get("user", "")
    salt = secrets.token_bytes(4)
    client.send(wire.Message(b"R", struct.pack("!I", 5) + salt))
    answer = client.read().body.rstrip(b"\0").decode()
    if user not in logins or answer != _md5(logins[user], user, salt):
        raise SqlError(f'password authentication failed for user "{user}"', "28000")
    if asked.get("database") != database:
        raise SqlError(f'database "{asked.get("database")}" does not exist', "3D000")
    unknown = set(asked) - {"user", "database", "client_encoding", "application_name"}
    if unknown:
        # Redshift has none of the parameters of PostgreSQL that one would set here.
        raise SqlError(f"unsupported startup parameter: {sorted(unknown)[0]}", "42704")
    client.send(wire.Message(b"R", struct.pack("!I", 0)))
    encoding = "UTF8" if "client_encoding" in asked else "UNICODE"
    return Client(client, user, encoding)


def greeting(client: Client, pid: int, *, standard_conforming_strings: bool) -> list[wire.Message]:
    """What Redshift says of itself; of `standard_conforming_strings` it says nothing, as long as it is off."""
    said = {
        "client_encoding": client.encoding,
        "DateStyle": "ISO, MDY",
        "integer_datetimes": "on",
        "is_superuser": "off",
        "server_encoding": "UNICODE",
        "server_version": "8.0.2",
        "session_authorization": client.user,
        "TimeZone": "UTC",
        # Left unsaid, psycopg2 doubles backslashes; a server that took them as they are would then store two.
        **({"standard_conforming_strings": "on"} if standard_conforming_strings else {}),
    }
    parameters = [wire.parameter(name, value) for name, value in said.items()]
    return [*parameters, wire.Message(b"K", struct.pack("!II", pid, 0)), wire.ready("I")]


def _md5(password: str, user: str, salt: bytes) -> str:
    kept = re.fullmatch("md5([0-9a-f]{32})", password)
    inner = kept[1] if kept else hashlib.md5((password + user).encode()).hexdigest()
    return "md5" + hashlib.md5(inner.encode() + salt).hexdigest()
