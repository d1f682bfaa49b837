"""The user of a database session, and what it may do there: from catalogs that PostgreSQL and Redshift share."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import psycopg2.extensions

from user_behaviour.diagnosis import Diagnosis, bad, good, unknown
from user_behaviour.tables.statements import statement

MOST_NAMED = 5
_MIGRATE = "Run `user-behaviour migrate`."


def rows_of(
    connection: psycopg2.extensions.connection, sql: str, parameters: Mapping[str, Any] | None = None
) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def login(connection: psycopg2.extensions.connection) -> Diagnosis:
    """The user of the session, and its database."""
    ((user, database),) = rows_of(connection, "select current_user, current_database()")
    return good("login", f"{user} on {database}")


def privileges(connection: psycopg2.extensions.connection, needed: Mapping[str, Sequence[str]]) -> Iterator[Diagnosis]:
    """Whether the user may do on each table what `needed` says, and may use the schemas."""
    ((user,),) = rows_of(connection, "select current_user")
    named = "select nspname, has_schema_privilege(nspname, 'usage') from pg_namespace where nspname in %(names)s"
    schemas = {"spectrum": None} | dict.fromkeys(table.partition(".")[0] for table in needed)
    usable = dict(rows_of(connection, named, {"names": tuple(schemas)}))
    for schema in schemas:
        if schema not in usable and schema != "spectrum":
            yield bad(f"schema {schema}", "is not there", _MIGRATE)
        elif not usable.get(schema, True):
            remedy = f"As the owner: grant usage on schema {schema} to {user};"
            yield bad(f"schema {schema}", f"{user} may not use it", remedy)
    for table, verbs in needed.items():
        schema, _, name = table.partition(".")
        listed = "select true from pg_tables where schemaname = %(schema)s and tablename = %(name)s"
        if not usable.get(schema, True):
            remedy = f"As the owner: grant {', '.join(verbs)} on {table} to {user};"
            yield unknown(table, "cannot be seen without its schema", remedy)
        elif not rows_of(connection, listed, {"schema": schema, "name": name}):
            yield bad(table, "is not there", _MIGRATE)
        elif lacking := ", ".join(verb for verb in verbs if not _may(connection, table, verb)):
            yield bad(table, f"{user} may not {lacking}", f"As the owner: grant {lacking} on {table} to {user};")
        else:
            yield good(table, f"{user} may {', '.join(verbs)}")


def beyond_reading(connection: psycopg2.extensions.connection, *, also: Sequence[str] = ()) -> Diagnosis:
    """Whether the user may change anything of this project's schemas; `also` is what the twin knows besides."""
    ((user,),) = rows_of(connection, "select current_user")
    if found := [*(may for (may,) in rows_of(connection, statement("privileges/beyond_reading.sql"))), *also]:
        more = f", and {len(found) - MOST_NAMED} things more" if len(found) > MOST_NAMED else ""
        remedy = "As the owner: revoke it from that user, and from public where all have it; docs/aws.md says how."
        return bad("reads only", f"no: {user} may {', '.join(found[:MOST_NAMED])}{more}", remedy)
    return good("reads only", f"{user} may change nothing")


def _may(connection: psycopg2.extensions.connection, table: str, verb: str) -> bool:
    privilege = {"table": table, "verb": verb}
    ((allowed,),) = rows_of(connection, "select has_table_privilege(%(table)s, %(verb)s)", privilege)
    return bool(allowed)
