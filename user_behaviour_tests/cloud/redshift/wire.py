"""The frames of PostgreSQL's wire protocol, version 3: how messages are read, and those that a server writes.

Knows no SQL and no Redshift. https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

import contextlib
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

SSL_REQUEST = 80877103
GSS_REQUEST = 80877104


BYTEA = 17
VARBYTE = 6551  # Redshift's own, whose values are hexadecimal digits


class Disconnected(Exception):
    """The other side has gone."""


@dataclass(frozen=True)
class Message:
    """One message: its type and what it carries."""

    kind: bytes
    body: bytes

    def encoded(self) -> bytes:
        return self.kind + struct.pack("!I", len(self.body) + 4) + self.body


class Wire:
    """A socket seen as a stream of messages."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._file = sock.makefile("rb")

    def read(self) -> Message:
        kind, length = struct.unpack("!cI", self._exactly(5))
        return Message(kind, self._exactly(length - 4))

    def read_startup(self) -> tuple[int, bytes]:
        """The first message has no type: its protocol or request code, and the rest."""
        length, code = struct.unpack("!II", self._exactly(8))
        return code, self._exactly(length - 8)

    def send(self, *messages: Message) -> None:
        self.send_bytes(b"".join(message.encoded() for message in messages))

    def send_bytes(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise Disconnected(str(error)) from error

    def close(self) -> None:
        """Ends the connection for both sides at once, as a firewall or a killed server does."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._file.close()
        self._socket.close()

    def _exactly(self, size: int) -> bytes:
        try:
            data = self._file.read(size)
        except (OSError, ValueError) as error:
            raise Disconnected(str(error)) from error
        if len(data) < size:
            raise Disconnected("the other side closed the connection")
        return data


def fields(body: bytes) -> dict[str, str]:
    """The fields of an ErrorResponse or a NoticeResponse, by their letters."""
    return {part[:1].decode(): part[1:].decode() for part in body.split(b"\0") if part}


def error(values: Mapping[str, str]) -> Message:
    return Message(b"E", b"".join(k.encode() + v.encode() + b"\0" for k, v in values.items()) + b"\0")


def notice(text: str) -> Message:
    body = error({"S": "INFO", "C": "00000", "M": text}).body
    return Message(b"N", body)


def ready(status: str) -> Message:
    return Message(b"Z", status.encode())


def complete(tag: str) -> Message:
    return Message(b"C", tag.encode() + b"\0")


def parameter(name: str, value: str) -> Message:
    return Message(b"S", name.encode() + b"\0" + value.encode() + b"\0")


def query(sql: str) -> Message:
    return Message(b"Q", sql.encode() + b"\0")


def startup_parameters(body: bytes) -> dict[str, str]:
    parts = [part.decode() for part in body[:-1].split(b"\0")]
    return dict(zip(parts[0::2], parts[1::2], strict=False))


@dataclass(frozen=True)
class ResultColumn:
    """A column of a RowDescription; `modifier` is PostgreSQL's typmod, -1 for none."""

    name: str
    type_oid: int
    modifier: int


def row_description(body: bytes) -> list[ResultColumn]:
    (count,) = struct.unpack_from("!H", body)
    columns, at = [], 2
    for _ in range(count):
        end = body.index(b"\0", at)
        name = body[at:end].decode()
        _table, _number, oid, _size, modifier, _format = struct.unpack_from("!IhIhih", body, end + 1)
        columns.append(ResultColumn(name, oid, modifier))
        at = end + 19
    return columns


def with_varbyte(messages: Iterator[Message]) -> Iterator[Message]:
    """A result whose columns of bytes are shown as Redshift shows VARBYTE."""
    shown: set[int] = set()
    for message in messages:
        if message.kind == b"T":
            shown = {at for at, column in enumerate(row_description(message.body)) if column.type_oid == BYTEA}
        if not shown or message.kind not in (b"T", b"D"):
            yield message
        elif message.kind == b"T":
            yield Message(b"T", _retyped(message.body))
        else:
            values = [v[2:] if v and at in shown else v for at, v in enumerate(data_row(message.body))]
            sized = [struct.pack("!i", -1) if v is None else _sized(v.encode()) for v in values]
            yield Message(b"D", message.body[:2] + b"".join(sized))


def _sized(value: bytes) -> bytes:
    return struct.pack("!i", len(value)) + value


def _retyped(body: bytes) -> bytes:
    made, at = bytearray(body), 2
    for _ in row_description(body):
        type_at = body.index(b"\0", at) + 7
        if struct.unpack_from("!I", body, type_at) == (BYTEA,):
            struct.pack_into("!I", made, type_at, VARBYTE)
        at = type_at + 12
    return bytes(made)


def data_row(body: bytes) -> tuple[str | None, ...]:
    (count,) = struct.unpack_from("!H", body)
    values: list[str | None] = []
    at = 2
    for _ in range(count):
        (length,) = struct.unpack_from("!i", body, at)
        at += 4
        if length < 0:
            values.append(None)
        else:
            values.append(body[at : at + length].decode())
            at += length
    return tuple(values)
