"""Transaction control as Redshift has it: no isolation level of one's own, no savepoints, and TRUNCATE commits.

https://docs.aws.amazon.com/redshift/latest/dg/r_BEGIN.html, r_TRUNCATE.html, c_unsupported-postgresql-functions.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from user_behaviour_tests.cloud.redshift import wire
from user_behaviour_tests.cloud.redshift.errors import syntax_error, unsupported
from user_behaviour_tests.cloud.redshift.lexer import Sql

if TYPE_CHECKING:
    from user_behaviour_tests.cloud.redshift.session import Session

_ENDS = ("commit", "end", "rollback", "abort")
_CONTROL = ("begin", "start", *_ENDS)


def is_control(sql: Sql) -> bool:
    return sql.low(0) in _CONTROL


def ends(sql: Sql) -> bool:
    return sql.low(0) in _ENDS and "to" not in (sql.low(1), sql.low(2))


def concerns(sql: Sql) -> bool:
    return sql.low(0) in (*_CONTROL, "savepoint", "release", "truncate", "lock", "prepare")


def execute(session: Session, sql: Sql) -> Iterator[wire.Message]:
    first, words = sql.low(0), [token.low for token in sql.tokens]
    if first in ("savepoint", "release", "prepare") or (first == "rollback" and not ends(sql)):
        raise unsupported(f'SQL command "{sql.text}" not supported.')
    if first == "lock" and "in" in words:
        raise syntax_error("in")
    if "isolation" in words:
        # Redshift accepts it without effect; here PostgreSQL would obey.
        raise unsupported("the stand-in begins no transaction with an isolation level of its own")
    yield from session.backend.exchange(sql.text)
    if first == "truncate" and session.backend.status == "T":
        session.backend.run("commit")
