"""How the names of tables and columns stand in SQL: quoted, all of them, by one function.

An unquoted name is folded to lower case, and may be a keyword: a column `user` would read as the session's user.
"""

LONGEST = 127
"""In bytes, on Redshift (docs.aws.amazon.com/redshift/latest/dg/r_names.html); PostgreSQL goes by the first 63."""


class UnsafeNameError(ValueError):
    """A name that must not get into a statement."""


def quoted(name: str) -> str:
    """The name for a statement that is executed with parameters, of which psycopg2 takes each `%%` for a `%`."""
    if not name or "\0" in name or len(name.encode()) > LONGEST:
        raise UnsafeNameError(f"{name!r} cannot name a table or column; take 1 to {LONGEST} bytes, none of them zero.")
    return '"{}"'.format(name.replace('"', '""').replace("%", "%%"))


def qualified(table: str) -> str:
    """The name of a table, behind that of its schema if it has one, as `quoted` says."""
    return ".".join(map(quoted, table.split(".")))


def listed(*names: str) -> str:
    """The names of columns, as `quoted` says."""
    return ", ".join(map(quoted, names))
