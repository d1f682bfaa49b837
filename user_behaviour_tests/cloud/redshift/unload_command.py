"""UNLOAD ('select …') TO 's3://…' FORMAT PARQUET: the rows of a query as files under a prefix that must be empty.

https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html and r_UNLOAD_command_examples.html (names, manifest).
PARALLEL OFF only: one file after the other, in the order of the query.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from user_behaviour_tests.cloud.redshift import assume_role, wire
from user_behaviour_tests.cloud.redshift.column_types import MOST_BYTES, ColumnType
from user_behaviour_tests.cloud.redshift.errors import SqlError, unsupported
from user_behaviour_tests.cloud.redshift.grammar import Reader
from user_behaviour_tests.cloud.redshift.lexer import Sql, parse
from user_behaviour_tests.cloud.redshift.objects import Objects, Place, place

if TYPE_CHECKING:
    from user_behaviour_tests.cloud.redshift.session import Session

_SMALLEST_MB, _LARGEST_MB = 5, 6349
# By PostgreSQL's number of a type: Redshift's name, and what UNLOAD writes.
_TYPES = {
    16: ("boolean", pa.bool_()),
    wire.BYTEA: ("varbyte", pa.binary()),
    20: ("bigint", pa.int64()),
    23: ("integer", pa.int32()),
    1082: ("date", pa.date32()),
    1114: ("timestamp without time zone", pa.timestamp("us")),
}
_TEXTS = (25, 1043)
_NUMERIC = 1700


@dataclass(frozen=True)
class Unload:
    """An UNLOAD as it was written. A manifest is always a verbose one."""

    query: Sql
    target: Place
    role: str
    manifest: bool

    def beside(self, name: str) -> Place:
        return Place(self.target.bucket, self.target.key + name)


def execute(session: Session, sql: Sql) -> Iterator[wire.Message]:
    unload = _parsed(sql)
    assume_role.require(session, unload.role, command="unload")
    objects = Objects(session.account.aws)
    query = session.readable(unload.query).text
    columns = [(column.name, *_types(column)) for column in session.backend.columns(query)]
    if objects.under(unload.target):
        raise SqlError(
            "Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, manually "
            "removing the target files in S3, or using the ALLOWOVERWRITE option."
        )
    table = _table(session.backend.copy_out(query), pa.schema([(name, arrow) for name, _, arrow in columns]))
    written = [_write(objects, unload, number, rows) for number, rows in enumerate(_parts(table))]
    if unload.manifest and written:
        elements = [{"name": name, "type": {"base": kind.base}} for name, kind, _ in columns]
        objects.put(unload.beside("manifest"), json.dumps(_manifest(written, elements)).encode())
    yield wire.notice(f"UNLOAD completed, {len(table)} record(s) unloaded successfully.")
    yield wire.complete("UNLOAD")


def _parsed(sql: Sql) -> Unload:
    reader = Reader(sql)
    reader.expect("unload", "(")
    query = parse(reader.string(), conforming=sql.conforming)
    reader.expect(")", "to")
    target = place(reader.string())
    role = reader.iam_role()
    options = set()
    while reader.token is not None:
        if reader.accept("format"):
            reader.accept("as")
            reader.expect("parquet")
            options.add("parquet")
        elif reader.accept("manifest", "verbose"):
            options.add("manifest")
        elif reader.accept("parallel", "off"):
            options.add("parallel off")
        elif reader.accept("maxfilesize"):
            if not _SMALLEST_MB <= int(reader.number()) <= _LARGEST_MB:
                raise SqlError("MAXFILESIZE must be between 5 MB and 6.2 GB", "22023")
            reader.expect("mb")
        else:
            raise reader.error()
    if not options >= {"parquet", "parallel off"}:
        raise unsupported("the stand-in unloads FORMAT PARQUET PARALLEL OFF only")
    _require_no_limit(query)
    return Unload(query, target, role, "manifest" in options)


def _require_no_limit(query: Sql) -> None:
    depth = 0
    for token in query.tokens:
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if depth == 0 and token.low == "limit":
            raise unsupported("Limit clause is not supported")


def _types(column: wire.ResultColumn) -> tuple[ColumnType, pa.DataType]:
    """The type of a result's column, and what is written for it."""
    if column.type_oid == _NUMERIC:  # the modifier holds both numbers, and a sum has none
        bits = column.modifier - 4
        numbers = (bits >> 16, bits & 0xFFFF) if bits >= 0 else (38, 10)
        return ColumnType("numeric", numbers), pa.decimal128(*numbers)
    if column.type_oid in _TEXTS:
        length = column.modifier - 4 if column.modifier > 4 else MOST_BYTES
        return ColumnType("character varying", (length,)), pa.string()
    if column.type_oid not in _TYPES:
        raise unsupported(f'the stand-in does not unload the type of column "{column.name}"')
    name, arrow = _TYPES[column.type_oid]
    return ColumnType(name), arrow


def _table(csv: bytes, schema: pa.Schema) -> pa.Table:
    if not csv:
        return schema.empty_table()
    hexadecimal = {field.name: pa.string() for field in schema if pa.types.is_binary(field.type)}
    table = pyarrow.csv.read_csv(
        pa.BufferReader(csv),
        read_options=pyarrow.csv.ReadOptions(column_names=schema.names, use_threads=False),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={field.name: field.type for field in schema} | hexadecimal,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )
    for name in hexadecimal:
        values = [None if text is None else bytes.fromhex(text[2:]) for text in table[name].to_pylist()]
        table = table.set_column(table.column_names.index(name), name, pa.array(values, pa.binary()))
    return table


def _parts(table: pa.Table) -> list[pa.Table]:
    """Two files where there are two rows: a reader must not count on one. No rows, no file."""
    half = (len(table) + 1) // 2
    return [rows for rows in (table.slice(0, half), table.slice(half)) if len(rows)]


def _write(objects: Objects, unload: Unload, number: int, rows: pa.Table) -> dict[str, Any]:
    """Writes a file, and gives its entry in the manifest."""
    sink = io.BytesIO()
    pq.write_table(rows, sink, compression="snappy", version="1.0", coerce_timestamps="us")
    where = unload.beside(f"{number:03d}.parquet")
    objects.put(where, sink.getvalue())
    return {"url": where.uri, "meta": {"content_length": len(sink.getvalue()), "record_count": len(rows)}}


def _manifest(written: Sequence[dict[str, Any]], elements: list[dict[str, Any]]) -> dict[str, Any]:
    totals = {key: sum(entry["meta"][key] for entry in written) for key in ("content_length", "record_count")}
    return {
        "entries": written,
        "schema": {"elements": elements},
        "meta": totals,
        "author": {"name": "Amazon Redshift", "version": "1.0.0"},
    }
