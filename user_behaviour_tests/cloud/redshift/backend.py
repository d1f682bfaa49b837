"""One session of the PostgreSQL behind the stand-in, spoken to in raw messages so that its answers stay its own.

libpq logs in (it knows SCRAM); from then on its socket is ours. Settings that make PostgreSQL behave as Redshift does
are given here.
"""

import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import psycopg2

from user_behaviour_tests.cloud.redshift import wire
from user_behaviour_tests.cloud.redshift.errors import SqlError

SYSTEM_SCHEMA = "redshift_system"


@dataclass(frozen=True)
class BackendSettings:
    """Where the backend is. `standard_conforming_strings` off: a backslash escapes in '…', as on Redshift."""

    url: str
    database: str
    standard_conforming_strings: bool = False

    def connect(self) -> psycopg2.extensions.connection:
        settings = {
            "timezone": "UTC",
            "standard_conforming_strings": "on" if self.standard_conforming_strings else "off",
            "escape_string_warning": "off",
            # SNAPSHOT, the isolation of new databases: one view of the data from the first statement on.
            "default_transaction_isolation": r"repeatable\ read",
            "search_path": rf"\"$user\",public,{SYSTEM_SCHEMA}",
            "redshift.query_group": "",
            "jit": "off",
        }
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        return psycopg2.connect(self.url, dbname=self.database, options=options, client_encoding="UTF8")


class Backend:
    """A session. `status` is what ReadyForQuery said last: I(dle), T(ransaction) or E(rror in a transaction)."""

    def __init__(self, settings: BackendSettings) -> None:
        self._login = settings.connect()
        self.pid = self._login.info.backend_pid
        self.status = "I"
        self._socket = socket.socket(fileno=os.dup(self._login.fileno()))
        self._socket.setblocking(True)
        self._wire = wire.Wire(self._socket)

    def exchange(self, sql: str) -> Iterator[wire.Message]:
        """Sends a simple query and gives what comes back, up to ReadyForQuery, which is kept in `status`."""
        self._wire.send(wire.query(sql))
        while (message := self._wire.read()).kind != b"Z":
            yield message
        self.status = message.body.decode()

    def run(self, sql: str) -> list[tuple[str | None, ...]]:
        """Runs a statement of the stand-in's own; gives its rows, raises its error."""
        messages = list(self.exchange(sql))
        self._raise(messages)
        return [wire.data_row(message.body) for message in messages if message.kind == b"D"]

    def columns(self, query: str) -> list[wire.ResultColumn]:
        """The columns that a query gives, without its rows."""
        messages = list(self.exchange(f"select * from ({query}\n) as described limit 0"))
        self._raise(messages)
        return next(wire.row_description(m.body) for m in messages if m.kind == b"T")

    def copy_out(self, query: str) -> bytes:
        """The rows of a query as CSV: null is nothing, the empty text is ""."""
        messages = list(self.exchange(f"copy ({query}\n) to stdout (format csv)"))
        self._raise(messages)
        return b"".join(m.body for m in messages if m.kind == b"d")

    def copy_in(self, target: str, blocks: Sequence[bytes], *, freeze: bool = False) -> None:
        """Loads CSV into a table (and its columns), inside the session's transaction."""
        messages = []
        for message in self.exchange(f"copy {target} from stdin (format csv{', freeze' if freeze else ''})"):
            messages.append(message)
            if message.kind == b"G":
                self._wire.send(*(wire.Message(b"d", block) for block in blocks), wire.Message(b"c", b""))
        self._raise(messages)

    def abort(self) -> None:
        """Makes the open transaction one that has failed."""
        if self.status == "T":
            list(self.exchange("select 1 / 0"))

    def close(self) -> None:
        """Ends the session at once; what it had begun is rolled back."""
        self._wire.close()
        self._login.close()

    @staticmethod
    def _raise(messages: Iterable[wire.Message]) -> None:
        for message in messages:
            if message.kind == b"E":
                failure = wire.fields(message.body)
                raise SqlError(failure["M"], failure["C"], failure.get("D", ""), failure.get("H", ""))
