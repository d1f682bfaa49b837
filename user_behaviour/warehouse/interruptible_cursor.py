"""A psycopg2 cursor whose statement is ended when the process is interrupted.

libpq waits for the server in C, where no signal of Python's arrives: a cancelled run would stay until its statement
ended by itself. Here the main thread waits in Python, and on an interruption the session is ended at the server.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any

import psycopg2.extensions

GRACE_SECONDS = 10


def interruptible_cursor(terminate: Callable[[int], None]) -> type[psycopg2.extensions.cursor]:
    """The class of such cursors; `terminate` ends the session with a process id, over another connection."""

    class InterruptibleCursor(psycopg2.extensions.cursor):
        def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002  (psycopg2's name)
            if threading.current_thread() is not threading.main_thread():
                return super().execute(query, vars)  # signals arrive at the main thread only
            statement, execute = self.mogrify(query, vars), super().execute
            ended: Future[None] = Future()

            def run() -> None:
                try:
                    execute(statement)
                except BaseException as error:  # noqa: BLE001  # not lost: it is raised by `result`
                    ended.set_exception(error)
                else:
                    ended.set_result(None)

            # A daemon: should the session outlive its end at the server, the process still can stop.
            thread = threading.Thread(target=run, name="statement", daemon=True)
            thread.start()
            try:
                # With a time-out: a system may give the signal to the other thread, which does not wake this one.
                while not wait([ended], timeout=1).done:
                    pass
            except BaseException:
                terminate(self.connection.get_backend_pid())
                thread.join(GRACE_SECONDS)
                raise
            return ended.result()

    return InterruptibleCursor
