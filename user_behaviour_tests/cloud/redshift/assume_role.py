"""Who may name an IAM role in COPY and UNLOAD: everybody, until a superuser revokes it from all and grants it by user.

https://docs.aws.amazon.com/redshift/latest/dg/r_GRANT-usage-notes.html, "granting the ASSUMEROLE permission". Here the
grants are rows of a table of the system schema, which `has_assumerole_privilege` reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from user_behaviour_tests.cloud.redshift import wire
from user_behaviour_tests.cloud.redshift.backend import SYSTEM_SCHEMA
from user_behaviour_tests.cloud.redshift.errors import SqlError
from user_behaviour_tests.cloud.redshift.grammar import Reader
from user_behaviour_tests.cloud.redshift.lexer import Sql

if TYPE_CHECKING:
    from user_behaviour_tests.cloud.redshift.session import Session

ASSUME_ROLE_STATEMENTS = (
    "create table assume_role (grantee text not null, role text not null)",
    "insert into assume_role values ('public', 'all')",
    f"""
    create function has_assumerole_privilege(role text, command text) returns boolean language sql stable as $$
    select current_user = (select nspowner::regrole::text from pg_namespace where nspname = '{SYSTEM_SCHEMA}')
        or exists (select from {SYSTEM_SCHEMA}.assume_role as g
            where g.grantee in ('public', current_user::text) and g.role in ('all', $1))
    $$
    """,
)


def concerns(sql: Sql) -> bool:
    return sql.starts("grant", "assumerole") or sql.starts("revoke", "assumerole")


def execute(session: Session, sql: Sql) -> Iterator[wire.Message]:
    reader = Reader(sql)
    if reader.accept("revoke", "assumerole", "on", "all", "from", "public", "for", "all"):
        reader.end()
        session.backend.run(f"delete from {SYSTEM_SCHEMA}.assume_role where grantee = 'public'")
        yield wire.complete("REVOKE")
        return
    reader.expect("grant", "assumerole", "on")
    role = reader.string()
    reader.expect("to")
    grantee = reader.name()
    reader.expect("for", "copy", ",", "unload")
    reader.end()
    quoted = grantee.replace("'", "''")
    session.backend.run(f"insert into {SYSTEM_SCHEMA}.assume_role values ('{quoted}', '{role}')")
    yield wire.complete("GRANT")


def require(session: Session, role: str, *, command: str) -> None:
    """Raises what Redshift answers to a user who may not name the role in the command."""
    ((may,),) = session.backend.run(f"select {SYSTEM_SCHEMA}.has_assumerole_privilege('{role}', '{command}')")
    if may != "t":
        raise SqlError(f"permission denied for {command}: ASSUMEROLE on {role} is not granted", "42501")
