"""`user-behaviour dev` as a user starts it: on a home of its own, asked over HTTP, ended by Ctrl-C.

Knows the UI's port, its GraphQL and its log. What is in the home, and what a browser sees, is not its business.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil  # type: ignore[import-untyped]

from user_behaviour.local.state_file import free_port

Found = TypeVar("Found")

START_LIMIT_SECONDS = 120.0
END_LIMIT_SECONDS = 60.0
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_COMPLAINT = re.compile(r"Traceback \(most recent call last\)| - (ERROR|CRITICAL) - |Warning: ")
_OWN_VARIABLES = ("USER_BEHAVIOUR", "DAGSTER", "PYTHONWARNINGS")
_NODES = "{ assetNodes { id } }"


@dataclass(frozen=True)
class DevServer:
    """The running webserver and daemon. `answered_after` are the seconds from the call to the first answered query."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    answered_after: float

    @classmethod
    def start(cls, home: Path, log: Path, *, settings: Mapping[str, str]) -> DevServer:
        """Starts it on a free port, and waits until it knows the assets.

        Where it is called lies an `.env` file of another installation, which Dagster would prefer to its variables.
        """
        clean = {name: value for name, value in os.environ.items() if not name.startswith(_OWN_VARIABLES)}
        port, called = free_port(), time.monotonic()
        (log.parent / ".env").write_text("DAGSTER_HOME=/another\nUSER_BEHAVIOUR_HOME=/another\n")
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "user_behaviour", "dev", "--port", str(port)],
                env={**clean, **settings, "USER_BEHAVIOUR_HOME": str(home)},
                cwd=log.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        server = cls(process, port, log, 0.0)
        try:
            eventually(server._answers, within=START_LIMIT_SECONDS)
        except BaseException:
            server.kill()
            raise
        return cls(process, port, log, time.monotonic() - called)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, query: str, **variables: Any) -> Any:
        """The data of a GraphQL query or mutation."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(error.read().decode()) from None
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def complaints(self) -> Sequence[str]:
        """The lines of the log that would alarm a user."""
        lines = _COLOUR.sub("", self.log.read_text()).splitlines()
        return [line for line in lines if _COMPLAINT.search(line)]

    def stop(self) -> Sequence[str]:
        """Ends it as Ctrl-C in a terminal does; gives the command lines of what still ran long afterwards, killed."""
        os.killpg(self.process.pid, signal.SIGINT)
        try:
            self.process.wait(END_LIMIT_SECONDS)
            eventually(lambda: not self._processes(), within=END_LIMIT_SECONDS)
        except (subprocess.TimeoutExpired, AssertionError):
            return self.kill()
        return []

    def kill(self) -> Sequence[str]:
        """Kills every process of the session, grandchildren included; gives their command lines."""
        killed = []
        for process in self._processes():
            try:
                killed.append(" ".join(process.cmdline()))
                process.kill()
            except psutil.NoSuchProcess:
                continue
        self.process.wait()
        return killed

    def _answers(self) -> bool:
        status = self.process.poll()
        if status is not None:
            self._fail(f"The server ended with status {status}")
        try:
            return bool(self.ask(_NODES)["assetNodes"])
        except OSError:
            return False  # it does not listen yet

    def _fail(self, what: str) -> None:
        raise RuntimeError(f"{what}; its log ends: {self.log.read_text()[-2000:]}")

    def _processes(self) -> list[Any]:
        """What runs in the session that the server was started in."""
        return [process for process in psutil.process_iter() if _session(process.pid) == self.process.pid]


def eventually(look: Callable[[], Found], *, within: float, every: float = 0.2) -> Found:
    """Looks until what is seen is true or not empty, and gives it. Raises AssertionError with the last sight."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {within:.0f} s; seen at last: {found!r}"
        time.sleep(every)
    return found


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None
