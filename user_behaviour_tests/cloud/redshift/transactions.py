"""Transaction control as Redshift has it: no isolation level of one's own, no savepoints, and TRUNCATE commits.

https://docs.aws.amazon.com/redshift/latest/dg/r_BEGIN.html, r_TRUNCATE.html, c_unsupported-postgresql-functions.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from user_behaviour_tests.cloud.redshift import dialect, wire
from user_behaviour_tests.cloud.redshift.errors import unsupported
from user_behaviour_tests.cloud.redshift.lexer import Sql

if TYPE_CHECKING:
    from user_behaviour_tests.cloud.redshift.session import Session

_CONTROL = ("begin", "start", "commit", "end", "rollback", "abort")


def is_control(sql: Sql) -> bool:
    return sql.low(0) in _CONTROL


def ends(sql: Sql) -> bool:
    return sql.low(0) in ("commit", "end", "rollback", "abort") and "to" not in (sql.low(1), sql.low(2))


def concerns(sql: Sql) -> bool:
    return sql.low(0) in (*_CONTROL, "savepoint", "release", "truncate", "lock", "prepare")


def execute(session: Session, sql: Sql) -> Iterator[wire.Message]:
    first = sql.low(0)
    if first in ("savepoint", "release") or (first == "rollback" and not ends(sql)):
        raise unsupported(f'SQL command "{sql.text}" not supported.')
    if first == "prepare" and sql.low(1) == "transaction":
        raise unsupported(f'SQL command "{sql.text}" not supported.')
    if first == "lock" and "in" in (token.low for token in sql.tokens):
        raise dialect.syntax_error_at(sql, next(at for at, t in enumerate(sql.tokens) if t.low == "in"))
    if first in ("begin", "start"):
        yield from session.backend.exchange(_without_isolation(sql).text)
        return
    yield from session.backend.exchange(sql.text)
    if first == "truncate" and session.backend.status == "T":
        session.backend.run("commit")


def _without_isolation(sql: Sql) -> Sql:
    """BEGIN ISOLATION LEVEL is accepted and has no effect: the isolation is the database's."""
    for at in range(len(sql.tokens)):
        if sql.low(at) == "isolation":
            words = 3 if sql.low(at + 2) == "serializable" else 4
            end = sql.tokens[at + words - 1].end
            after = sql.replaced([(sql.tokens[at].start, end, "")])
            return _without_comma(after)
    return sql


def _without_comma(sql: Sql) -> Sql:
    commas = [t for t in sql.tokens if t.text == ","]
    return sql.replaced([(t.start, t.end, "") for t in commas]) if len(commas) == 1 else sql
