"""What Redshift says of a failure: which ones pass by themselves, and what its system views know of the others.

The views SYS_… exist on provisioned clusters and on Serverless; STL_… and SVL_… on provisioned clusters only, but they
alone keep the raw value of a load.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from typing import Any

import psycopg2

from user_behaviour.tables.statements import statement
from user_behaviour.warehouse.warehouse import WarehouseDataError, fetch

Connect = Callable[[], psycopg2.extensions.connection]

# Serialization conflicts have no SQLSTATE of their own on Redshift: XX000, and a text.
_CONFLICT = re.compile(
    r"^\s*(ERROR:\s*)?1023\b|serializable isolation violation|conflict with concurrent transaction"
    r"|could not open relation with OID|deadlock",
    re.IGNORECASE,
)
_VALUES = re.compile(
    r"overflow|invalid digit|out of range|value too long|cannot insert a null|not a valid", re.IGNORECASE
)
_SPECTRUM = re.compile(r"spectrum|s3 query exception", re.IGNORECASE)


def is_conflict(error: psycopg2.Error) -> bool:
    """Whether the error is one in which two transactions met."""
    return error.pgcode == "XX000" and _CONFLICT.search(said(error)) is not None


def is_of_values(error: psycopg2.Error) -> bool:
    """Whether a value does not fit; Redshift's own errors of that kind have no SQLSTATE of theirs either."""
    return error.pgcode == "XX000" and _VALUES.search(said(error)) is not None


def copy_error(
    connect: Connect, error: psycopg2.Error, *, pid: int, table: str, directory: str
) -> WarehouseDataError | None:
    """The failure of a session's COPY from below `directory` as the system views know it; None: they do not."""
    found = _first(connect, ("failures/copy_sys.sql", "failures/copy_stl.sql"), {"pid": pid, "directory": directory})
    if not found:
        return None
    length = f"({found['length']})" if found.get("length") else ""
    return WarehouseDataError(
        f"COPY into {table} failed: file {found['file']}, line {found['line']}, column {found['name']} "
        f"{found['type']}{length}: {found['reason']}; {_raw(found)}. Redshift said: {said(error)}"
    )


def scan_error(connect: Connect, error: psycopg2.Error, *, pid: int) -> WarehouseDataError | None:
    """The failure of a session's scan of files as the system views know it; None: they do not, or it is none."""
    if error.pgcode != "XX000" or not _SPECTRUM.search(said(error)):
        return None
    found = _first(connect, ("failures/scan_sys.sql", "failures/scan_svl.sql"), {"pid": pid})
    if not found:
        return None
    where = (
        f"file {found['file']}, row {found['line']}, column {found['name']}; {_raw(found)}. " if "file" in found else ""
    )
    message = f"{found['reason']}. " if found.get("reason") else ""
    return WarehouseDataError(f"Redshift Spectrum cannot read a file: {where}{message}Redshift said: {said(error)}")


def said(error: psycopg2.Error) -> str:
    """The server's message and detail on one line."""
    parts = (error.diag.message_primary or str(error), error.diag.message_detail or "")
    return " ".join(" ".join(parts).split())


def _raw(found: Mapping[str, Any]) -> str:
    return f"raw value {found['raw_value']!r}" if found.get("raw_value") is not None else "the view gives no raw value"


def _first(connect: Connect, files: tuple[str, ...], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What the statements of the files find, together; where two find the same thing, the earlier one counts."""
    found: dict[str, Any] = {}
    with suppress(psycopg2.Error), closing(connect()) as connection:
        connection.autocommit = True  # a view that does not exist here must not end a transaction
        for file in files:
            try:
                with connection.cursor() as cursor:
                    cursor.execute(statement(file), parameters)
                    rows = fetch(cursor)
            except psycopg2.Error:
                continue
            for row in rows[:1]:
                found = {name: value for name, value in row.items() if value not in (None, "")} | found
    return found
