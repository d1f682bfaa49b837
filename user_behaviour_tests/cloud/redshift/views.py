"""System views that PostgreSQL cannot answer: a reference in a statement is replaced by the rows as they are now.

Columns and types are those of AWS's documentation (…/redshift/latest/dg/<VIEW>.html), as far as somebody here asks for
them; another column is an error. CHAR columns are padded with blanks, as AWS's are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from user_behaviour_tests.cloud.redshift.errors import SqlError
from user_behaviour_tests.cloud.redshift.glue import Catalog, GlueTable
from user_behaviour_tests.cloud.redshift.lexer import Sql
from user_behaviour_tests.cloud.redshift.references import reference

if TYPE_CHECKING:
    from user_behaviour_tests.cloud.redshift.session import Session

Row = Mapping[str, Any]
_PROVISIONED_ONLY = ("stl_", "svl_")
# The columns of STL_LOAD_ERRORS that SYS_LOAD_ERROR_DETAIL calls otherwise.
_NAMES_OF_STL = {
    "session_id": "session",
    "start_time": "starttime",
    "file_name": "filename",
    "column_name": "colname",
    "column_type": "type",
    "column_length": "col_length",
    "error_code": "err_code",
    "error_message": "err_reason",
}


def _external_schemas(session: Session) -> Iterator[Row]:
    # Whoever is logged in made them: the backend has one user.
    ((owner,),) = session.backend.run("select usesysid from pg_user where usename = current_user")
    for name, database in session.account.external_schemas.items():
        yield {"schemaname": name, "databasename": database, "esowner": int(owner or 0)}


def _tables(session: Session) -> Iterator[tuple[Row, Catalog, GlueTable]]:
    for name, database in session.account.external_schemas.items():
        catalog = Catalog(session.account.aws, database)
        for table in catalog.tables():
            yield {"schemaname": name, "tablename": table.name}, catalog, table


def _external_columns(session: Session) -> Iterator[Row]:
    for names, _, table in _tables(session):
        for number, column in enumerate((*table.columns, *table.partition_columns), start=1):
            part_key = max(number - len(table.columns), 0)
            described = {"columnname": column.name, "external_type": column.type.hive, "columnnum": number}
            yield {**names, **described, "part_key": part_key}


def _external_partitions(session: Session) -> Iterator[Row]:
    """Of the schemas that the user may use: as "regular users can see only their own data" is understood."""
    for names, catalog, table in _tables(session):
        if session.backend.run(f"select has_schema_privilege('{names['schemaname']}', 'usage')") != [("t",)]:
            continue
        for partition in catalog.partitions(table.name):
            # docs.aws.amazon.com/redshift/latest/dg/r_SVV_EXTERNAL_PARTITIONS.html: the first 128 characters.
            yield {**names, "values": json.dumps(partition.values), "location": partition.location[:128]}


def _stl_load_errors(session: Session) -> Iterator[Row]:
    for error in session.journal.load_errors:
        yield {_NAMES_OF_STL.get(name, name): value for name, value in asdict(error).items()}


def _s3log(session: Session) -> Iterator[Row]:
    for error in session.journal.scan_errors:
        message = f"S3 Query Exception (Fetch). Task failed due to an internal error. {error.message}"
        yield {"pid": error.session_id, "eventtime": error.eventtime, "message": message}


def _recorded(kind: str) -> Callable[[Session], Sequence[Row]]:
    return lambda session: [asdict(one) for one in getattr(session.journal, kind)]


VIEWS: dict[str, tuple[str, Callable[[Session], Iterator[Row] | Sequence[Row]]]] = {
    "svv_external_schemas": ("schemaname text, esowner int, databasename text", _external_schemas),
    "svv_external_columns": (
        "schemaname text, tablename text, columnname text, external_type text, columnnum int, part_key int",
        _external_columns,
    ),
    "svv_external_partitions": (
        'schemaname text, tablename text, "values" text, location text',
        _external_partitions,
    ),
    "sys_load_error_detail": (
        "session_id int, start_time timestamp, file_name char(256), line_number bigint, column_name char(127), "
        "column_type char(10), column_length char(10), error_code int, error_message char(512)",
        _recorded("load_errors"),
    ),
    "stl_load_errors": (
        "session int, starttime timestamp, filename char(256), line_number bigint, colname char(127), type char(10), "
        "col_length char(10), raw_field_value char(1024), err_code int, err_reason char(100)",
        _stl_load_errors,
    ),
    "svl_s3log": ("pid int, eventtime timestamp, message text", _s3log),
    "sys_external_query_error": (
        "query_id bigint, file_location char(256), rowid char(2100), column_name char(127), "
        "original_value char(1024), error_code int",
        _recorded("scan_errors"),
    ),
    "sys_query_history": (
        "query_id bigint, query_label char(320), session_id int, status char(10), query_text char(4000)",
        _recorded("queries"),
    ),
}


def filled(session: Session, sql: Sql) -> Sql:
    """The statement with the rows of the views in the place of their names, and what a function of Redshift gives."""
    changes = []
    for at, token in enumerate(sql.tokens):
        word = sql.low(at)
        if word == "pg_last_copy_count" and sql.low(at + 1) == "(" and sql.low(at + 2) == ")":
            changes.append((token.start, sql.tokens[at + 2].end, str(session.last_copy_count)))
        elif word == "version" and sql.low(at + 1) == "(":
            changes.append((token.start, token.end, "redshift_version"))
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
    shown = json.dumps(list(rows(session)), default=str)
    return found.replaced_by(
        sql, f"select * from json_to_recordset($redshift_rows${shown}$redshift_rows$) as r ({columns})"
    )
