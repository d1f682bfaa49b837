"""What Redshift says of a failure: which ones pass by themselves, and what its system views know of the others.

The views SYS_… exist on provisioned clusters and on Serverless; STL_… and SVL_… on provisioned clusters only, but they
alone keep the raw value of a load.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from typing import Any

import psycopg2

Connect = Callable[[], psycopg2.extensions.connection]

# Serialization conflicts have no SQLSTATE of their own on Redshift: XX000, and a text.
_CONFLICT = re.compile(
    r"^\s*(ERROR:\s*)?1023\b|serializable isolation violation|conflict with concurrent transaction"
    r"|could not open relation with OID|deadlock",
    re.IGNORECASE,
)
_SPECTRUM = re.compile(r"spectrum|s3 query exception", re.IGNORECASE)


class RedshiftDataError(Exception):
    """The data, and not the statement, made Redshift fail; trying again would end alike."""


class CopyError(RedshiftDataError):
    """COPY refused a file."""


class SpectrumScanError(RedshiftDataError):
    """A file of an external table cannot be read as it is declared."""


def is_conflict(error: psycopg2.Error) -> bool:
    """Whether the error is one in which two transactions met."""
    return error.pgcode == "XX000" and _CONFLICT.search(said(error)) is not None


def copy_error(connect: Connect, error: psycopg2.Error, *, pid: int, table: str, directory: str) -> CopyError | None:
    """The failure of a session's COPY from below `directory` as the system views know it; None: they do not."""
    found = _first(connect, (_LOAD_SYS, _LOAD_STL), {"pid": pid, "directory": directory})
    if not found:
        return None
    length = f"({found['length']})" if found.get("length") else ""
    return CopyError(
        f"COPY into {table} failed: file {found['file']}, line {found['line']}, column {found['name']} "
        f"{found['type']}{length}: {found['reason']}; {_raw(found)}. Redshift said: {said(error)}"
    )


def scan_error(connect: Connect, error: psycopg2.Error, *, pid: int) -> SpectrumScanError | None:
    """The failure of a session's scan of files as the system views know it; None: they do not, or it is none."""
    if error.pgcode != "XX000" or not _SPECTRUM.search(said(error)):
        return None
    found = _first(connect, (_SCAN_SYS, _SCAN_SVL), {"pid": pid})
    if not found:
        return None
    where = (
        f"file {found['file']}, row {found['line']}, column {found['name']}; {_raw(found)}. " if "file" in found else ""
    )
    message = f"{found['reason']}. " if found.get("reason") else ""
    return SpectrumScanError(f"Redshift Spectrum cannot read a file: {where}{message}Redshift said: {said(error)}")


def said(error: psycopg2.Error) -> str:
    """The server's message and detail on one line."""
    parts = (error.diag.message_primary or str(error), error.diag.message_detail or "")
    return " ".join(" ".join(parts).split())


def _raw(found: Mapping[str, Any]) -> str:
    return f"raw value {found['raw_value']!r}" if found.get("raw_value") is not None else "the view gives no raw value"


def _first(connect: Connect, queries: tuple[str, ...], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What the queries say in their first rows, together; where two say the same thing, the earlier one counts."""
    found: dict[str, Any] = {}
    with suppress(psycopg2.Error), closing(connect()) as connection:
        connection.autocommit = True  # a view that does not exist here must not end a transaction
        for query in queries:
            try:
                with connection.cursor() as cursor:
                    cursor.execute(query, parameters)
                    names = [column.name for column in cursor.description or ()]
                    row = cursor.fetchone()
            except psycopg2.Error:
                continue
            values = zip(names, row or (), strict=False)
            found = {name: value for name, value in values if value not in (None, "")} | found
    return found


# https://docs.aws.amazon.com/redshift/latest/dg/SYS_LOAD_ERROR_DETAIL.html
_LOAD_SYS = """
select
    trim(file_name) as file,
    line_number as line,
    trim(column_name) as name,
    trim(column_type) as type,
    trim(column_length) as length,
    trim(error_message) as reason
from sys_load_error_detail
where session_id = %(pid)s and strpos(file_name, %(directory)s) = 1
order by start_time desc
limit 1
"""
# https://docs.aws.amazon.com/redshift/latest/dg/r_STL_LOAD_ERRORS.html
_LOAD_STL = """
select
    trim(filename) as file,
    line_number as line,
    trim(colname) as name,
    trim(type) as type,
    trim(col_length) as length,
    trim(raw_field_value) as raw_value,
    trim(err_reason) as reason
from stl_load_errors
where session = %(pid)s and strpos(filename, %(directory)s) = 1
order by starttime desc
limit 1
"""
# https://docs.aws.amazon.com/redshift/latest/dg/SYS_EXTERNAL_QUERY_ERROR.html
_SCAN_SYS = """
select
    trim(file_location) as file,
    trim(rowid) as line,
    trim(column_name) as name,
    trim(original_value) as raw_value
from sys_external_query_error
where query_id = (select max(query_id) from sys_query_history where session_id = %(pid)s and status = 'failed')
limit 1
"""
# https://docs.aws.amazon.com/redshift/latest/dg/r_SVL_S3LOG.html
_SCAN_SVL = """
select trim(message) as reason
from svl_s3log
where pid = %(pid)s
order by eventtime desc
limit 1
"""
