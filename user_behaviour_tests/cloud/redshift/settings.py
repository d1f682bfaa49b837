"""SET, RESET and SHOW: of the parameters that Redshift documents those that somebody here sets; no others exist.

https://docs.aws.amazon.com/redshift/latest/dg/cm_chap_ConfigurationRef.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from user_behaviour_tests.cloud.redshift import wire
from user_behaviour_tests.cloud.redshift.errors import SqlError
from user_behaviour_tests.cloud.redshift.lexer import Sql

if TYPE_CHECKING:
    from user_behaviour_tests.cloud.redshift.session import Session

_SHARED = {"search_path", "statement_timeout", "timezone"}  # they mean the same in PostgreSQL


def concerns(sql: Sql) -> bool:
    return sql.low(0) in ("set", "reset", "show")


def execute(session: Session, sql: Sql) -> Iterator[wire.Message]:
    name = sql.low(1)
    if name == "query_group":
        token = sql.tokens[1]
        yield from session.backend.exchange(sql.replaced([(token.start, token.end, "redshift.query_group")]).text)
        if sql.low(0) != "show":
            session.query_group = session.backend.run("show redshift.query_group")[0][0] or "default"
    elif name in _SHARED:
        yield from session.backend.exchange(sql.text)
    else:
        raise SqlError(f'unrecognized configuration parameter "{name}"', "42704")
