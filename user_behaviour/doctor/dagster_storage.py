"""Role: Dagster's storage, where every run, event and tick is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from user_behaviour.doctor.findings import Finding, Role
from user_behaviour.doctor.queries import Session, login_refused

if TYPE_CHECKING:
    import psycopg2.extensions

STORAGE = Role("Dagster storage")
VARIABLE = "USER_BEHAVIOUR_DAGSTER_URL"
# A run, the web server, the daemon and the code location have a pool each, of ten connections at most.
_ENOUGH = 50


@dataclass(frozen=True)
class _Database:
    url: str = field(repr=False)

    def connect(self) -> psycopg2.extensions.connection:
        import psycopg2

        connection: psycopg2.extensions.connection = psycopg2.connect(self.url, application_name="user_behaviour")
        return connection


def examine_dagster_storage(url: str) -> Iterator[Finding]:
    """Whether Dagster can keep its records; `url` is a libpq or SQLAlchemy URL."""
    import psycopg2

    try:
        session = Session(_Database(re.sub(r"^postgres(?:ql)?(?:\+\w+)?://", "postgresql://", url)))
    except psycopg2.OperationalError as error:
        yield login_refused(STORAGE, error, settings=VARIABLE)
        return
    with session:
        ((user, database),) = session.rows("select current_user, current_database()")
        yield STORAGE.good("login", f"{user} on {database}")
        yield _tables(session, user)
        yield _connections(session)


def _tables(session: Session, user: str) -> Finding:
    found = session.rows(
        "select tablename from pg_tables where schemaname = current_schema() and tablename in ('runs', 'event_logs')"
    )
    if len(found) == 2:
        return STORAGE.good("tables", "are there")
    ((schema, may_create),) = session.rows("select current_schema(), has_schema_privilege(current_schema(), 'create')")
    if may_create:
        return STORAGE.good("tables", "are not there yet; Dagster may create them")
    return STORAGE.bad(
        "tables",
        f"are not there, and {user} may not create them",
        f"As the owner: grant create on schema {schema or 'public'} to {user};",
    )


def _connections(session: Session) -> Finding:
    ((most,),) = session.rows(
        "select least(current_setting('max_connections')::int, case rolconnlimit when -1 then 100000 else rolconnlimit "
        "end) from pg_roles where rolname = current_user"
    )
    told = f"{most} at most"
    if most >= _ENOUGH:
        return STORAGE.good("connections", told)
    return STORAGE.unknown(
        "connections", told, f"Better: {_ENOUGH}, as each run and each process of Dagster keeps some."
    )
