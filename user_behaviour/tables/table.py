"""What a table is: named, typed columns, and what each type means to Parquet, to SQL and to the Dagster UI.

Generic: knows types, not this project's tables (those are in `schemas`). Heavy imports are lazy.
The vocabulary is the part of SQL types that Redshift, Spectrum, PostgreSQL and Parquet agree on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dagster as dg
    import pyarrow as pa


Lineage = Mapping[str, tuple[tuple[str, str], ...]]  # of columns: each an asset, and a column of that


class UnknownType(ValueError):
    """A column type outside the vocabulary."""


@dataclass(frozen=True)
class Column:
    """One column.

    `type` is one of `boolean`, `int`, `bigint`, `date`, `timestamp` (microseconds, UTC, no zone), `binary`,
    `varchar(n)` (n counts **bytes**, as Redshift does) or `decimal(p,s)`.
    """

    name: str
    type: str
    description: str
    nullable: bool = True

    @property
    def max_bytes(self) -> int | None:
        """The n of `varchar(n)`, else None."""
        match = re.fullmatch(r"varchar\((\d+)\)", self.type)
        return int(match.group(1)) if match else None

    def arrow_type(self) -> pa.DataType:
        """The Arrow type whose Parquet encoding Redshift Spectrum reads as this column's SQL type."""
        import pyarrow as pa

        plain = {
            "boolean": pa.bool_(),
            "int": pa.int32(),
            "bigint": pa.int64(),
            "date": pa.date32(),
            "timestamp": pa.timestamp("us"),
            "binary": pa.binary(),
        }
        if self.type in plain:
            return plain[self.type]
        if self.max_bytes is not None:
            return pa.string()
        if match := re.fullmatch(r"decimal\((\d+),\s*(\d+)\)", self.type):
            return pa.decimal128(int(match.group(1)), int(match.group(2)))
        raise UnknownType(
            f"Column {self.name} has the type {self.type!r}; choose one of: "
            f"{', '.join(sorted(plain))}, varchar(n), decimal(p,s)."
        )


@dataclass(frozen=True)
class Table:
    """A table or data set: its columns in order, and the column that holds the partition's day.

    `partition_column` is not among `columns`: in the lake it is in the path, in a database a column of type `date`; it
    is empty of what has no days. `key` names the columns that, with the day if `key_has_day`, identify a row; empty
    where rows may repeat.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    partition_column: str = "insert_date"
    lineage: Lineage = field(default_factory=dict)
    partition_meaning: str = "the UTC day of the partition"
    key_has_day: bool = True

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def stored_columns(self) -> tuple[Column, ...]:
        """Its columns in a database: that of the days, where it has one, is the last."""
        day = Column(self.partition_column, "date", self.partition_meaning, nullable=False)
        return (*self.columns, day) if self.partition_column else self.columns

    @property
    def whole_key(self) -> tuple[str, ...]:
        """The columns that identify a row, that of the days included; empty where rows may repeat."""
        has_day = self.key and self.key_has_day and self.partition_column
        return (*self.key, self.partition_column) if has_day else self.key

    @property
    def identity(self) -> dict[str, str]:
        """Its schema and its name in that, as the parameters by which a database's own catalog is asked of it."""
        schema, _, table = self.name.rpartition(".")
        return {"schema": schema, "table": table}

    def without(self, *names: str) -> Table:
        """The table without some columns."""
        return replace(self, columns=tuple(column for column in self.columns if column.name not in names))

    def arrow_schema(self) -> pa.Schema:
        """The explicit Parquet schema: names, order, types and nullability."""
        import pyarrow as pa

        return pa.schema([pa.field(c.name, c.arrow_type(), nullable=c.nullable) for c in self.columns])

    def dagster_schema(self, *, with_partition_column: bool = False) -> dg.TableSchema:
        """The schema as the Dagster UI shows it."""
        import dagster as dg

        def shown(column: Column) -> dg.TableColumn:
            constraints = dg.TableColumnConstraints(nullable=column.nullable, unique=False)
            return dg.TableColumn(column.name, column.type, description=column.description, constraints=constraints)

        columns = self.stored_columns if with_partition_column else self.columns
        keyed = f"key: {', '.join(self.whole_key)}" if self.key else "rows may repeat"
        return dg.TableSchema([shown(c) for c in columns], dg.TableConstraints(other=[keyed]))


def same_columns(upstream: str, *columns: str | Column) -> Lineage:
    """Lineage of columns that are carried over unchanged under the same name."""
    names = [column if isinstance(column, str) else column.name for column in columns]
    return {name: ((upstream, name),) for name in names}


def spelling(type_: str) -> str:
    """A type as `Column.type` spells it, whichever of its names a database or catalog uses."""
    named, _, sizes = type_.lower().partition("(")
    return _SPELLINGS.get(named.strip(), named.strip()) + (f"({sizes.replace(' ', '')}" if sizes else "")


_SPELLINGS = {
    "bool": "boolean",
    "bytea": "binary",
    "character varying": "varchar",
    "int4": "int",
    "int8": "bigint",
    "integer": "int",
    "numeric": "decimal",
    "timestamp without time zone": "timestamp",
}
