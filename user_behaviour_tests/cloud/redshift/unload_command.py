"""UNLOAD ('select …') TO 's3://…' FORMAT PARQUET: the rows of a query as files under a prefix that must be empty.

https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html and r_UNLOAD_command_examples.html (names, manifest).
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from user_behaviour_tests.cloud.redshift import wire
from user_behaviour_tests.cloud.redshift.column_types import ColumnType
from user_behaviour_tests.cloud.redshift.errors import SqlError, unsupported
from user_behaviour_tests.cloud.redshift.grammar import Reader
from user_behaviour_tests.cloud.redshift.lexer import Sql, parse
from user_behaviour_tests.cloud.redshift.objects import Objects, Place, place
from user_behaviour_tests.cloud.redshift.parquet_files import arrow_type

if TYPE_CHECKING:
    from user_behaviour_tests.cloud.redshift.session import Session

SLICES = 2  # a cluster writes in parallel; so a reader must not count on one file
_UNITS = {"mb": 1 << 20, "gb": 1 << 30}
_SMALLEST, _LARGEST = 5 << 20, int(6.2 * (1 << 30))
_BASES = {
    16: "boolean",
    20: "bigint",
    21: "smallint",
    23: "integer",
    700: "real",
    701: "double precision",
    1082: "date",
    1114: "timestamp without time zone",
    1184: "timestamp with time zone",
}


@dataclass
class Unload:
    """An UNLOAD as it was written."""

    query: Sql
    target: Place
    parquet: bool = False
    manifest: bool = False
    verbose: bool = False
    allow_overwrite: bool = False
    clean_path: bool = False
    parallel: bool = True
    written: list[dict[str, Any]] = field(default_factory=list)


def execute(session: Session, sql: Sql) -> Iterator[wire.Message]:
    unload = _parsed(sql)
    objects = Objects(session.account.aws)
    query = session.readable(unload.query).text
    columns = session.backend.columns(query)
    _clear(objects, unload)
    table = _table(session.backend.copy_out(query), columns)
    for name, part in _parts(table, unload):
        _write(objects, unload, name, part)
    if unload.manifest and unload.written:
        objects.put(_beside(unload.target, "manifest"), json.dumps(_manifest(unload, columns)).encode())
    session.last_ids["unload"] = session.query.query_id
    yield wire.notice(f"UNLOAD completed, {len(table)} record(s) unloaded successfully.")
    yield wire.complete("UNLOAD")


def _parsed(sql: Sql) -> Unload:
    reader = Reader(sql)
    reader.expect("unload", "(")
    query = parse(reader.string(), conforming=sql.conforming)
    reader.expect(")", "to")
    unload = Unload(query, place(reader.string()))
    reader.iam_role()
    while reader.token is not None:
        _option(reader, unload)
    _require_possible(unload)
    return unload


def _option(reader: Reader, unload: Unload) -> None:
    if reader.accept("format"):
        reader.accept("as")
        reader.expect("parquet")
        unload.parquet = True
    elif reader.accept("parquet"):
        unload.parquet = True
    elif reader.accept("manifest"):
        unload.manifest = True
        unload.verbose = reader.accept("verbose")
    elif reader.accept("maxfilesize") or reader.accept("rowgroupsize"):
        reader.accept("as")
        size = float(reader.number()) * _UNITS[reader.name() if reader.token else "mb"]
        if not _SMALLEST <= size <= _LARGEST:
            raise SqlError("MAXFILESIZE must be between 5 MB and 6.2 GB", "22023")
    elif reader.accept("allowoverwrite"):
        unload.allow_overwrite = True
    elif reader.accept("cleanpath"):
        unload.clean_path = True
    elif reader.accept("parallel"):
        unload.parallel = not (reader.accept("off") or reader.accept("false"))
        _ = reader.accept("on") or reader.accept("true")
    else:
        raise reader.error()


def _require_possible(unload: Unload) -> None:
    if not unload.parquet:
        raise unsupported("the stand-in unloads FORMAT PARQUET only")
    if unload.allow_overwrite and unload.clean_path:
        raise SqlError("CLEANPATH can't be specified with ALLOWOVERWRITE", "42601")
    depth = 0
    for token in unload.query.tokens:
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if depth == 0 and token.low == "limit":
            raise unsupported("Limit clause is not supported")


def _clear(objects: Objects, unload: Unload) -> None:
    if unload.allow_overwrite or not (present := objects.under(unload.target)):
        return
    if not unload.clean_path:
        raise SqlError(
            "Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, manually "
            "removing the target files in S3, or using the ALLOWOVERWRITE option."
        )
    for found in present:
        objects.delete(found.place)


def _table(csv: bytes, columns: Sequence[wire.ResultColumn]) -> pa.Table:
    schema = pa.schema([pa.field(column.name, arrow_type(_type(column))) for column in columns])
    if not csv:
        return schema.empty_table()
    return pyarrow.csv.read_csv(
        pa.BufferReader(csv),
        read_options=pyarrow.csv.ReadOptions(column_names=schema.names, use_threads=False),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=schema,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )


def _type(column: wire.ResultColumn) -> ColumnType:
    if column.type_oid == 1700:  # numeric: the modifier holds both numbers, and a sum has none
        bits = column.modifier - 4
        return ColumnType("numeric", (bits >> 16, bits & 0xFFFF) if bits >= 0 else (38, 10))
    if base := _BASES.get(column.type_oid):
        return ColumnType(base)
    return ColumnType("character varying", (column.modifier - 4 if column.modifier > 4 else 65535,))


def _parts(table: pa.Table, unload: Unload) -> Iterator[tuple[str, pa.Table]]:
    """File names and their rows; a slice without rows writes nothing."""
    if not unload.parallel:
        if len(table):
            yield "000.parquet", table
        return
    for number in range(SLICES):
        rows = table.take(pa.array(range(number, len(table), SLICES), pa.int64()))
        if len(rows):
            yield f"{number:04d}_part_00.parquet", rows


def _write(objects: Objects, unload: Unload, name: str, rows: pa.Table) -> None:
    sink = io.BytesIO()
    pq.write_table(rows, sink, compression="snappy", version="1.0", coerce_timestamps="us")
    where = _beside(unload.target, name)
    objects.put(where, sink.getvalue())
    meta = {"content_length": len(sink.getvalue())}
    if unload.verbose:
        meta["record_count"] = len(rows)
    unload.written.append({"url": where.uri, "meta": meta})


def _manifest(unload: Unload, columns: Sequence[wire.ResultColumn]) -> dict[str, Any]:
    manifest: dict[str, Any] = {"entries": unload.written}
    if unload.verbose:
        types = [(column.name, _type(column)) for column in columns]
        manifest["schema"] = {"elements": [{"name": name, "type": {"base": kind.base}} for name, kind in types]}
        totals = ("content_length", "record_count")
        manifest["meta"] = {key: sum(entry["meta"][key] for entry in unload.written) for key in totals}
        manifest["author"] = {"name": "Amazon Redshift", "version": "1.0.0"}
    return manifest


def _beside(target: Place, name: str) -> Place:
    return Place(target.bucket, target.key + name)
