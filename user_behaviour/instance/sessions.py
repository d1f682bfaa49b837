"""Whether the process that executes a run lives, as the server of Dagster's database knows it (docs/adr/0019).

A process that executes runs holds a session, and in it an advisory lock with a number that its runs carry.
The server gives the lock back when the session ends: at once where the process is killed, after the keepalives below
where its machine is gone. No clock is compared, and a process that is stopped or busy keeps its session.
"""

import secrets
import select
import threading
from collections.abc import Set
from dataclasses import dataclass

import psycopg2
import psycopg2.extensions
from sqlalchemy import text
from sqlalchemy.engine import Connection, Engine

LOCK_CLASS = 7_310_113  # any number that nothing else in the database locks
# A server that starts has no sessions: within these seconds a living process has found that out, and has a new one.
SETTLED_SECONDS = 60
_LOOK_SECONDS = 30
_RETRY_SECONDS = 1

# A machine that does not answer for five minutes, and then ten more, is gone.
_BEGIN = f"""
set tcp_keepalives_idle = 300; set tcp_keepalives_interval = 30; set tcp_keepalives_count = 20;
select pg_advisory_lock_shared({LOCK_CLASS}, %(number)s)
"""
_SESSIONS = f"""
select
    pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => :settled),
    array(
        select cast(objid as text)
        from pg_locks
        where
            locktype = 'advisory' and classid = {LOCK_CLASS} and objsubid = 2
            and database = (select oid from pg_database where datname = current_database())
    )
"""


@dataclass(frozen=True)
class Sessions:
    """The numbers of the sessions that are open now; not `is_settled`: others may be about to come back."""

    numbers: Set[str]
    is_settled: bool


def open_sessions(connection: Connection) -> Sessions:
    """The sessions of all processes that execute runs of this database, on whatever host."""
    is_settled, numbers = connection.execute(text(_SESSIONS), {"settled": SETTLED_SECONDS}).one()
    return Sessions(frozenset(numbers), is_settled)


class Session:
    """The session of a process: opened when it is first held, renewed where it breaks, gone with the process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._number = secrets.randbelow(1 << 31)
        self._connection: psycopg2.extensions.connection | None = None
        self._changing = threading.Lock()
        self._closed = threading.Event()

    def hold(self) -> str:
        """The number of the session, which is open when this returns."""
        with self._changing:
            if self._connection is None:
                self._connection = self._opened()
                threading.Thread(target=self._keep, args=[self._connection], daemon=True, name="session").start()
        return str(self._number)

    def close(self) -> None:
        """Ends the session for good."""
        with self._changing:
            self._closed.set()
            if self._connection is not None:
                self._connection.close()

    def _opened(self) -> psycopg2.extensions.connection:
        # Not of the pool, which tests, resets and recycles its connections.
        arguments, named = self._engine.dialect.create_connect_args(self._engine.url)
        options = {"application_name": "user_behaviour session", "keepalives_idle": 30, "connect_timeout": 30, **named}
        connection: psycopg2.extensions.connection = psycopg2.connect(*arguments, **options)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(_BEGIN, {"number": self._number})
        return connection

    def _keep(self, connection: psycopg2.extensions.connection) -> None:
        """Looks whether the session is there: when its socket stirs, and now and then."""
        while not self._closed.is_set():
            try:
                watch = select.poll()
                watch.register(connection, select.POLLIN)
                watch.poll(_LOOK_SECONDS * 1000)
                with connection.cursor() as cursor:
                    cursor.execute("select 1")
            except psycopg2.Error:
                if not self._closed.is_set():
                    connection = self._renewed(connection)

    def _renewed(self, broken: psycopg2.extensions.connection) -> psycopg2.extensions.connection:
        """A new session with the same number; the broken one again where there can be none yet."""
        broken.close()
        try:
            connection = self._opened()
        except psycopg2.Error:
            self._closed.wait(_RETRY_SECONDS)
            return broken
        with self._changing:
            self._connection = connection
            if self._closed.is_set():
                connection.close()
        return connection
