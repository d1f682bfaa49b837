"""A cursor of psycopg2 whose statement does not outlive the wish for it.

libpq waits for the server in C, where no signal of Python's arrives: a cancelled run would stay until its statement
ended by itself. Here the main thread waits in Python, and on an interruption the session is ended at the server.
"""

import threading
from collections.abc import Callable
from typing import Any

import psycopg2

GRACE_SECONDS = 10


class BrokenStatementError(Exception):
    """A statement ended without an answer of the database's."""


def interruptible_cursor(terminate: Callable[[int], None]) -> type[psycopg2.extensions.cursor]:
    """The class of such cursors; `terminate` ends the session with a process id, over another connection."""

    class InterruptibleCursor(psycopg2.extensions.cursor):
        def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002  (psycopg2's name)
            if threading.current_thread() is not threading.main_thread():
                return super().execute(query, vars)  # signals arrive at the main thread only
            statement = self.mogrify(query, vars)
            run = _Execution(lambda: super(InterruptibleCursor, self).execute(statement))
            run.start()
            try:
                return run.finish()
            except psycopg2.Error:
                raise
            except BaseException:
                terminate(self.connection.get_backend_pid())
                run.join(GRACE_SECONDS)
                raise

    return InterruptibleCursor


class _Execution(threading.Thread):
    def __init__(self, execute: Callable[[], None]) -> None:
        super().__init__(daemon=True, name="statement")
        self._execute = execute
        self._ended = threading.Event()
        self._complete = False
        self._error: psycopg2.Error | None = None

    def run(self) -> None:
        try:
            self._execute()
            self._complete = True
        except psycopg2.Error as error:
            self._error = error
        finally:
            self._ended.set()

    def finish(self) -> None:
        """Waits for the end of the statement, and raises what it ended with unless all went well."""
        # With a time-out: a system may give the signal to the other thread, which does not wake this one.
        while not self._ended.wait(1):
            pass
        if self._error:
            raise self._error
        if not self._complete:
            raise BrokenStatementError("A statement broke off in the driver; see the error of its thread, and rerun.")
