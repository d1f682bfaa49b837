"""AWS as a server of moto on a free port of loopback, with room for what stands before it.

A middleware sees every request before moto does: it may answer itself, or change what moto answers.
"""

from __future__ import annotations

import functools
import io
import itertools
import json
import secrets
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from user_behaviour.aws.clients import Aws

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
Middleware = Callable[[Wsgi], Wsgi]
REGION = "eu-west-1"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}
_numbers = itertools.count(1)


@dataclass
class Cloud:
    """A running server. `middlewares` is read at each request; the last one added sees the request first."""

    moto: Wsgi
    url: str = ""
    middlewares: list[Middleware] = field(default_factory=list)

    @cached_property
    def aws(self) -> Aws:
        """Clients for the server; cached, since each takes a while to make."""
        return Aws(region_name=REGION, endpoint_url=self.url)

    def bucket(self, stem: str = "lake") -> str:
        """A new bucket, with a name that no other test has."""
        name = f"{stem}-{next(_numbers)}-{secrets.token_hex(3)}"
        self.aws.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return name

    @contextmanager
    def behind(self, middleware: Middleware) -> Iterator[None]:
        """Puts the middleware before moto for as long as it is entered."""
        self.middlewares.append(middleware)
        try:
            yield
        finally:
            self.middlewares.remove(middleware)

    def answer(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The application that is served."""
        application = self.moto
        for middleware in tuple(self.middlewares):
            application = middleware(application)
        body_of(environ)
        return application(environ, start_response)


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: str
    headers: list[tuple[str, str]]
    content: bytes

    @classmethod
    def of(cls, application: Wsgi, environ: Environ, body: bytes | None = None) -> Answer:
        """Asks an application, with another body if one is given."""
        if body is not None:
            environ = {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        begun: list[tuple[str, list[tuple[str, str]]]] = []
        content = b"".join(application(environ, lambda status, headers, *_: begun.append((status, headers))))
        return cls(*begun[0], content)

    @classmethod
    def json(cls, document: Any, status: HTTPStatus = HTTPStatus.OK) -> Answer:
        headers = [("Content-Type", "application/x-amz-json-1.1")]
        return cls(f"{status.value} {status.phrase}", headers, json.dumps(document).encode())

    @property
    def is_good(self) -> bool:
        return self.status.startswith("200")

    def give(self, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """As an application gives it."""
        start_response(self.status, self.headers)
        return [self.content]


@dataclass(frozen=True)
class ConnectionCut(Exception):
    """Raised by an application: the connection is reset after so many bytes of the answer's content; 0: of nothing."""

    answer: Answer | None = None
    after: int = 0


def body_of(environ: Environ) -> bytes:
    """The body of a request, which can then be read once more."""
    stream = environ["wsgi.input"]
    if not isinstance(stream, io.BytesIO):
        chunked = environ.get("wsgi.input_terminated")
        stream = io.BytesIO(stream.read() if chunked else stream.read(int(environ.get("CONTENT_LENGTH") or 0)))
        environ |= {"wsgi.input": stream, "CONTENT_LENGTH": str(len(stream.getvalue()))}
    return stream.getvalue()


class _Handler(WSGIRequestHandler):
    """Answers at once and whole, and writes no line; werkzeug's own then waits for what else the client may send."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Says nothing."""

    def run_wsgi(self) -> None:
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()  # what the client waits for, a whole second
        try:
            self._send(Answer.of(self.server.app, self.make_environ()))
        except ConnectionCut as cut:
            if cut.answer and cut.after:
                self._send(cut.answer, only=cut.after)
            # With RST, as a firewall or a dying host does it.
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def _send(self, answer: Answer, *, only: int | None = None) -> None:
        code, _, phrase = answer.status.partition(" ")
        self.send_response(int(code), phrase)
        for name, value in answer.headers:
            self.send_header(name, value)
        if not any(name.lower() == "content-length" for name, _ in answer.headers) and code not in ("204", "304"):
            self.send_header("Content-Length", str(len(answer.content)))
        self.send_header("Connection", "close")  # a client that is forgotten leaves no open socket behind
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.content[:only])
        self.wfile.flush()


@contextmanager
def serving(application: Wsgi) -> Iterator[str]:
    """Serves an application on a free port, a thread a connection; its URL."""
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=_Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def moto_server() -> Iterator[Cloud]:
    """Runs moto for as long as it is entered; the environment of this process is the one of a user of it."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    moto = DomainDispatcherApplication(create_backend_app)
    # It would go through the directory of its services at every request.
    moto.get_backend_for_host = functools.cache(moto.get_backend_for_host)  # type: ignore[method-assign]
    cloud = Cloud(_one_put_at_a_time(moto))
    with serving(cloud.answer) as cloud.url, pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.delenv("AWS_PROFILE", raising=False)
        yield cloud


def _one_put_at_a_time(application: Wsgi) -> Wsgi:
    """S3 checks the condition of a PUT and carries it out in one step; moto does so in two."""
    lock = threading.Lock()

    def guarded(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "PUT":
            return application(environ, start_response)
        with lock:
            return list(application(environ, start_response))

    return guarded
