"""System views that PostgreSQL cannot answer: a reference in a statement is replaced by the rows as they are now.

Columns and types are those of AWS's documentation (…/redshift/latest/dg/<VIEW>.html); of the long views, those that
mean something here. CHAR columns are padded with blanks, as AWS's are.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from user_behaviour_tests.cloud.redshift.catalog_views import CATALOG_VIEWS
from user_behaviour_tests.cloud.redshift.errors import SqlError
from user_behaviour_tests.cloud.redshift.journal_views import JOURNAL_VIEWS
from user_behaviour_tests.cloud.redshift.lexer import Sql
from user_behaviour_tests.cloud.redshift.references import reference

if TYPE_CHECKING:
    from user_behaviour_tests.cloud.redshift.session import Session

VIEWS = CATALOG_VIEWS | JOURNAL_VIEWS
_PROVISIONED_ONLY = ("stl_", "svl_")
_LAST_IDS = {
    "pg_last_query_id": "query",
    "pg_last_copy_id": "copy",
    "pg_last_copy_count": "copied",
    "pg_last_unload_id": "unload",
}


def filled(session: Session, sql: Sql) -> Sql:
    """The statement with the rows of the views in the place of their names, and what a function of Redshift gives."""
    changes = []
    for at, token in enumerate(sql.tokens):
        word = sql.low(at)
        if word in _LAST_IDS and sql.low(at + 1) == "(" and sql.low(at + 2) == ")":
            changes.append((token.start, sql.tokens[at + 2].end, str(session.last_ids[_LAST_IDS[word]])))
        elif word == "version" and sql.low(at + 1) == "(":
            changes.append((token.start, token.end, "redshift_version"))
        elif word == "values" and sql.low(at + 1) != "(" and "svv_external_partitions" in sql.text.lower():
            # A column of that view; PostgreSQL reserves the word.
            changes.append((token.start, token.end, '"values"'))
        elif word in VIEWS and sql.low(at + 1) != "." and sql.low(at - 1) in ("from", "join", ",", "."):
            changes.append(_replaced(session, sql, at))
    return sql.replaced(changes) if changes else sql


def _replaced(session: Session, sql: Sql, at: int) -> tuple[int, int, str]:
    name = sql.low(at)
    if session.account.serverless and name.startswith(_PROVISIONED_ONLY):
        raise SqlError(f"permission denied for relation {name}", "42501")
    columns, rows = VIEWS[name]
    qualified = sql.low(at - 1) == "."
    found = reference(sql, at - 2 if qualified else at, qualified=qualified)
    return found.replaced_by(
        sql,
        f"select * from json_to_recordset($redshift_rows${json.dumps(rows(session))}$redshift_rows$) as r ({columns})",
    )
