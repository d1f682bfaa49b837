"""What the sessions of a stand-in share: the AWS account, external schemas, the rows read, a session beside theirs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from user_behaviour.aws.clients import Aws
from user_behaviour_tests.cloud.redshift.backend import Backend, BackendSettings

if TYPE_CHECKING:
    from user_behaviour_tests.cloud.redshift.cache import Cache

CACHE_SCHEMA = "spectrum_cache"


@dataclass
class Account:
    """The shared state. External schemas name their Glue databases; `serverless`: STL_ and SVL_ views are refused.

    `logins` are passwords by user, plain or as Redshift keeps them; `roles` the URLs of those who are no superuser.
    """

    aws: Aws
    settings: BackendSettings
    cache: Cache
    serverless: bool = False
    external_schemas: dict[str, str] = field(default_factory=dict)
    late_binding_views: dict[tuple[str, str], str] = field(default_factory=dict)
    logins: dict[str, str] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _side: Backend | None = None

    @contextmanager
    def side(self) -> Iterator[Backend]:
        """A transaction of the stand-in's own, beside those of the clients; one at a time."""
        with self.lock:
            if self._side is None:
                self._side = Backend(self.settings)
            self._side.run("begin isolation level read committed")  # COPY FREEZE allows no older snapshot
            try:
                yield self._side
            except BaseException:
                self._side.run("rollback")
                raise
            self._side.run("commit")

    def close(self) -> None:
        with self.lock:
            if self._side is not None:
                self._side.close()
