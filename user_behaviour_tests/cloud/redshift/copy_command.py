"""COPY table FROM 's3://…' FORMAT PARQUET MANIFEST: in the client's transaction, by position, all of it or nothing.

https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-columnar.html says which options there are,
https://docs.aws.amazon.com/redshift/latest/dg/loading-data-files-using-manifest.html what a manifest holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from user_behaviour_tests.cloud.redshift import parquet_files, wire
from user_behaviour_tests.cloud.redshift.column_types import TargetColumn, column_type
from user_behaviour_tests.cloud.redshift.errors import SqlError, unsupported
from user_behaviour_tests.cloud.redshift.grammar import Reader, quoted
from user_behaviour_tests.cloud.redshift.journal import LoadError
from user_behaviour_tests.cloud.redshift.lexer import Sql
from user_behaviour_tests.cloud.redshift.objects import Objects, Place, place

if TYPE_CHECKING:
    from user_behaviour_tests.cloud.redshift.session import Session

TOO_LONG = (1204, "String length exceeds DDL length")
MISSING = (1213, "Missing data for not-null field")


@dataclass(frozen=True)
class Copy:
    """A COPY as it was written; no columns: all of them, in the table's order."""

    schema: str
    table: str
    columns: tuple[str, ...]
    manifest: Place

    @property
    def target(self) -> str:
        return ".".join(f'"{name}"' for name in (self.schema, self.table) if name)


def execute(session: Session, sql: Sql) -> Iterator[wire.Message]:
    copy = _parsed(sql)
    columns = _target(session, copy)
    objects = Objects(session.account.aws)
    blocks, count = [], 0
    for file in _files(objects, copy.manifest):
        rows = _rows(session, columns, file=file, data=objects.get(file))
        if misfit := next(_misfits(session, rows, columns, file), None):
            session.journal.load_errors.append(misfit)
            said = f"Load into table '{copy.table}' failed.  Check 'sys_load_error_detail' system table for details."
            raise SqlError(said)
        count += len(rows)
        blocks.append(parquet_files.csv(rows))
    names = ", ".join(quoted(column.name) for column in columns)
    session.backend.copy_in(f"{copy.target} ({names})", blocks)
    session.last_copy_count = count
    yield wire.notice(f"Load into table '{copy.table}' completed, {count} record(s) loaded successfully.")
    yield wire.complete("COPY")


def _parsed(sql: Sql) -> Copy:
    reader = Reader(sql)
    reader.expect("copy")
    schema, table = reader.qualified_name()
    columns = tuple(reader.names()) if reader.next_is("(") else ()
    reader.expect("from")
    source = place(reader.string())
    reader.iam_role()
    options = set()
    while reader.token is not None:
        if reader.accept("format"):
            reader.accept("as")
            reader.expect("parquet")
            options.add("parquet")
        elif reader.accept("manifest"):
            options.add("manifest")
        else:
            raise unsupported(f"{reader.token.text.upper()} argument is not supported for PARQUET based COPY")
    if options != {"parquet", "manifest"}:
        raise unsupported("the stand-in loads FORMAT PARQUET only, and only what a MANIFEST lists")
    return Copy(schema, table, columns, source)


def _target(session: Session, copy: Copy) -> Sequence[TargetColumn]:
    found = session.backend.run(
        "select attname, format_type(atttypid, atttypmod), attnotnull from pg_attribute "
        f"where attrelid = to_regclass('{copy.target}') and attnum > 0 and not attisdropped order by attnum"
    )
    if not found:
        raise SqlError(f"Cannot COPY into nonexistent table {copy.table}")
    columns = {
        str(name): TargetColumn(str(name), column_type(str(kind).replace("bytea", "varbyte")), null == "t")
        for name, kind, null in found
    }
    if unknown := set(copy.columns) - columns.keys():
        raise SqlError(f'column "{min(unknown)}" of relation "{copy.table}" does not exist', "42703")
    return [columns[name] for name in copy.columns or columns]


def _files(objects: Objects, manifest: Place) -> list[Place]:
    """The files that the manifest lists, each of the length that it says."""
    try:
        entries = json.loads(objects.get(manifest))["entries"]
        listed = [(place(entry["url"]), entry.get("meta", {}).get("content_length")) for entry in entries]
    except (ValueError, KeyError, TypeError) as error:
        raise SqlError(f"Manifest file {manifest.uri} is not in correct json format: {error!r}") from error
    for file, length in listed:
        if length is None:
            raise SqlError(f"Manifest file {manifest.uri}: meta.content_length is required for PARQUET ({file.uri})")
        if (size := objects.size(file)) != length:
            raise SqlError(f"content_length {length} of {file.uri} in the manifest is not the object's size, {size}")
    return [file for file, _ in listed]


def _rows(session: Session, columns: Sequence[TargetColumn], *, file: Place, data: bytes) -> pa.Table:
    try:
        return parquet_files.by_position(parquet_files.opened(data, file.uri), columns, file.uri)
    except parquet_files.ScanFailure as failure:
        session.journal.scan_errors.append(failure.logged(session.query))
        raise failure.sql_error(session.query.query_id) from failure


def _misfits(session: Session, rows: pa.Table, columns: Sequence[TargetColumn], file: Place) -> Iterator[LoadError]:
    """The first value of each column that does not fit the table: null, or too long."""
    for column in columns:
        array = rows.column(column.name)
        offending = []
        if column.required:
            offending.append((MISSING, pc.is_null(array)))
        if (length := column.type.length) is not None:
            offending.append((TOO_LONG, pc.fill_null(pc.greater(pc.binary_length(array), length), fill_value=False)))
        for (code, reason), where in offending:
            if (line := pc.index(where, value=True).as_py()) >= 0:
                value: Any = array[line].as_py()
                yield LoadError(
                    session_id=session.pid,
                    file_name=file.uri,
                    line_number=line + 1,
                    column_name=column.name,
                    column_type=column.type.hive.split("(")[0],
                    column_length=str(length or ""),
                    error_code=code,
                    error_message=reason,
                    raw_field_value="" if value is None else str(value)[:1024],
                )
