"""CREATE VIEW … WITH NO SCHEMA BINDING: a text that is read when it is asked, of tables that need not be there yet.

The only view that may read an external table: https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_VIEW.html. In
PostgreSQL an empty view stands for it, which can be granted and dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from user_behaviour_tests.cloud.redshift import wire
from user_behaviour_tests.cloud.redshift.errors import SqlError
from user_behaviour_tests.cloud.redshift.grammar import Reader
from user_behaviour_tests.cloud.redshift.lexer import Sql
from user_behaviour_tests.cloud.redshift.references import reference

if TYPE_CHECKING:
    from user_behaviour_tests.cloud.redshift.session import Session

_BINDING = ("with", "no", "schema", "binding")


def concerns(sql: Sql) -> bool:
    return sql.starts("create", "view") and tuple(token.low for token in sql.tokens[-4:]) == _BINDING


def execute(session: Session, sql: Sql) -> Iterator[wire.Message]:
    reader = Reader(sql)
    reader.expect("create", "view")
    schema, view = reader.qualified_name()
    reader.expect("as")
    start, end = sql.tokens[reader.at].start, sql.tokens[-5].end
    session.account.late_binding_views[schema, view] = sql.text[start:end]
    yield from session.backend.exchange(f'create view "{schema}"."{view}" as select 1 as late_binding')


def expanded(session: Session, sql: Sql) -> Sql:
    """The statement with the texts of the views in the place of their names."""
    views = session.account.late_binding_views
    changes = []
    for at in range(len(sql.tokens) - 2):
        named = (sql.tokens[at].name, sql.tokens[at + 2].name)
        if sql.low(at + 1) != "." or named not in views or sql.low(0) not in ("select", "with", "insert", "create"):
            continue
        if session.backend.run(f"select has_table_privilege('{'.'.join(named)}', 'select')") != [("t",)]:
            raise SqlError(f"permission denied for relation {named[1]}", "42501")
        changes.append(reference(sql, at, qualified=True).replaced_by(sql, views[named]))
    return sql.replaced(changes) if changes else sql
