"""What passes between a client of Glue and moto: recorded, and altered where a test says so."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from user_behaviour_tests.cloud.moto_server import Wsgi

Body = dict[str, Any]
Proceed = Callable[[Body], Body]


@dataclass(frozen=True)
class Refused(Exception):
    """An answer that is an error."""

    code: str
    message: str = "as the test wants it"
    status: int = 400


@dataclass
class GlueWire:
    """A middleware. `alter(operation, request, proceed)` gives the answer; `proceed(request)` asks moto for it."""

    alter: Callable[[str, Body, Proceed], Body] = lambda operation, request, proceed: proceed(request)
    calls: list[tuple[str, Body]] = field(default_factory=list)

    def named(self, operation: str) -> list[Body]:
        return [request for name, request in self.calls if name == operation]

    def __call__(self, moto: Wsgi) -> Wsgi:
        def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            service, _, operation = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")
            if service != "AWSGlue":
                return moto(environ, start_response)
            request = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
            self.calls.append((operation, request))
            try:
                status, answer = "200 OK", self.alter(operation, request, lambda body: _ask(moto, environ, body))
            except Refused as error:
                status, answer = f"{error.status} Refused", {"__type": error.code, "Message": error.message}
            start_response(status, [("Content-Type", "application/x-amz-json-1.1")])
            return [json.dumps(answer).encode()]

        return application


def _ask(moto: Wsgi, environ: dict[str, Any], body: Body) -> Body:
    content = json.dumps(body).encode()
    asked = {**environ, "wsgi.input": io.BytesIO(content), "CONTENT_LENGTH": str(len(content))}
    statuses: list[str] = []
    answer = b"".join(moto(asked, lambda status, headers, exc_info=None: statuses.append(status)))
    found: Body = json.loads(answer) if answer else {}
    if not statuses[0].startswith("200"):
        raise Refused(found["__type"], found.get("Message") or found.get("message", ""), int(statuses[0][:3]))
    return found
