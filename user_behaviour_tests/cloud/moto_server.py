"""AWS as a server of moto on a free port of loopback, with room for what stands before it.

A middleware sees every request before moto does: it may answer itself, or change what moto answers.
"""

from __future__ import annotations

import itertools
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pytest

from user_behaviour.aws.clients import Aws

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
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


def _one_put_at_a_time(application: Wsgi) -> Wsgi:
    """S3 checks the condition of a PUT and carries it out in one step; moto does so in two."""
    lock = threading.Lock()

    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "PUT":
            return application(environ, start_response)
        with lock:
            return list(application(environ, start_response))

    return guarded


@contextmanager
def moto_server() -> Iterator[Cloud]:
    """Runs moto for as long as it is entered; the environment of this process is the one of a user of it."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Handler(WSGIRequestHandler):
        """One connection for many requests, and no line for each."""

        protocol_version = "HTTP/1.1"

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Says nothing."""

    cloud = Cloud()
    moto = _one_put_at_a_time(DomainDispatcherApplication(create_backend_app))

    def front(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        application: Wsgi = moto
        for middleware in tuple(cloud.middlewares):
            application = middleware(application)
        return application(environ, start_response)

    server = make_server("127.0.0.1", 0, front, threaded=True, request_handler=Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.delenv("AWS_PROFILE", raising=False)
        cloud.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield cloud
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
