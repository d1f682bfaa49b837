"""Column types of Redshift and of Glue, and which column of a Parquet file fits each of them exactly.

"The column type in the CREATE EXTERNAL TABLE definition must match the column type of the data file"
(https://docs.aws.amazon.com/redshift/latest/dg/c-spectrum-troubleshooting.html): no width is widened. Stricter than
AWS may be: decimals must be fixed length byte arrays, and timestamps in nanoseconds, which AWS misreads, are refused.
Only the types that this project's tables have (`tables.table.Column`); every other one is refused.
"""

import re
from dataclasses import dataclass
from typing import Any

from user_behaviour_tests.cloud.redshift.errors import SqlError

_BASES = {
    "boolean": "boolean",
    "int": "integer",
    "integer": "integer",
    "bigint": "bigint",
    "date": "date",
    "timestamp": "timestamp without time zone",
    "timestamp without time zone": "timestamp without time zone",
    "decimal": "numeric",
    "numeric": "numeric",
    "varchar": "character varying",
    "text": "character varying",
    "character varying": "character varying",
    "varbyte": "varbyte",
}
_HIVE = {
    "integer": "int",
    "numeric": "decimal",
    "character varying": "varchar",
    "timestamp without time zone": "timestamp",
    "varbyte": "binary",
}
# Physical and logical types of the columns that fit; decimals and timestamps have arguments, and are not listed.
_FITTING = {
    "boolean": {("BOOLEAN", "None")},
    "integer": {("INT32", "None"), ("INT32", "Int(bitWidth=32, isSigned=true)")},
    "bigint": {("INT64", "None"), ("INT64", "Int(bitWidth=64, isSigned=true)")},
    "date": {("INT32", "Date")},
    "character varying": {("BYTE_ARRAY", "String")},
    "varbyte": {("BYTE_ARRAY", "None")},
}
_DEFAULT_ARGUMENTS = {"numeric": (18, 0), "character varying": (256,)}
MOST_BYTES = 65535  # of a VARCHAR
_TYPE = re.compile(r"\s*([a-z0-9_]+(?: [a-z]+)*)\s*(?:\(([\d\s,]*)\))?\s*", re.I)


@dataclass(frozen=True)
class ColumnType:
    """A type by its full name, and its arguments: (length) or (precision, scale)."""

    base: str
    arguments: tuple[int, ...] = ()

    def __str__(self) -> str:
        return self.base + self._in_parentheses

    @property
    def hive(self) -> str:
        """As Glue names it."""
        return _HIVE.get(self.base, self.base) + self._in_parentheses

    @property
    def length(self) -> int | None:
        return self.arguments[0] if self.base == "character varying" else None

    @property
    def _in_parentheses(self) -> str:
        return f"({','.join(map(str, self.arguments))})" if self.arguments else ""


@dataclass(frozen=True)
class TargetColumn:
    """A column that a file's column is read into."""

    name: str
    type: ColumnType
    required: bool = False


def column_type(text: str) -> ColumnType:
    """A type as SQL or Glue writes it. What is left out is what Redshift assumes: varchar is varchar(256)."""
    found = _TYPE.fullmatch(text)
    base = _BASES.get(found[1].lower()) if found else None
    if found is None or base is None:
        raise SqlError(f'Column has unsupported type "{text.strip()}".', "0A000")
    if not found[2]:
        return ColumnType(base, _DEFAULT_ARGUMENTS.get(base, ()))
    numbers = tuple(map(int, found[2].split(",")))
    if base == "character varying" and numbers[0] > MOST_BYTES:
        raise SqlError(f"length for type character varying cannot exceed {MOST_BYTES}", "22023")
    return ColumnType(base, (*numbers, 0) if base == "numeric" and len(numbers) == 1 else numbers)


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
