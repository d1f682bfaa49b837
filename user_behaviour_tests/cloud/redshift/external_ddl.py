"""DDL of external schemas, tables and partitions: it goes to Glue, and never inside a transaction.

Grammar: https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_EXTERNAL_SCHEMA.html, r_CREATE_EXTERNAL_TABLE.html,
r_ALTER_TABLE.html and r_ALTER_TABLE_external-table.html; what may not run in a transaction block or in a request of
several statements: r_SVL_MULTI_STATEMENT_VIOLATIONS.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from user_behaviour_tests.cloud.redshift import wire
from user_behaviour_tests.cloud.redshift.column_types import TargetColumn, column_type
from user_behaviour_tests.cloud.redshift.errors import SqlError, unsupported
from user_behaviour_tests.cloud.redshift.glue import Catalog, GlueTable
from user_behaviour_tests.cloud.redshift.grammar import Reader
from user_behaviour_tests.cloud.redshift.lexer import Sql
from user_behaviour_tests.cloud.redshift.objects import place
from user_behaviour_tests.cloud.redshift.state import Account

if TYPE_CHECKING:
    from user_behaviour_tests.cloud.redshift.session import Session

MOST_PARTITIONS = 100  # in one ALTER TABLE ADD PARTITION, where Glue is the catalog


def concerns(sql: Sql, account: Account) -> bool:
    """Whether the statement defines something external: by its words, or by the schema that it names."""
    if sql.starts("create", "external"):
        return True
    at = 4 if sql.low(2) == "if" else 2
    named = sql.tokens[at].name if len(sql.tokens) > at and sql.low(0) in ("alter", "drop") else ""
    return sql.low(1) in ("schema", "table") and named in account.external_schemas


def execute(session: Session, sql: Sql, *, alone: bool) -> Iterator[wire.Message]:
    reader = Reader(sql)
    if reader.accept("drop", "schema"):
        yield from _drop_schema(session, reader)
        return
    if session.in_transaction or not alone:
        kind = "SCHEMA" if sql.low(2) == "schema" else "TABLE"
        raise SqlError(f"{sql.low(0).upper()} EXTERNAL {kind} cannot run inside a transaction block", "25001")
    if reader.accept("create", "external", "schema"):
        yield from _create_schema(session, reader)
    elif reader.accept("create", "external", "table"):
        yield from _create_table(session.account, reader)
    elif reader.accept("alter", "table"):
        yield from _alter_table(session.account, reader)
    else:
        raise unsupported("the stand-in drops no external table")


def _create_schema(session: Session, reader: Reader) -> Iterator[wire.Message]:
    account = session.account
    only_new = reader.accept("if", "not", "exists")
    name = reader.name()
    reader.expect("from", "data", "catalog", "database")
    catalog = Catalog(account.aws, reader.string())
    reader.iam_role()
    if reader.accept("create", "external", "database", "if", "not", "exists"):
        catalog.create_database()
    reader.end()
    if name in account.external_schemas:
        if not only_new:
            raise SqlError(f'schema "{name}" already exists', "42P06")
        yield wire.notice(f'schema "{name}" already exists and will be skipped')
    else:
        session.backend.run(f'create schema "{name}"')
        account.external_schemas[name] = catalog.database
    yield wire.complete("CREATE SCHEMA")


def _drop_schema(session: Session, reader: Reader) -> Iterator[wire.Message]:
    reader.accept("if", "exists")
    name = reader.name()
    reader.end()
    session.backend.run(f'drop schema "{name}"')
    session.account.external_schemas.pop(name)
    yield wire.complete("DROP SCHEMA")


def _create_table(account: Account, reader: Reader) -> Iterator[wire.Message]:
    schema, name = reader.qualified_name()
    columns = _columns(reader)
    reader.expect("partitioned", "by")
    partitioned_by = _columns(reader)
    reader.expect("stored", "as", "parquet", "location")
    location = place(reader.string()).uri
    reader.end()
    catalog = _catalog(account, schema)
    twice = {column.name for column in columns} & {column.name for column in partitioned_by}
    if twice:
        raise SqlError(f'column "{min(twice)}" specified more than once', "42701")
    if catalog.table(name) is not None:
        raise SqlError(f'relation "{name}" already exists', "42P07")
    catalog.create_table(name, columns=columns, partitioned_by=partitioned_by, location=location)
    yield wire.complete("CREATE EXTERNAL TABLE")


def _columns(reader: Reader) -> list[TargetColumn]:
    reader.expect("(")
    columns = []
    while True:
        name = reader.name()
        columns.append(TargetColumn(name, column_type(reader.text_until(",", ")"))))
        if not reader.accept(","):
            break
    reader.expect(")")
    return columns


def _alter_table(account: Account, reader: Reader) -> Iterator[wire.Message]:
    schema, name = reader.qualified_name()
    catalog = _catalog(account, schema)
    table = _table(catalog, name)
    if reader.accept("add", "column"):
        column = TargetColumn(reader.name(), column_type(reader.text_until()))
        catalog.add_column(table, column)
    elif reader.accept("add"):
        yield from _add_partitions(catalog, table, reader)
    elif reader.accept("drop"):
        values = _partition(table, reader)
        reader.end()
        catalog.drop_partition(table, values)
    else:
        values = _partition(table, reader)
        reader.expect("set", "location")
        location = reader.string()
        reader.end()
        catalog.move_partition(table, values, location=place(location).uri)
    yield wire.complete("ALTER EXTERNAL TABLE")


def _add_partitions(catalog: Catalog, table: GlueTable, reader: Reader) -> Iterator[wire.Message]:
    only_new = reader.accept("if", "not", "exists")
    asked: list[tuple[tuple[str, ...], str]] = []
    while reader.token is not None:
        values = _partition(table, reader)
        reader.expect("location")
        asked.append((values, place(reader.string()).uri))
    if not asked:
        raise reader.error()
    if len(asked) > MOST_PARTITIONS:
        raise SqlError(f"a maximum of {MOST_PARTITIONS} partitions can be added in one ALTER TABLE statement", "54000")
    present = {partition.values for partition in catalog.partitions(table.name)}
    known = [values for values, _ in asked if values in present]
    if known and not only_new:
        raise SqlError(f"AlreadyExistsException: Partition with value {list(known[0])} already exists")
    for values, location in asked:
        if not catalog.add_partition(table, values, location=location):
            yield wire.notice(f"Partition {list(values)} already exists")


def _partition(table: GlueTable, reader: Reader) -> tuple[str, ...]:
    """PARTITION (column='value', …): in the order of the table's partition columns; nothing but literals."""
    reader.expect("partition", "(")
    found = {}
    while True:
        name = reader.name()
        reader.expect("=")
        found[name] = reader.string() if reader.token and reader.token.kind == "string" else reader.number()
        if not reader.accept(","):
            break
    reader.expect(")")
    names = [column.name for column in table.partition_columns]
    if sorted(found) != sorted(names):
        raise SqlError(f"the partition columns of {table.name} are {names}, not {sorted(found)}", "42703")
    return tuple(found[name] for name in names)


def _catalog(account: Account, schema: str) -> Catalog:
    if schema not in account.external_schemas:
        raise SqlError(f'schema "{schema}" does not exist', "3F000")
    return Catalog(account.aws, account.external_schemas[schema])


def _table(catalog: Catalog, name: str) -> GlueTable:
    table = catalog.table(name)
    if table is None:
        raise SqlError(f'relation "{name}" does not exist', "42P01")
    return table
