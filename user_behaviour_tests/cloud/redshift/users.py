"""CREATE USER and ALTER USER: a login of the stand-in, whose sessions run as the role of PostgreSQL of that name.

https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_USER.html; of its options PASSWORD alone, hashed or disabled.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

from user_behaviour_tests.cloud.redshift import wire
from user_behaviour_tests.cloud.redshift.errors import SqlError
from user_behaviour_tests.cloud.redshift.grammar import Reader, quoted
from user_behaviour_tests.cloud.redshift.lexer import Sql
from user_behaviour_tests.databases import elsewhere, execute

if TYPE_CHECKING:
    from user_behaviour_tests.cloud.redshift.session import Session


def concerns(sql: Sql) -> bool:
    return sql.starts("create", "user") or sql.starts("alter", "user")


def execute_for(session: Session, sql: Sql) -> Iterator[wire.Message]:
    reader = Reader(sql)
    is_new = reader.accept("create")
    if not is_new:
        reader.expect("alter")
    reader.expect("user")
    name = reader.name()
    reader.expect("password")
    kept = "" if reader.accept("disable") else reader.string()
    reader.end()
    if session.in_transaction and is_new:
        raise SqlError("the stand-in makes users by single statements alone", "0A000")
    account = session.account
    if is_new:
        own = secrets.token_hex(16)
        as_superuser = elsewhere(account.settings.url, user="postgres")
        execute(as_superuser, f"create role {quoted(name)} login password '{own}'")
        account.roles[name] = elsewhere(account.settings.url, user=quote(name, safe=""), password=own)
    if kept:
        account.logins[name] = kept
    yield wire.complete("CREATE USER" if is_new else "ALTER USER")
