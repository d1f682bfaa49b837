"""Whether Dagster's storage, a database where every run, event and tick is kept, can be used."""

import re
from collections.abc import Iterator
from contextlib import closing

import psycopg2

from user_behaviour.diagnosis import Diagnosis, bad, good, judged, login_refused, verified
from user_behaviour.warehouse.privileges import login, rows_of

VARIABLE = "USER_BEHAVIOUR_DAGSTER_URL"
# A run, the web server, the daemon and the code location have a pool each, of ten connections at most.
_ENOUGH = 50


def check_storage(url: str) -> Iterator[Diagnosis]:
    """Whether Dagster can keep its records there; `url` is a libpq or SQLAlchemy URL."""
    libpq = re.sub(r"^postgres(?:ql)?(?:\+\w+)?://", "postgresql://", url)
    yield from verified(libpq, settings=VARIABLE)
    try:
        connection = psycopg2.connect(libpq, application_name="user_behaviour")
    except psycopg2.OperationalError as error:
        yield login_refused(error, settings=VARIABLE)
        return
    with closing(connection):
        connection.autocommit = True
        yield login(connection)
        ((tables, schema, may_create, user, most),) = rows_of(connection, _STORAGE)
    if tables == 2:
        yield good("tables", "are there")
    elif may_create:
        yield good("tables", "are not there yet; Dagster may create them")
    else:
        remedy = f"As the owner: grant create on schema {schema or 'public'} to {user};"
        yield bad("tables", f"are not there, and {user} may not create them", remedy)
    better = f"Better: {_ENOUGH}, as each run and each process of Dagster keeps some."
    yield judged("connections", most >= _ENOUGH, f"{most} at most", better, needed=False)


_STORAGE = """
select
    (
        select count(*) from pg_tables
        where schemaname = current_schema() and tablename in ('runs', 'event_logs')
    ),
    current_schema(),
    has_schema_privilege(current_schema(), 'create'),
    current_user,
    least(
        current_setting('max_connections')::int, case rolconnlimit when -1 then 100000 else rolconnlimit end
    )
from pg_roles
where rolname = current_user
"""
