"""Faults at the wire: an HTTP proxy before moto that refuses, stalls half-way and cuts connections on demand.

What it does to a request is a `Fault`; requests that none matches go through as they are.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from user_behaviour.aws.clients import Aws
from user_behaviour_tests.cloud.moto_server import REGION, Cloud

_SERVICE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/")
_QUERY_PROTOCOL = {"iam", "sts", "redshift", "cloudformation"}
_HOP_BY_HOP = {"transfer-encoding", "connection", "content-length", "server", "date"}


@dataclass(frozen=True)
class Fault:
    """Which requests meet what.

    Each of `method`, `path` (a pattern found in path and query), `target` (found in the header X-Amz-Target) and
    `service` (as in the signature: s3, glue, emr-serverless) that is given must fit. The fault strikes `times` times;
    None: always.

    `status` and `code`: the answer, in the error format of the service, without asking moto.
    `cut_request`: resets the connection after so many bytes of the request's body; moto sees nothing.
    `cut_response`: moto does it, and the connection is reset after so many bytes of the answer's body; 0: before any
    of the answer, which so is lost.
    """

    method: str = ""
    path: str = ""
    target: str = ""
    service: str = ""
    times: int | None = 1
    status: int = 0
    code: str = ""
    message: str = "by order of the test"
    cut_request: int | None = None
    cut_response: int | None = None


@dataclass(frozen=True)
class Request:
    """What the proxy saw of a request, and the fault that it met."""

    method: str
    path: str
    target: str
    service: str
    fault: Fault | None


@dataclass
class FaultProxy:
    """The proxy while it runs. `requests` is the log of everything, in the order in which requests came."""

    url: str
    faults: tuple[Fault, ...]
    attempts: int
    requests: list[Request] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @cached_property
    def aws(self) -> Aws:
        """The clients of whoever goes through the proxy; they try few times, so that a test is quick."""
        return Aws(region_name=REGION, endpoint_url=self.url, max_attempts=self.attempts)

    def struck(self) -> int:
        """How many requests met a fault."""
        return sum(request.fault is not None for request in self.requests)

    def meet(self, method: str, path: str, target: str, service: str) -> Fault | None:
        """Notes a request and says which fault it meets."""
        with self._lock:
            fault = next((fault for fault in self.faults if self._fits(fault, method, path, target, service)), None)
            self.requests.append(Request(method, path, target, service, fault))
            return fault

    def _fits(self, fault: Fault, method: str, path: str, target: str, service: str) -> bool:
        if fault.times is not None and sum(request.fault is fault for request in self.requests) >= fault.times:
            return False
        return (
            fault.method in {"", method}
            and fault.service in {"", service}
            and fault.target in target
            and re.search(fault.path, path) is not None
        )


@contextmanager
def faults(cloud: Cloud, *faults: Fault, attempts: int = 3) -> Iterator[FaultProxy]:
    """Runs a proxy before the cloud for as long as it is entered; whoever takes `proxy.aws` goes through it."""
    proxy = FaultProxy("", faults, attempts)
    server = _Server(("127.0.0.1", 0), _Handler)
    server.proxy, server.upstream = proxy, cloud.url.removeprefix("http://")
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    """One thread a connection; clients keep theirs open, so nobody waits for them at the end."""

    daemon_threads = True
    block_on_close = False
    proxy: FaultProxy
    upstream: str

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is part of the play."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def log_message(self, *_: object) -> None:
        """The proxy keeps its own log."""

    def handle_expect_100(self) -> bool:
        super().handle_expect_100()
        self.wfile.flush()  # what the client waits for, a whole second
        return True

    def _serve(self) -> None:
        found = _SERVICE.search(self.headers.get("Authorization", ""))
        service, target = found[1] if found else "", self.headers.get("X-Amz-Target", "")
        fault = self.server.proxy.meet(self.command, self.path, target, service)
        if fault and fault.cut_request is not None:
            length = self.headers.get("Content-Length")
            (self.rfile.read if length else self.rfile.read1)(min(fault.cut_request, int(length or fault.cut_request)))
            self._cut()
            return
        body = self._body()
        if fault and fault.status:
            kind, content = _error(fault, service)
            headers = [("Content-Type", kind), ("x-amzn-errortype", fault.code), ("x-amzn-requestid", "faulty")]
            self._answer(fault.status, headers, content)
            return
        status, headers, content = self._ask(body)
        if fault and fault.cut_response is not None:
            if fault.cut_response:
                self._answer(status, headers, content, only=fault.cut_response)
            self._cut()
            return
        self._answer(status, headers, content)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_PATCH = _serve  # noqa: N815 (the names are http.server's)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():  # trailers
            pass
        return b"".join(chunks)

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.server.upstream, timeout=60)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in {*_HOP_BY_HOP, "expect"} - {"date"}:
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP]
            if self.command == "HEAD":
                headers.append(("Content-Length", answer.headers.get("Content-Length", "0")))
            return answer.status, headers, answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes, *, only: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[:only])
        self.wfile.flush()

    def _cut(self) -> None:
        """Ends the connection with RST, as a firewall or a dying host does."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


def _error(fault: Fault, service: str) -> tuple[str, bytes]:
    """The error as the service words it."""
    code, message = fault.code, fault.message
    if service in {"s3", ""}:
        return "application/xml", f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    if service in _QUERY_PROTOCOL:
        inner = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        return "text/xml", f"<ErrorResponse>{inner}</ErrorResponse>".encode()
    return "application/x-amz-json-1.1", json.dumps({"__type": code, "message": message, "Message": message}).encode()
