"""Role: the warehouse. Who we are there, over which line, and what we may do; nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch

from user_behaviour.doctor.findings import Finding, Role
from user_behaviour.doctor.queries import Session, in_short, login_refused
from user_behaviour.warehouse.postgres import PostgresWarehouse
from user_behaviour.warehouse.redshift import RedshiftWarehouse
from user_behaviour.warehouse.warehouse import Warehouse

WAREHOUSE = Role("warehouse")
_CONNECTION = "USER_BEHAVIOUR_REDSHIFT_HOST, …_PORT, …_DATABASE, …_USER, …_PASSWORD or …_WORKGROUP or …_CLUSTER"
_SCHEMAS = ("audit", "public")
_TABLES = {
    "public.user_behavior_metric": ("select", "insert", "delete"),
    "audit.published_partition": ("select", "insert", "delete"),
    # LOCK TABLE asks for a privilege to change the table.
    "audit.writer_lock": ("select", "insert", "update", "delete"),
}


@singledispatch
def examine_warehouse(warehouse: Warehouse) -> Iterator[Finding]:
    """Whether the warehouse lets us in, and do what a run does. The login is the first finding."""
    raise NotImplementedError(f"There is no examination of {type(warehouse).__name__}; write it here.")


@examine_warehouse.register
def _(warehouse: PostgresWarehouse) -> Iterator[Finding]:
    import psycopg2

    try:
        session = Session(warehouse)
    except psycopg2.OperationalError as error:
        yield login_refused(WAREHOUSE, error, settings="the URL of the warehouse")
        return
    with session:
        yield _login(session)
        ((version,),) = session.rows("select split_part(version(), ' ', 2)")
        yield WAREHOUSE.good("version", f"PostgreSQL {version}")
        yield from _privileges(session)


@examine_warehouse.register
def _(warehouse: RedshiftWarehouse) -> Iterator[Finding]:
    import psycopg2

    try:
        session = Session(warehouse)
    except psycopg2.OperationalError as error:
        yield login_refused(WAREHOUSE, error, settings=_CONNECTION, ca="USER_BEHAVIOUR_REDSHIFT_CA_BUNDLE")
        return
    with session:
        yield _login(session)
        protocol = session.connection.info.ssl_attribute("protocol")
        yield WAREHOUSE.good("TLS", f"{protocol}, certificate and name are verified")
        yield _redshift(session)
        yield _isolation(session)
        yield from _privileges(session)
        yield _temporary(session)
    yield WAREHOUSE.unknown(
        "IAM role",
        f"{warehouse.iam_role}: only a COPY or a scan shows whether Redshift may use it",
        "It must be associated with the cluster or namespace, read and write the lake, and read the Glue catalog.",
    )


def _login(session: Session) -> Finding:
    ((user, database),) = session.rows("select current_user, current_database()")
    return WAREHOUSE.good("login", f"{user} on {database}")


def _redshift(session: Session) -> Finding:
    ((version,),) = session.rows("select version()")
    if "Redshift" in version:
        return WAREHOUSE.good("version", version[version.index("Redshift") :])
    return WAREHOUSE.bad("version", f"is no Redshift: {version}", "Correct USER_BEHAVIOUR_REDSHIFT_HOST.")


def _isolation(session: Session) -> Finding:
    """https://docs.aws.amazon.com/redshift/latest/dg/r_STV_DB_ISOLATION_LEVEL.html; for superusers."""
    import psycopg2

    try:
        found = session.rows("select isolation_level from stv_db_isolation_level where db_name = current_database()")
    except psycopg2.Error as error:
        return WAREHOUSE.unknown("isolation", f"cannot be seen from here ({in_short(error)})")
    level = str(found[0][0]).strip() if found else "unknown"
    if "snapshot" in level.lower():
        return WAREHOUSE.good("isolation", level)
    ((database,),) = session.rows("select current_database()")
    return WAREHOUSE.unknown(
        "isolation",
        f"{level}: runs at once conflict more often, and are tried again",
        f"Better: alter database {database} isolation level snapshot;",
    )


def _privileges(session: Session) -> Iterator[Finding]:
    ((user,),) = session.rows("select current_user")
    there = {name for (name,) in session.rows("select nspname from pg_namespace")}
    closed = set()
    for schema in (*_SCHEMAS, *({"spectrum"} & there)):
        if schema not in there:
            yield WAREHOUSE.bad(f"schema {schema}", "is not there", "Run `user-behaviour migrate`.")
        elif not session.rows("select has_schema_privilege(%(schema)s, 'usage')", {"schema": schema})[0][0]:
            closed.add(schema)
            remedy = f"As the owner: grant usage on schema {schema} to {user};"
            yield WAREHOUSE.bad(f"schema {schema}", f"{user} may not use it", remedy)
    for table, privileges in _TABLES.items():
        if table.partition(".")[0] in closed:
            grant = f"As the owner: grant {', '.join(privileges)} on {table} to {user};"
            yield WAREHOUSE.unknown(table, "cannot be seen without its schema", grant)
        else:
            yield _table(session, table, privileges, user)


def _table(session: Session, table: str, privileges: tuple[str, ...], user: str) -> Finding:
    schema, _, name = table.partition(".")
    listed = "select tablename from pg_tables where schemaname = %(schema)s and tablename = %(name)s"
    if not session.rows(listed, {"schema": schema, "name": name}):
        return WAREHOUSE.bad(table, "is not there", "Run `user-behaviour migrate`.")
    asked = "select has_table_privilege(%(table)s, %(privilege)s)"
    lacking = [one for one in privileges if not session.rows(asked, {"table": table, "privilege": one})[0][0]]
    if lacking:
        named = ", ".join(lacking)
        return WAREHOUSE.bad(table, f"{user} may not {named}", f"As the owner: grant {named} on {table} to {user};")
    return WAREHOUSE.good(table, f"{user} may {', '.join(privileges)}")


def _temporary(session: Session) -> Finding:
    ((user, database, allowed),) = session.rows(
        "select current_user, current_database(), has_database_privilege(current_database(), 'temp')"
    )
    if allowed:
        return WAREHOUSE.good("temporary tables", f"{user} may create them, as scans of external tables want")
    return WAREHOUSE.bad(
        "temporary tables",
        f"{user} may not create them, and scans of external tables want that",
        f"As the owner: grant temp on database {database} to {user};",
    )
