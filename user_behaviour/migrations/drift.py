"""Drift: where the warehouse is not what the migrations make of it. Reads catalogs, changes nothing.

A finding is a sentence; what is to be done, where it is not plain, is behind a semicolon.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from user_behaviour.catalog.external_tables import declared_columns, shown
from user_behaviour.migrations.layouts import LAYOUTS, POSTGRES_TABLES, REDSHIFT_TABLES, Columns, Layout, definition
from user_behaviour.migrations.migrations import Migrations
from user_behaviour.tables.schemas import EXTERNAL_TABLES
from user_behaviour.tables.statements import statement
from user_behaviour.tables.table import spelling
from user_behaviour.warehouse.warehouse import Warehouse

Rows = Sequence[Mapping[str, Any]]


class Drift:
    """What is to be said about a warehouse and its migrations; no finding, no drift."""

    tables: ClassVar[Mapping[str, Columns]]

    def __init__(self, warehouse: Warehouse, migrations: Migrations) -> None:
        self._warehouse = warehouse
        self._migrations = migrations

    def findings(self) -> list[str]:
        """Every difference, the ledger's first. Of a database that has no migration at all, only that is said."""
        pending = self._migrations.pending()
        found = [f"Migration {id_} is pending; apply it with `user-behaviour migrate`." for id_ in pending]
        if self._migrations.applied():
            found += [*self._of_applied(), *self._of_tables()]
        return found

    def _of_applied(self) -> Iterator[str]:
        # A migration that was applied again is in the ledger twice, and the last time counts.
        for id_, row in {row["id"]: row for row in self._rows("ledger/applied.sql")}.items():
            applied = f"applied on {row['at']:%Y-%m-%d %H:%M}"
            if id_ not in self._migrations.files():
                yield (
                    f"Migration {id_} was {applied} and is not in {self._migrations.directory}: "
                    "this version is older than the database."
                )
            elif row["digest"] != self._migrations.digest(id_):
                yield (
                    f"Migration {id_} was changed after it was {applied}; "
                    "take the change back, and write it as a new migration."
                )

    def _of_tables(self) -> Iterator[str]:
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for row in self._rows("drift/columns.sql"):
            columns = found[row["table_name"]]
            columns[row["column_name"]] = definition(spelling(row["column_type"]), nullable=row["nullable"])
        for table, declared in self.tables.items():
            if table in found:
                yield from _of_columns(table, declared, found=found[table])
            else:
                yield f"Table {table} is missing."

    def _rows(self, file: str, parameters: Mapping[str, str] | None = None) -> Rows:
        return self._warehouse.rows(statement(file), parameters)


class PostgresDrift(Drift):
    """Of the local warehouse, where ordinary tables stand for the external ones."""

    tables = POSTGRES_TABLES


class RedshiftDrift(Drift):
    """Of Redshift: also how tables are distributed, sorted and encoded, and the external schema and its tables."""

    tables = REDSHIFT_TABLES

    def __init__(self, warehouse: Warehouse, migrations: Migrations, *, glue_database: str) -> None:
        super().__init__(warehouse, migrations)
        self._glue_database = glue_database

    def _of_tables(self) -> Iterator[str]:
        yield from super()._of_tables()
        distributions = {row["table_name"]: row["distribution"] for row in self._rows("drift/distribution.sql")}
        encodings = self._rows("drift/encodings.sql")
        for table, layout in LAYOUTS.items():
            columns = [row for row in encodings if row["table_name"] == table]
            if columns and table in distributions:
                yield from _of_layout(table, layout, distribution=distributions[table], columns=columns)
        yield from self._of_external_schema()

    def _of_external_schema(self) -> Iterator[str]:
        schemas = self._rows("drift/external_schema.sql")
        if not schemas:
            yield "The external schema spectrum is missing; see migration 0002.spectrum."
            return
        if (database := schemas[0]["glue_database"]) != self._glue_database:
            yield f"The external schema spectrum shows the Glue database {database}, and not {self._glue_database}."
        for table in EXTERNAL_TABLES:
            rows = self._rows("spectrum/columns_seen.sql", table.identity)
            found = [(row["column_name"], spelling(row["column_type"])) for row in rows]
            declared = declared_columns(table)
            if not found:
                yield f"The external table {table.name} is missing; `user-behaviour migrate` defines it."
            elif found != declared:
                yield f"The external table {table.name} has the columns {shown(found)}, and not {shown(declared)}."


def _of_columns(table: str, declared: Columns, *, found: Columns) -> Iterator[str]:
    for name, column in declared.items():
        if name not in found:
            yield f"Table {table} lacks the column {name} {column}."
        elif found[name] != column:
            yield f"Column {name} of table {table} is {found[name]}, and not {column}."
    for name in found:
        if name not in declared:
            yield f"Table {table} has a column {name}, which no migration makes."
    if found.keys() == declared.keys() and list(found) != list(declared):
        yield f"The columns of table {table} are in the order {', '.join(found)}, and not {', '.join(declared)}."


def _of_layout(table: str, declared: Layout, *, distribution: str, columns: Rows) -> Iterator[str]:
    distribution += "".join(f"({row['column_name']})" for row in columns if row["is_distribution_key"])
    if distribution != declared.distribution:
        yield f"Table {table} is distributed {distribution}, and not {declared.distribution}."
    # An interleaved sort key numbers its columns with changing signs: it shows as another order, and so it should.
    positions = sorted((row["sort_position"], row["column_name"]) for row in columns if row["sort_position"])
    sort_key = ", ".join(name for _, name in positions) or "nothing"
    if sort_key != declared.sort_key:
        yield f"Table {table} is sorted by {sort_key}, and not by {declared.sort_key}."
    encodings = dict(zip(REDSHIFT_TABLES[table], declared.encodings, strict=True))
    for row in columns:
        name, encoding = row["column_name"], row["encoding"]
        if encoding != encodings.get(name, encoding):
            yield f"Column {name} of table {table} is encoded {encoding}, and not {encodings[name]}."
