"""Drift: where the warehouse is not what the migrations make of it. Reads catalogs, changes nothing.

`Drift` compares ledger and columns; a twin says which tables there must be, and what else its database knows.
Each finding is a sentence that says what to do, where that is not plain.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from user_behaviour.catalog.external_tables import declared_columns, shown, spelling
from user_behaviour.migrations.layouts import LAYOUTS, POSTGRES_TABLES, REDSHIFT_TABLES, Layout
from user_behaviour.tables.schemas import EXTERNAL_TABLES
from user_behaviour.tables.statements import statement
from user_behaviour.tables.table import Column

if TYPE_CHECKING:
    from user_behaviour.migrations.migrations import Migrations
    from user_behaviour.warehouse.warehouse import Warehouse


class Drift(ABC):
    """What is to be said about a warehouse and its migrations; no finding, no drift."""

    def __init__(self, warehouse: Warehouse, migrations: Migrations) -> None:
        self._warehouse = warehouse
        self._migrations = migrations

    def findings(self) -> list[str]:
        """Every difference, the ledger's first. Of a database that has no migration at all, only that is said."""
        found = list(self._of_ledger())
        if self._migrations.applied():
            found += self._of_tables()
        return found

    @property
    @abstractmethod
    def _tables(self) -> Mapping[str, Sequence[Column]]:
        """The tables that the migrations make, with their columns."""

    def _of_ledger(self) -> Iterator[str]:
        from user_behaviour.migrations.migrations import digest

        files = {file.id: file for file in self._migrations.files()}
        for pending in self._migrations.pending():
            yield f"Migration {pending} is pending; apply it with `user-behaviour migrate`."
        for applied in self._migrations.applied():
            if applied.id not in files:
                yield (
                    f"Migration {applied.id} was applied on {applied.at:%Y-%m-%d %H:%M} and is not in "
                    f"{self._migrations.directory}: this version is older than the database."
                )
            elif applied.digest != digest(files[applied.id].path):
                yield (
                    f"Migration {applied.id} was changed after it was applied on {applied.at:%Y-%m-%d %H:%M}; "
                    "take the change back, and write it as a new migration."
                )

    def _of_tables(self) -> Iterable[str]:
        found: dict[str, list[Column]] = defaultdict(list)
        for row in self._warehouse.rows(statement("drift/columns.sql")):
            column = Column(row["column_name"], spelling(row["column_type"]), "", nullable=row["nullable"])
            found[row["table_name"]].append(column)
        for name, columns in self._tables.items():
            if name in found:
                yield from _of_columns(name, columns, found[name])
            else:
                yield f"Table {name} is missing."


class PostgresDrift(Drift):
    """Of the local warehouse, where ordinary tables stand for the external ones."""

    @property
    def _tables(self) -> Mapping[str, Sequence[Column]]:
        return POSTGRES_TABLES


class RedshiftDrift(Drift):
    """Of Redshift: also how tables are distributed, sorted and encoded, and the external schema and its tables."""

    def __init__(self, warehouse: Warehouse, migrations: Migrations, *, glue_database: str) -> None:
        super().__init__(warehouse, migrations)
        self._glue_database = glue_database

    @property
    def _tables(self) -> Mapping[str, Sequence[Column]]:
        return REDSHIFT_TABLES

    def _of_tables(self) -> Iterable[str]:
        yield from super()._of_tables()
        found = self._layouts()
        for name, layout in LAYOUTS.items():
            if name in found:
                yield from _of_layout(name, layout, found[name])
        yield from self._of_external_schema()

    def _layouts(self) -> dict[str, Layout]:
        styles = {row["table_name"]: row for row in self._warehouse.rows(statement("drift/distribution.sql"))}
        columns: dict[str, list[Mapping[str, object]]] = defaultdict(list)
        for row in self._warehouse.rows(statement("drift/encodings.sql")):
            columns[row["table_name"]].append(row)
        return {name: _layout(str(styles[name]["distribution"]), columns[name]) for name in columns if name in styles}

    def _of_external_schema(self) -> Iterator[str]:
        schemas = self._warehouse.rows(statement("drift/external_schema.sql"))
        if not schemas:
            yield "The external schema spectrum is missing; see migration 0002.spectrum."
            return
        if (database := schemas[0]["glue_database"]) != self._glue_database:
            yield f"The external schema spectrum shows the Glue database {database}, and not {self._glue_database}."
        for table in EXTERNAL_TABLES:
            schema, _, name = table.name.rpartition(".")
            rows = self._warehouse.rows(statement("spectrum/columns_seen.sql"), {"schema": schema, "table": name})
            found = [(row["column_name"], spelling(row["column_type"])) for row in rows]
            if not found:
                yield f"The external table {table.name} is missing; `user-behaviour migrate` defines it."
            elif found != (declared := declared_columns(table)):
                yield f"The external table {table.name} has the columns {shown(found)}; declared are {shown(declared)}."


def _of_columns(table: str, declared: Sequence[Column], found: Sequence[Column]) -> Iterator[str]:
    there = {column.name: column for column in found}
    wanted = {column.name: column for column in declared}
    for name, column in wanted.items():
        if name not in there:
            yield f"Table {table} lacks the column {name} {column.type}."
            continue
        if there[name].type != column.type:
            yield f"Column {name} of table {table} is {there[name].type}, and not {column.type}."
        if there[name].nullable != column.nullable:
            yield f"Column {name} of table {table} {_nullability(there[name])}; declared is: {_nullability(column)}."
    for name in there:
        if name not in wanted:
            yield f"Table {table} has a column {name}, which no migration makes."
    if there.keys() == wanted.keys() and list(there) != list(wanted):
        yield f"The columns of table {table} are in the order {', '.join(there)}; declared is {', '.join(wanted)}."


def _nullability(column: Column) -> str:
    return "may be null" if column.nullable else "is not null"


def _layout(distribution: str, columns: Sequence[Mapping[str, object]]) -> Layout:
    key = [str(row["column_name"]) for row in columns if row["is_distribution_key"]]
    # An interleaved sort key numbers its columns with changing signs: it shows as another order, and so it should.
    sorted_by = sorted((int(str(row["sort_position"])), str(row["column_name"])) for row in columns)
    return Layout(
        f"KEY({key[0]})" if distribution == "KEY" and key else distribution,
        {str(row["column_name"]): _ENCODINGS.get(code := str(row["encoding"]).strip(), code) for row in columns},
        tuple(name for position, name in sorted_by if position),
    )


def _of_layout(table: str, declared: Layout, found: Layout) -> Iterator[str]:
    if found.distribution != declared.distribution:
        yield f"Table {table} is distributed {found.distribution}, and not {declared.distribution}."
    if found.sort_key != declared.sort_key:
        yield f"Table {table} is sorted by {_names(found.sort_key)}, and not by {_names(declared.sort_key)}."
    for column, encoding in declared.encodings.items():
        if column in found.encodings and found.encodings[column] != encoding:
            yield f"Column {column} of table {table} is encoded {found.encodings[column]}, and not {encoding}."


def _names(columns: Sequence[str]) -> str:
    return ", ".join(columns) or "nothing"


_ENCODINGS = {"none": "raw"}  # as pg_table_def calls it
