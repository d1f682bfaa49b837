"""A session's own state: its transaction, and the parameters that it sets.

No isolation level of one's own and no savepoints: r_BEGIN.html and c_unsupported-postgresql-functions.html in
https://docs.aws.amazon.com/redshift/latest/dg/. Of the parameters that Redshift documents
(cm_chap_ConfigurationRef.html) there are those that somebody here sets; no others exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from user_behaviour_tests.cloud.redshift import wire
from user_behaviour_tests.cloud.redshift.errors import SqlError, syntax_error, unsupported
from user_behaviour_tests.cloud.redshift.lexer import Sql

if TYPE_CHECKING:
    from user_behaviour_tests.cloud.redshift.session import Session

_ENDS = ("commit", "end", "rollback", "abort")
_CONTROL = ("begin", "start", *_ENDS)
_PARAMETERS = {"search_path", "statement_timeout", "timezone"}  # they mean the same in PostgreSQL


def is_control(sql: Sql) -> bool:
    return sql.low(0) in _CONTROL


def ends(sql: Sql) -> bool:
    return sql.low(0) in _ENDS and "to" not in (sql.low(1), sql.low(2))


def concerns(sql: Sql) -> bool:
    return sql.low(0) in (*_CONTROL, "savepoint", "release", "truncate", "lock", "prepare", "set", "reset", "show")


def execute(session: Session, sql: Sql) -> Iterator[wire.Message]:
    if sql.low(0) in ("set", "reset", "show"):
        yield from _parameter(session, sql)
        return
    first, words = sql.low(0), [token.low for token in sql.tokens]
    if first in ("savepoint", "release", "prepare") or (first == "rollback" and not ends(sql)):
        raise unsupported(f'SQL command "{sql.text}" not supported.')
    if first == "lock" and "in" in words:
        raise syntax_error("in")
    if first == "truncate" or "isolation" in words:
        # On Redshift TRUNCATE commits, and an isolation level has no effect; PostgreSQL would do otherwise.
        raise unsupported("the stand-in has neither TRUNCATE nor a transaction's own isolation level")
    yield from session.backend.exchange(sql.text)


def _parameter(session: Session, sql: Sql) -> Iterator[wire.Message]:
    name = sql.low(1)
    if name == "query_group":
        token = sql.tokens[1]
        yield from session.backend.exchange(sql.replaced([(token.start, token.end, "redshift.query_group")]).text)
        if sql.low(0) != "show":
            session.query_group = session.backend.run("show redshift.query_group")[0][0] or "default"
    elif name in _PARAMETERS or sql.starts("set", "session", "authorization"):
        yield from session.backend.exchange(sql.text)
    else:
        raise SqlError(f'unrecognized configuration parameter "{name}"', "42704")
