"""COPY table FROM 's3://…' FORMAT PARQUET: in the client's transaction, by position, all of it or nothing.

https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-columnar.html says which options there are,
https://docs.aws.amazon.com/redshift/latest/dg/loading-data-files-using-manifest.html what a manifest holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from user_behaviour_tests.cloud.redshift import parquet_files, wire
from user_behaviour_tests.cloud.redshift.column_types import TargetColumn, column_type
from user_behaviour_tests.cloud.redshift.errors import SqlError, unsupported
from user_behaviour_tests.cloud.redshift.grammar import Reader
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
    source: Place
    manifest: bool

    @property
    def target(self) -> str:
        quoted = [f'"{name}"' for name in (self.schema, self.table) if name]
        return ".".join(quoted)


@dataclass(frozen=True)
class _Target:
    number: int
    columns: tuple[TargetColumn, ...]


def execute(session: Session, sql: Sql) -> Iterator[wire.Message]:
    copy = _parsed(sql)
    target = _target(session, copy)
    session.last_ids["copy"] = session.query.query_id
    objects = Objects(session.account.aws)
    blocks, count = [], 0
    for file in _files(objects, copy):
        rows = _rows(session, copy, target, file=file, data=objects.get(file))
        count += len(rows)
        blocks.append(parquet_files.csv(rows))
    names = ", ".join(f'"{column.name}"' for column in target.columns)
    session.backend.copy_in(f"{copy.target} ({names})", blocks)
    session.last_ids["copied"] = count
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
    parquet = manifest = False
    while reader.token is not None:
        if reader.accept("format"):
            reader.accept("as")
            reader.expect("parquet")
            parquet = True
        elif reader.accept("parquet"):
            parquet = True
        elif reader.accept("manifest"):
            manifest = True
        elif reader.accept("statupdate"):
            _ = reader.accept("on") or reader.accept("off") or reader.accept("true") or reader.accept("false")
        elif reader.accept("acceptinvchars"):
            reader.accept("as")
            if reader.token is not None and reader.token.kind == "string":
                reader.string()
        else:
            raise unsupported(f"{reader.token.text.upper()} argument is not supported for PARQUET based COPY")
    if not parquet:
        raise unsupported("the stand-in loads FORMAT PARQUET only")
    return Copy(schema, table, columns, source, manifest)


def _target(session: Session, copy: Copy) -> _Target:
    found = session.backend.run(
        "select attrelid, attname, format_type(atttypid, atttypmod), attnotnull from pg_attribute "
        f"where attrelid = to_regclass('{copy.target}') and attnum > 0 and not attisdropped order by attnum"
    )
    if not found:
        raise SqlError(f"Cannot COPY into nonexistent table {copy.table}")
    columns = {str(name): TargetColumn(str(name), column_type(str(kind)), null == "t") for _, name, kind, null in found}
    for name in copy.columns:
        if name not in columns:
            raise SqlError(f'column "{name}" of relation "{copy.table}" does not exist', "42703")
    wanted = copy.columns or tuple(columns)
    return _Target(int(found[0][0] or 0), tuple(columns[name] for name in wanted))


def _files(objects: Objects, copy: Copy) -> list[Place]:
    if not copy.manifest:
        if files := [found.place for found in objects.under(copy.source)]:
            return files
        raise SqlError(f"The specified S3 prefix '{copy.source.key}' does not exist")
    try:
        entries = json.loads(objects.get(copy.source))["entries"]
        return [file for entry in entries if (file := _listed(objects, entry, copy)) is not None]
    except (ValueError, KeyError, TypeError) as error:
        raise SqlError(f"Manifest file {copy.source.uri} is not in correct json format: {error!r}") from error


def _listed(objects: Objects, entry: dict[str, Any], copy: Copy) -> Place | None:
    """A file of the manifest; None for one that is missing and not mandatory."""
    file = place(entry["url"])
    length = entry.get("meta", {}).get("content_length")
    if length is None:
        raise SqlError(f"Manifest file {copy.source.uri}: meta.content_length is required for PARQUET ({file.uri})")
    try:
        found = objects.head(file)
    except SqlError:
        if entry.get("mandatory", False):
            raise
        return None
    if found.size != length:
        message = f"content_length {length} of {file.uri} in the manifest is not the object's size, {found.size}"
        raise SqlError(message)
    return file


def _rows(session: Session, copy: Copy, target: _Target, *, file: Place, data: bytes) -> pa.Table:
    """The rows of one file, fit for the table."""
    try:
        rows = parquet_files.by_position(parquet_files.opened(data, file.uri), target.columns, file.uri)
    except parquet_files.ScanFailure as failure:
        session.journal.scan_errors.append(failure.logged(session.query))
        raise failure.sql_error(session.query.query_id) from failure
    for column in target.columns:
        array = rows.column(column.name)
        if column.required:
            _require_none(pc.is_null(array), MISSING, session, copy, target=target, rows=rows, column=column, file=file)
        if (length := column.type.length) is not None:
            longer = pc.fill_null(pc.greater(pc.binary_length(array), length), fill_value=False)
            _require_none(longer, TOO_LONG, session, copy, target=target, rows=rows, column=column, file=file)
    return rows


def _require_none(
    offending: pa.ChunkedArray,
    reason: tuple[int, str],
    session: Session,
    copy: Copy,
    *,
    target: _Target,
    rows: pa.Table,
    column: TargetColumn,
    file: Place,
) -> None:
    line = pc.index(offending, value=True).as_py()
    if line < 0:
        return
    row = rows.slice(line, 1).to_pylist()[0]
    value = row[column.name]
    session.journal.load_errors.append(
        LoadError(
            query_id=session.query.query_id,
            session_id=session.pid,
            table_id=target.number,
            start_time=session.query.start_time,
            file_name=file.uri,
            line_number=line + 1,
            column_name=column.name,
            column_type=_short(column),
            column_length=str(column.type.length or ""),
            position=0,
            error_code=reason[0],
            error_message=reason[1],
            raw_field_value="" if value is None else str(value)[:1024],
            raw_line=",".join("" if cell is None else str(cell) for cell in row.values())[:1024],
        )
    )
    raise SqlError(f"Load into table '{copy.table}' failed.  Check 'sys_load_error_detail' system table for details.")


def _short(column: TargetColumn) -> str:
    """The type in the ten characters that the views have for it."""
    return column.type.hive.split("(")[0][:10]
