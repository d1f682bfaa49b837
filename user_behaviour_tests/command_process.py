"""A process that performs commands one after another: it imports Dagster, and starts Spark, once for all of them."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

LIMIT_SECONDS = 900
# What a command prints beside its answer (Spark's JVM, for instance) goes where errors go.
_LOOP = """
import json, os, sys
from click.testing import CliRunner
from user_behaviour.commands.cli import cli
answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)
for line in sys.stdin:
    done = CliRunner().invoke(cli, json.loads(line))
    answers.write(json.dumps([done.exit_code, done.stdout, done.stderr]) + "\\n")
"""


class CommandProcess:
    """The process, in an environment that it keeps."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._errors = tempfile.TemporaryFile("a+")  # noqa: SIM115 (closed by `end`)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LOOP],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            bufsize=1,
        )

    def call(self, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Performs a command to its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        too_late = threading.Timer(LIMIT_SECONDS, self._process.kill)
        too_late.start()
        self._process.stdin.write(json.dumps(arguments) + "\n")
        answer = self._process.stdout.readline()
        too_late.cancel()
        if not answer:
            raise AssertionError(f"{arguments} ended the process: {self.printed()}")
        return subprocess.CompletedProcess(arguments, *json.loads(answer))

    def printed(self) -> str:
        """What its commands printed so far beside their answers."""
        self._errors.seek(0)
        return self._errors.read()

    def end(self) -> None:
        """Waits for its orderly end."""
        self._process.communicate(timeout=LIMIT_SECONDS)
        self._errors.close()


_of_homes: dict[Path, CommandProcess] = {}


def process_of(home: Path, environment: Mapping[str, str]) -> CommandProcess:
    """The process for the commands of a home."""
    if home not in _of_homes:
        _of_homes[home] = CommandProcess(environment)
    return _of_homes[home]


def end_process_of(home: Path) -> None:
    """Before the home's server is stopped."""
    if process := _of_homes.pop(home, None):
        process.end()
