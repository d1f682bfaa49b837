"""Faults at the wire: a second door to moto that refuses, stalls half-way and cuts connections on demand.

What it does to a request is a `Fault`; requests that none matches go through as they are.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from user_behaviour.aws.clients import Aws
from user_behaviour_tests.cloud.moto_server import REGION, Answer, Cloud, ConnectionCut, Environ, body_of, serving

_SERVICE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/")


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
    cut_request: int | None = None
    cut_response: int | None = None

    def fits(self, request: Request) -> bool:
        return (
            self.method in {"", request.method}
            and self.service in {"", request.service}
            and self.target in request.target
            and re.search(self.path, request.path) is not None
        )


@dataclass
class Request:
    """What was seen of a request, and the fault that it met."""

    method: str
    path: str
    target: str
    service: str
    fault: Fault | None = None


@dataclass
class FaultProxy:
    """The door while it is open. `requests` is the log of everything, in the order in which requests came."""

    cloud: Cloud
    faults: tuple[Fault, ...]
    attempts: int
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @cached_property
    def aws(self) -> Aws:
        """The clients of whoever goes through the door; they try few times, so that a test is quick."""
        return Aws(region_name=REGION, endpoint_url=self.url, max_attempts=self.attempts)

    def struck(self) -> int:
        """How many requests met a fault."""
        return sum(request.fault is not None for request in self.requests)

    def answer(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The application that is served."""
        found = _SERVICE.search(environ.get("HTTP_AUTHORIZATION", ""))
        service, target = found[1] if found else "", environ.get("HTTP_X_AMZ_TARGET", "")
        fault = self._met(Request(environ["REQUEST_METHOD"], environ["REQUEST_URI"], target, service))
        if fault is None:
            return self.cloud.answer(environ, start_response)
        if fault.cut_request is not None:
            length = environ.get("CONTENT_LENGTH")
            environ["wsgi.input"].read(min(fault.cut_request, int(length or fault.cut_request)))
            raise ConnectionCut
        body_of(environ)
        if fault.status:
            return _error(fault, service).give(start_response)
        raise ConnectionCut(Answer.of(self.cloud.answer, environ), fault.cut_response or 0)

    def _met(self, request: Request) -> Fault | None:
        """Notes a request and says which fault it meets."""
        with self._lock:
            struck = [earlier.fault for earlier in self.requests]
            left = [fault for fault in self.faults if fault.times is None or struck.count(fault) < fault.times]
            request.fault = next((fault for fault in left if fault.fits(request)), None)
            self.requests.append(request)
            return request.fault


@contextmanager
def faults(cloud: Cloud, *faults: Fault, attempts: int = 3) -> Iterator[FaultProxy]:
    """Opens a door for as long as it is entered; whoever takes `proxy.aws` goes through it."""
    proxy = FaultProxy(cloud, faults, attempts)
    with serving(proxy.answer) as proxy.url:
        yield proxy


def _error(fault: Fault, service: str) -> Answer:
    """The error as S3 words it, or a service with a JSON protocol."""
    document = {"Code": fault.code, "Message": "by order of the test"}
    if service in {"s3", ""}:
        content = "".join(f"<{name}>{value}</{name}>" for name, value in document.items())
        kind, content = "application/xml", f"<Error>{content}</Error>"
    else:
        kind, content = "application/x-amz-json-1.1", json.dumps({"__type": fault.code, **document})
    headers = [("Content-Type", kind), ("x-amzn-errortype", fault.code), ("x-amzn-requestid", "faulty")]
    return Answer(f"{fault.status} Fault", headers, content.encode())
