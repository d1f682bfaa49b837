"""`user-behaviour` as a user calls it, on a home of its own."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from user_behaviour.commands.cli import cli
from user_behaviour.deployments import Deployment, local, settings
from user_behaviour.local.stack import Stack
from user_behaviour.settings import read_settings
from user_behaviour_tests.command_process import end_process_of, process_of
from user_behaviour_tests.conftest import temporary_home


@dataclass(frozen=True)
class Home:
    """An installation in a temporary directory."""

    path: Path

    @property
    def environment(self) -> dict[str, str]:
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("USER_BEHAVIOUR", "DAGSTER"))
        }
        return {**clean, "USER_BEHAVIOUR_HOME": str(self.path)}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "user_behaviour", *arguments]

    def call(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Calls a command to its end within the test's process, with variables besides those of the installation.

        Not `run`, `demo` or `dev`: the definitions that they run are made once a process, for one home.
        """
        environment = {**self.environment, **variables}
        absent = dict.fromkeys(os.environ.keys() - environment.keys())
        settings.cache_clear()
        done = CliRunner().invoke(cli, arguments, env={**absent, **environment})
        settings.cache_clear()
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)

    def process(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Calls a command to its end as a process of its own."""
        return self.run(self.command(*arguments), **variables)

    def processes(self, *calls: Sequence[str]) -> list[subprocess.CompletedProcess[str]]:
        """Calls commands one after another in the process that this home has for them."""
        process = process_of(self.path, self.environment)
        return [process.call(call) for call in calls]

    def run(self, command: Sequence[str], **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs any program to its end, in the environment of the installation."""
        environment = {**self.environment, **variables}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)

    def signalled(self, *arguments: str, after: str, number: signal.Signals) -> tuple[int, str]:
        """Calls a command and sends it a signal once it has printed `after`; gives its exit status and output."""
        process = subprocess.Popen(
            self.command(*arguments),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        seen: list[str] = []
        for line in process.stdout:
            seen.append(line)
            if after in line:
                process.send_signal(number)
                break
        rest, _ = process.communicate(timeout=120)
        return process.returncode, "".join(seen) + rest

    def deployment(self) -> Deployment:
        return local(read_settings({"USER_BEHAVIOUR_HOME": str(self.path)}))

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """The rows of a query on the warehouse."""
        return [tuple(row.values()) for row in self.deployment().warehouse.rows(sql)]

    def discard(self) -> None:
        """Kills the server, since an orderly end would first write to disk what is removed in the next line."""
        end_process_of(self.path)
        if pid := Stack(self.path).status().pid:
            os.kill(pid, signal.SIGKILL)
        Stack(self.path).down()
        shutil.rmtree(self.path, ignore_errors=True)


@contextmanager
def temporary_installation() -> Iterator[Home]:
    """A home of a test's own, with its stack up."""
    with temporary_home() as path:
        made = Home(path)
        try:
            assert made.call("up").returncode == 0
            yield made
        finally:
            made.discard()


def errors(call: subprocess.CompletedProcess[str]) -> Sequence[str]:
    """The lines that a call wrote to standard error."""
    return call.stderr.strip().splitlines()
