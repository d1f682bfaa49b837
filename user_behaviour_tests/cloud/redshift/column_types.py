"""Column types of Redshift and of Glue, and which column of a Parquet file fits each of them exactly.

"The column type in the CREATE EXTERNAL TABLE definition must match the column type of the data file"
(https://docs.aws.amazon.com/redshift/latest/dg/c-spectrum-troubleshooting.html): no width is widened. Stricter than
AWS may be: decimals must be fixed length byte arrays, and timestamps in nanoseconds, which AWS misreads, are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from user_behaviour_tests.cloud.redshift.errors import SqlError

_BASES = {
    "smallint": "smallint",
    "int2": "smallint",
    "int": "integer",
    "int4": "integer",
    "integer": "integer",
    "bigint": "bigint",
    "int8": "bigint",
    "real": "real",
    "float4": "real",
    "float": "double precision",
    "float8": "double precision",
    "double": "double precision",
    "double precision": "double precision",
    "boolean": "boolean",
    "bool": "boolean",
    "date": "date",
    "timestamp": "timestamp without time zone",
    "timestamp without time zone": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "timestamp with time zone": "timestamp with time zone",
    "decimal": "numeric",
    "numeric": "numeric",
    "varchar": "character varying",
    "nvarchar": "character varying",
    "text": "character varying",
    "character varying": "character varying",
    "char": "character",
    "nchar": "character",
    "bpchar": "character",
    "character": "character",
}
# Physical and logical types of the columns that fit; decimals and timestamps have arguments, and are not listed.
_FITTING = {
    "smallint": {("INT32", "Int(bitWidth=16, isSigned=true)")},
    "integer": {("INT32", "None"), ("INT32", "Int(bitWidth=32, isSigned=true)")},
    "bigint": {("INT64", "None"), ("INT64", "Int(bitWidth=64, isSigned=true)")},
    "real": {("FLOAT", "None")},
    "double precision": {("DOUBLE", "None")},
    "boolean": {("BOOLEAN", "None")},
    "date": {("INT32", "Date")},
    "character varying": {("BYTE_ARRAY", "String")},
    "character": {("BYTE_ARRAY", "String")},
}
_DEFAULT_ARGUMENTS = {"numeric": (18, 0), "character varying": (256,), "character": (1,)}
MOST_BYTES = 65535  # of a VARCHAR
_TYPE = re.compile(r"\s*([a-z0-9_]+(?: [a-z]+)*)\s*(?:\(([^)]*)\))?\s*( without time zone| with time zone)?\s*", re.I)


@dataclass(frozen=True)
class ColumnType:
    """A type by its full name, and its arguments: (length) or (precision, scale)."""

    base: str
    arguments: tuple[int, ...] = ()

    def __str__(self) -> str:
        arguments = f"({','.join(map(str, self.arguments))})" if self.arguments else ""
        return self.base + arguments

    @property
    def hive(self) -> str:
        """As Glue names it."""
        names = {"integer": "int", "double precision": "double", "real": "float", "numeric": "decimal"}
        names |= {"character varying": "varchar", "character": "char", "timestamp without time zone": "timestamp"}
        arguments = f"({','.join(map(str, self.arguments))})" if self.arguments else ""
        return names.get(self.base, self.base) + arguments

    @property
    def length(self) -> int | None:
        return self.arguments[0] if self.base in ("character varying", "character") else None


@dataclass(frozen=True)
class TargetColumn:
    """A column that a file's column is read into."""

    name: str
    type: ColumnType
    required: bool = False


def column_type(text: str) -> ColumnType:
    """A type as SQL or Glue writes it. What is left out is what Redshift assumes: varchar is varchar(256)."""
    found = _TYPE.fullmatch(text)
    base = _BASES.get((found[1] + (found[3] or "")).lower() if found else "")
    if found is None or base is None:
        raise SqlError(f'Column has unsupported type "{text.strip()}".', "0A000")
    written = (found[2] or "").replace(" ", "").lower()
    if not written:
        return ColumnType(base, _DEFAULT_ARGUMENTS.get(base, ()))
    numbers = tuple(MOST_BYTES if part == "max" else int(part) for part in written.split(","))
    if base == "character varying" and numbers[0] > MOST_BYTES:
        raise SqlError(f"length for type character varying cannot exceed {MOST_BYTES}", "22023")
    if base == "numeric" and len(numbers) == 1:
        numbers = (*numbers, 0)
    return ColumnType(base, numbers)


def fits(column: Any, wanted: ColumnType) -> bool:
    """Whether a column of a Parquet schema (`pyarrow.parquet.ColumnSchema`) is what Redshift reads as this type."""
    logical = str(column.logical_type)
    physical = column.physical_type
    if wanted.base in _FITTING:
        return (physical, logical) in _FITTING[wanted.base]
    if wanted.base == "numeric":
        precision, scale = wanted.arguments
        exact = logical == f"Decimal(precision={precision}, scale={scale})"
        return exact and physical == "FIXED_LEN_BYTE_ARRAY"
    micros = physical == "INT64" and "timeUnit=microseconds" in logical
    return bool(micros or physical == "INT96")


def described(column: Any) -> str:
    """A Parquet column as the error message of Spectrum writes it."""
    optional = "optional" if column.max_definition_level else "required"
    logical = "" if str(column.logical_type) == "None" else f" ({column.logical_type})"
    return f"{optional} {column.physical_type.lower()} {column.name}{logical}"
