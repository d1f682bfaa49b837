"""What passes between a client of Glue and moto: recorded, and altered where a test says so."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from user_behaviour_tests.cloud.moto_server import Answer, Environ, Wsgi, body_of

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
        def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
            service, _, operation = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")
            if service != "AWSGlue":
                return moto(environ, start_response)
            request = json.loads(body_of(environ))
            self.calls.append((operation, request))
            try:
                answer = Answer.json(self.alter(operation, request, lambda body: _ask(moto, environ, body)))
            except Refused as error:
                answer = Answer.json({"__type": error.code, "Message": error.message}, HTTPStatus(error.status))
            return answer.give(start_response)

        return application


def _ask(moto: Wsgi, environ: Environ, body: Body) -> Body:
    answer = Answer.of(moto, environ, json.dumps(body).encode())
    found: Body = json.loads(answer.content or b"{}")
    if not answer.is_good:
        raise Refused(found["__type"], found.get("Message") or found.get("message", ""), int(answer.status[:3]))
    return found
