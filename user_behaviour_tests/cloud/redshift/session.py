"""One session: takes requests from the client, has each statement executed, and gives the answers back.

Who executes what is decided in `_execute`; PostgreSQL executes what is not Redshift's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from user_behaviour_tests.cloud.redshift import (
    copy_command,
    create_table,
    dialect,
    external_ddl,
    settings,
    spectrum,
    transactions,
    unload_command,
    views,
    wire,
)
from user_behaviour_tests.cloud.redshift.backend import Backend, BackendSettings
from user_behaviour_tests.cloud.redshift.errors import ConnectionLost, SqlError, unsupported
from user_behaviour_tests.cloud.redshift.faults import Fault, Faults
from user_behaviour_tests.cloud.redshift.journal import Journal, Query, Statement, now
from user_behaviour_tests.cloud.redshift.lexer import Sql, statements
from user_behaviour_tests.cloud.redshift.logins import Client
from user_behaviour_tests.cloud.redshift.state import Account

_EXTENDED_PROTOCOL = b"PBDEHCF"
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
        self.last_ids = {"query": -1, "copy": -1, "copied": 0, "unload": -1}
        self._faults = faults

    @property
    def pid(self) -> int:
        return self.backend.pid

    @property
    def in_transaction(self) -> bool:
        return self.backend.status != "I"

    def serve(self) -> None:
        """Until the client says goodbye or is cut off."""
        while (message := self.client.wire.read()).kind != b"X":
            if message.kind == b"Q":
                try:
                    self._request(message.body.rstrip(b"\0").decode())
                except ConnectionLost:
                    return
            elif message.kind in _EXTENDED_PROTOCOL:
                self.client.wire.send(unsupported("the stand-in speaks the simple query protocol only").response())
            elif message.kind == b"S":
                self.client.wire.send(wire.ready(self.backend.status))

    def cancel(self) -> None:
        self.backend.cancel()

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
            if len(asked) > 1 and not self.in_transaction and not transactions.is_control(sql):
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
        self.query = self.journal.begin(self.pid, self.client.user, label=self.query_group, text=sql.text)
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
        self._record(failure)
        return failure is None

    def _suffer(self, fault: Fault | None, sql: Sql) -> None:
        if fault is None or fault.after:
            return
        if fault.error is None:
            raise ConnectionLost
        if sql.starts("commit") or sql.starts("end"):
            self.backend.run("rollback")
        raise replace(fault.error)

    def _record(self, failure: SqlError | None) -> None:
        query = self.query
        query.end_time = now()
        query.status = "failed" if failure else "success"
        query.error_message = failure.message if failure else ""
        self.last_ids["query"] = query.query_id

    def _send(self, messages: Iterator[wire.Message], *, withheld: bool) -> SqlError | None:
        """Passes messages on in blocks; gives the error if there was one."""
        failure = None
        block = bytearray()
        for message in messages:
            passed = self._passed(message)
            if passed is None or withheld:
                continue
            if passed.kind == b"E":
                failure = SqlError(wire.fields(passed.body)["M"])
            block += passed.encoded()
            if len(block) > _BLOCK:
                self.client.wire.send_bytes(bytes(block))
                block.clear()
        self.client.wire.send_bytes(bytes(block))
        return failure

    def _passed(self, message: wire.Message) -> wire.Message | None:
        """A message of PostgreSQL as Redshift would send it; None for one that it would not send."""
        if message.kind == b"E":
            return dialect.translated_error(message)
        if message.kind == b"S":
            name, value = wire.parameter_pair(message.body)
            if name == "client_encoding":
                return wire.parameter(name, "UNICODE" if self.client.encoding == "UNICODE" else value)
            return message if name in ("DateStyle", "TimeZone", "session_authorization") else None
        return message

    def _execute(self, sql: Sql, *, alone: bool) -> Iterator[wire.Message]:
        if self.backend.status == "E" and not transactions.ends(sql):
            raise SqlError("current transaction is aborted, commands ignored until end of transaction block", "25P02")
        if external_ddl.concerns(sql, self.account):
            yield from external_ddl.execute(self, sql, alone=alone)
        elif sql.starts("copy"):
            yield from copy_command.execute(self, sql)
        elif sql.starts("unload"):
            yield from unload_command.execute(self, sql)
        elif transactions.concerns(sql):
            yield from transactions.execute(self, sql)
        elif settings.concerns(sql):
            yield from settings.execute(self, sql)
        elif create_table.concerns(sql):
            yield from create_table.execute(self, sql)
        else:
            yield from self.backend.exchange(self.readable(sql).text)

    def readable(self, sql: Sql) -> Sql:
        """The statement for PostgreSQL, with external tables and views filled; refused where Redshift refuses."""
        dialect.refuse(sql)
        return views.filled(self, spectrum.filled(self, sql))
