"""One session: takes requests from the client, has each statement executed, and gives the answers back.

Who executes what is decided in `_execute`; PostgreSQL executes what is not Redshift's own.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from user_behaviour_tests.cloud.redshift import (
    assume_role,
    copy_command,
    create_table,
    dialect,
    external_ddl,
    late_binding,
    session_state,
    spectrum,
    unload_command,
    users,
    views,
    wire,
)
from user_behaviour_tests.cloud.redshift.backend import Backend, BackendSettings
from user_behaviour_tests.cloud.redshift.errors import ConnectionLost, SqlError
from user_behaviour_tests.cloud.redshift.faults import Fault, Faults
from user_behaviour_tests.cloud.redshift.journal import Journal, Query, Statement
from user_behaviour_tests.cloud.redshift.lexer import Sql, statements
from user_behaviour_tests.cloud.redshift.logins import Client
from user_behaviour_tests.cloud.redshift.state import Account

_BLOCK = 1 << 16


class Session:
    """A client's session and the backend session behind it; `query` is the statement under execution."""

    def __init__(
        self, client: Client, settings: BackendSettings, *, account: Account, faults: Faults, journal: Journal
    ) -> None:
        self.client = client
        self.account = account
        self.journal = journal
        self.conforming = settings.standard_conforming_strings
        self.backend = Backend(settings)
        self.query: Query
        self.query_group = "default"
        self.incorporated: set[str] = set()  # external tables
        self.last_copy_count = 0
        self._faults = faults

    @property
    def pid(self) -> int:
        return self.backend.pid

    @property
    def in_transaction(self) -> bool:
        return self.backend.status != "I"

    def serve(self) -> None:
        """Until the client says goodbye, is cut off, or speaks more than the simple query protocol."""
        with contextlib.suppress(ConnectionLost):
            while (message := self.client.wire.read()).kind == b"Q":
                self._request(message.body.rstrip(b"\0").decode())

    def cut(self) -> None:
        """Ends the session without a word, on both sides."""
        self.client.wire.close()
        self.backend.close()

    def _request(self, text: str) -> None:
        """Executes the statements of a request; several make one transaction, unless they begin and end their own."""
        asked = statements(text, conforming=self.conforming)
        if not asked:
            self.client.wire.send(wire.Message(b"I", b""))
        implicit = False
        for sql in asked:
            if len(asked) > 1 and not self.in_transaction and not session_state.is_control(sql):
                self.backend.run("begin")
                implicit = True
            if not self._statement(sql, alone=len(asked) == 1):
                break
        if implicit and self.in_transaction:
            self.backend.run("commit" if self.backend.status == "T" else "rollback")
        self.client.wire.send(wire.ready(self.backend.status))

    def _statement(self, sql: Sql, *, alone: bool) -> bool:
        """Executes one statement and sends what it gives; False if it failed."""
        self.journal.statements.append(Statement(self.pid, self.in_transaction, sql.text))
        fault = self._faults.take(sql.text)
        self.query = self.journal.begin(self.pid, label=self.query_group, text=sql.text)
        failure: SqlError | None = None
        try:
            self._suffer(fault, sql)
            failure = self._send(self._execute(sql, alone=alone), withheld=fault is not None)
        except SqlError as error:
            failure = error
            self.backend.abort()
            self.client.wire.send(error.response())
        if fault is not None and fault.after:
            raise ConnectionLost
        self.query.status = "failed" if failure else "success"
        return failure is None

    def _suffer(self, fault: Fault | None, sql: Sql) -> None:
        if fault is None or fault.after:
            return
        if fault.error is None:
            raise ConnectionLost
        if sql.starts("commit") or sql.starts("end"):
            self.backend.run("rollback")
        raise replace(fault.error)

    def _send(self, messages: Iterator[wire.Message], *, withheld: bool) -> SqlError | None:
        """Passes messages on in blocks; gives the error if there was one."""
        failure = None
        block = bytearray()
        for message in messages:
            if withheld or message.kind == b"S":  # the greeting has said all that Redshift says of its parameters
                continue
            if message.kind == b"E":
                message = dialect.translated_error(message)
                failure = SqlError(wire.fields(message.body)["M"])
            block += message.encoded()
            if len(block) > _BLOCK:
                self.client.wire.send_bytes(bytes(block))
                block.clear()
        self.client.wire.send_bytes(bytes(block))
        return failure

    def _execute(self, sql: Sql, *, alone: bool) -> Iterator[wire.Message]:
        if self.backend.status == "E" and not session_state.ends(sql):
            raise SqlError("current transaction is aborted, commands ignored until end of transaction block", "25P02")
        if external_ddl.concerns(sql, self.account):
            yield from external_ddl.execute(self, sql, alone=alone)
        elif sql.starts("copy"):
            yield from copy_command.execute(self, sql)
        elif sql.starts("unload"):
            yield from unload_command.execute(self, sql)
        elif assume_role.concerns(sql):
            yield from assume_role.execute(self, sql)
        elif users.concerns(sql):
            yield from users.execute_for(self, sql)
        elif session_state.concerns(sql):
            yield from session_state.execute(self, sql)
        elif late_binding.concerns(sql):
            yield from late_binding.execute(self, sql)
        elif create_table.concerns(sql):
            yield from create_table.execute(self, sql)
        else:
            yield from wire.with_varbyte(self.backend.exchange(self.readable(sql).text))

    def readable(self, sql: Sql) -> Sql:
        """The statement for PostgreSQL, with external tables and views filled; refused where Redshift refuses."""
        dialect.refuse(sql)
        return views.filled(self, spectrum.filled(self, late_binding.expanded(self, sql)))
