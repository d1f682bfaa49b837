"""The embedded stack of the local deployment: source, warehouse and Dagster storage in one PostgreSQL server per home.

Keeps the port and the password, equips the server with its role, databases and schemas, and says where they are.
The server's processes are `postgres`'s business, the tables are in `sql/schema` and `sql/migrations`. Every command of
the CLI passes here, so whatever takes time to import is imported where it is needed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from user_behaviour.local.database_roles import FOR_NOBODY, make_role, restore_role
from user_behaviour.local.errors import StackError, StackIsDown
from user_behaviour.local.postgres import Server
from user_behaviour.local.state_file import State, free_port, is_free, owner_only, read_state, write_state
from user_behaviour.tables.statements import SQL

if TYPE_CHECKING:
    from psycopg2.extensions import connection

_ROLE = "user_behaviour"  # owns the databases; no superuser, as nobody is one on a managed database
_READER = "user_behaviour_reader"  # reads what is published; the grants are in sql/schema
_ADMIN = "postgres"
_DATABASES = ("shop", "warehouse", "dagster")
_MIGRATIONS: Mapping[str, str] = {"warehouse": "migrations/postgres"}


class _NoSession(StackError):
    """The server let nobody in."""


@dataclass(frozen=True)
class Endpoints:
    """The libpq URL of each database, password included: `postgresql://user_behaviour:…@127.0.0.1:port/database`.

    `reader` is that of the warehouse, for a role that can do nothing but read what is published there.
    """

    shop: str
    warehouse: str
    dagster: str
    reader: str


@dataclass(frozen=True)
class StackStatus:
    """What there is of a stack; `sizes` are bytes per database. What only a running server knows is None or empty."""

    running: bool
    version: str | None
    pid: int | None = None
    port: int | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    endpoints: Endpoints | None = None


class Stack:
    """The stack whose state is under `home`; two homes are two servers that know nothing of each other.

    `sql` holds `schema/<database>.sql`, which `up` applies to a database that was not given this very text before,
    and the migrations of the warehouse, of which `up` applies those that the warehouse does not have.
    """

    def __init__(self, home: Path, *, sql: Path = SQL) -> None:
        self.home = home.resolve()
        self._sql = sql
        self._file = self.home / "stack.json"
        self._server = Server(self.home / "postgres")

    def up(self) -> Endpoints:
        """Starts the server unless it runs, and gives it what it lacks: cluster, role, databases, schemas."""
        # PostgreSQL passes through here as another user when we are root; the files in it are closed to that user.
        self.home.mkdir(mode=0o700 if os.geteuid() else 0o711, parents=True, exist_ok=True)
        for name in ("lake", "vendor", "dagster"):
            (self.home / name).mkdir(exist_ok=True)
            (self.home / name).chmod(0o700)
        with self._locked():
            state = read_state(self._file) or self._first_state()
            self._server.create(_ADMIN, state.password)
            if self._server.settled() is None:
                state = self._start(state)
            try:
                self._equip(state)
            except _NoSession:
                time.sleep(1.0)
                if self._server.settled():
                    raise
                # It was killed a moment ago, and looked alive until now.
                state = self._start(state)
                self._equip(state)
            return _endpoints(state)

    def down(self) -> bool:
        """Stops the server; True if there was something to stop. Sessions are ended, commits are kept."""
        if not self._server.directory.is_dir():
            return False
        with self._locked():
            return self._server.stop()

    def endpoints(self) -> Endpoints:
        """The URLs of the running server; raises `StackIsDown`."""
        return _endpoints(self._running())

    def reader_url(self) -> str:
        """The URL of the role that only reads, made again as it was: PostgreSQL lets each role change its own."""
        state = self._running()
        with self._session(state, _ADMIN) as session, session.cursor() as cursor:
            session.autocommit = True
            restore_role(cursor, _READER, "", state.reader_password)
        return _endpoints(state).reader

    def status(self) -> StackStatus:
        """Describes the stack and changes nothing."""
        state, postmaster = read_state(self._file), self._server.postmaster()
        if state is None or postmaster is None or not postmaster.ready:
            return StackStatus(running=False, version=self._server.made_by())
        with self._session(state, _ADMIN) as session, session.cursor() as cursor:
            cursor.execute("select datname, pg_database_size(oid) from pg_database")
            sizes = {name: size for name, size in cursor.fetchall() if name in _DATABASES}
            major, minor = divmod(session.server_version, 10_000)
        return StackStatus(
            running=True,
            version=f"{major}.{minor}",
            pid=postmaster.pid,
            port=state.port,
            sizes=sizes,
            endpoints=_endpoints(state),
        )

    def _start(self, state: State) -> State:
        """Starts the server on its port, or on another if somebody else has taken that meanwhile."""
        for attempt in (1, 2, 3):
            if not is_free(state.port):
                state = State(free_port(), state.password)
                write_state(self._file, state)
            try:
                self._server.start(state.port)
            except StackError:
                if attempt == 3 or is_free(state.port):  # then the port was not the reason
                    raise
            else:
                break
        return state

    def _running(self) -> State:
        state, postmaster = read_state(self._file), self._server.postmaster()
        if state is None or postmaster is None or not postmaster.ready:
            raise StackIsDown(
                f"The embedded PostgreSQL in {self.home} is not running; start it with `user-behaviour up`."
            )
        return state

    def _equip(self, state: State) -> None:
        """Makes the role and the databases, and applies to each database what it was not given yet.

        What was given is remembered as a digest in the database's comment, set when all of it was given. So a call
        against a busy server takes no lock: `create index if not exists` alone would wait for a running load.
        """
        with self._session(state, _ADMIN) as session, session.cursor() as cursor:
            session.autocommit = True
            make_role(cursor, _ROLE, "createdb", state.password)
            make_role(cursor, _READER, "", state.reader_password)
            cursor.execute("select datname, shobj_description(oid, 'pg_database') from pg_database")
            given: dict[str, str | None] = dict(cursor.fetchall())
            for database in _DATABASES:
                if database not in given:
                    cursor.execute(f"create database {database} owner {_ROLE}")
                if given.get(database) != (digest := self._digest(database)):
                    self._apply(state, database, digest)

    def _apply(self, state: State, database: str, digest: str) -> None:
        import psycopg2

        if database in _MIGRATIONS:
            _migrate(state.url(_ROLE, database), self._sql / _MIGRATIONS[database])
        with self._session(state, _ROLE, database=database) as session, session, session.cursor() as cursor:
            try:
                if text := self._schema(database):
                    cursor.execute(text)
            except psycopg2.Error as error:
                raise StackError(f"{self._schema_file(database)} is refused by database {database}: {error}") from error
        with self._session(state, _ADMIN, database=database) as session, session, session.cursor() as cursor:
            cursor.execute(FOR_NOBODY)
            cursor.execute(f"comment on database {database} is %s", (digest,))

    def _schema_file(self, database: str) -> Path:
        return self._sql / "schema" / f"{database}.sql"

    def _schema(self, database: str) -> str:
        file = self._schema_file(database)
        return file.read_text() if file.is_file() else ""

    def _digest(self, database: str) -> str:
        migrations = sorted((self._sql / "migrations").glob("*/*.sql")) if database in _MIGRATIONS else []
        texts = [FOR_NOBODY, self._schema(database), *(f"{file.name}\n{file.read_text()}" for file in migrations)]
        return "schema " + hashlib.sha256("\n".join(texts).encode()).hexdigest()

    @contextlib.contextmanager
    def _session(self, state: State, role: str, *, database: str = "postgres") -> Iterator[connection]:
        import psycopg2

        try:
            session = psycopg2.connect(state.url(role, database), connect_timeout=10)
        except psycopg2.OperationalError as error:
            raise _NoSession(f"No session on database {database} as {role}: {str(error).strip()}") from error
        with contextlib.closing(session):
            yield session

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time starts or stops; the lock goes with its holder, however that ends."""
        try:
            with open(self.home / "stack.lock", "w", opener=owner_only) as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except PermissionError as error:
            raise StackError(f"{error}; was {self.home} made by another user? Call as that user.") from error

    def _first_state(self) -> State:
        if self._server.made_by() is not None:
            raise StackError(
                f"{self._file} is missing, and with it the password of the databases in {self._server.data}; "
                "restore the file, or remove that directory to start afresh."
            )
        write_state(self._file, state := State(port=free_port(), password=secrets.token_urlsafe(24)))
        return state


def _migrate(url: str, directory: Path) -> None:
    from user_behaviour.migrations.migrations import MigrationError, Migrations
    from user_behaviour.warehouse.postgres import PostgresWarehouseByUrl

    try:
        Migrations(PostgresWarehouseByUrl(url=url), directory).apply()
    except MigrationError as error:
        raise StackError(str(error)) from error


def _endpoints(state: State) -> Endpoints:
    reader = state.url(_READER, "warehouse", password=state.reader_password)
    return Endpoints(**{database: state.url(_ROLE, database) for database in _DATABASES}, reader=reader)
