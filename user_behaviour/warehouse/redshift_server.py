"""What a Redshift says about itself: its version, the isolation of its database, and whether a user may scan."""

from collections.abc import Iterator

import psycopg2

from user_behaviour.diagnosis import Diagnosis, good, in_short, judged, unknown
from user_behaviour.warehouse.privileges import asked


def redshift_server(connection: psycopg2.extensions.connection) -> Iterator[Diagnosis]:
    """Whether it is a Redshift, and one on which runs do not disturb each other."""
    ((version, user, database, may_use_temp),) = asked(
        connection,
        "select version(), current_user, current_database(), has_database_privilege(current_database(), 'temp')",
    )
    _, redshift, number = version.rpartition("Redshift")
    yield judged("version", bool(redshift), redshift + number, "Is no Redshift; correct USER_BEHAVIOUR_REDSHIFT_HOST.")
    yield _isolation(connection, database)
    found = f"{user} {'may' if may_use_temp else 'may not'} create them, as scans of external tables do"
    yield judged("temporary tables", may_use_temp, found, f"As the owner: grant temp on database {database} to {user};")


def _isolation(connection: psycopg2.extensions.connection, database: str) -> Diagnosis:
    """https://docs.aws.amazon.com/redshift/latest/dg/r_STV_DB_ISOLATION_LEVEL.html; for superusers."""
    levels = "select isolation_level from stv_db_isolation_level where db_name = current_database()"
    try:
        found = asked(connection, levels)
    except psycopg2.Error as error:
        return unknown("isolation", f"cannot be seen from here ({in_short(error)})")
    level = str(found[0][0]).strip() if found else "unknown"
    if "snapshot" in level.lower():
        return good("isolation", level)
    return unknown(
        "isolation",
        f"{level}: runs at once conflict more often, and are tried again",
        f"Better: alter database {database} isolation level snapshot;",
    )
