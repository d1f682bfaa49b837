"""Reading external tables: each reference in a statement is replaced by the rows that Glue and S3 show at that moment.

Spectrum reads outside the transaction's snapshot; so does this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from user_behaviour_tests.cloud.redshift.cache import Cached
from user_behaviour_tests.cloud.redshift.errors import SqlError, unsupported
from user_behaviour_tests.cloud.redshift.glue import Catalog, GluePartition, GlueTable
from user_behaviour_tests.cloud.redshift.journal import Scan
from user_behaviour_tests.cloud.redshift.lexer import Sql
from user_behaviour_tests.cloud.redshift.parquet_files import ScanFailure
from user_behaviour_tests.cloud.redshift.references import Reference, qualified_partitions, reference

if TYPE_CHECKING:
    from user_behaviour_tests.cloud.redshift.session import Session

_READING = ("select", "with", "insert", "update", "delete", "create", "explain", "(")


def filled(session: Session, sql: Sql) -> Sql:
    """The statement with the rows of external tables in the place of their names."""
    schemas = session.account.external_schemas
    changes = []
    for at in range(len(sql.tokens) - 2):
        if sql.tokens[at].name not in schemas or sql.low(at + 1) != "." or sql.low(at - 1) == ".":
            continue
        found = reference(sql, at, qualified=True)
        if sql.low(found.after) == ".":  # a column, by its full name
            changes.append((sql.tokens[at].start, sql.tokens[at + 1].end, ""))
            continue
        _require_reading(sql, at)
        if session.backend.run(f"select has_schema_privilege('{found.schema}', 'usage')") != [("t",)]:
            raise SqlError(f"permission denied for schema {found.schema}", "42501")
        _incorporate(session, found)
        catalog = Catalog(session.account.aws, schemas[found.schema])
        if (table := catalog.table(found.table)) is not None:
            changes.append(found.replaced_by(sql, _rows(session, sql, found, table=table, catalog=catalog)))
    return sql.replaced(changes) if changes else sql


def _incorporate(session: Session, found: Reference) -> None:
    """A session's first look at an external table writes to its own catalog: https://github.com/awslabs/mcp/issues/3259.

    Patch 204 is said to have mended it; this is the strict side.
    """
    name = f"{found.schema}.{found.table}"
    if name not in session.incorporated and session.backend.run("show transaction_read_only") == [("on",)]:
        said = f'Failed to incorporate external table "{name}" into local catalog. Error=transaction is read-only'
        raise SqlError(said, "XX000")
    session.incorporated.add(name)


def _require_reading(sql: Sql, at: int) -> None:
    if sql.low(at - 1) in ("into", "update") or (sql.low(at - 1) == "from" and sql.low(at - 2) == "delete"):
        raise SqlError(f"{sql.low(0).upper()} is not supported on external table {sql.tokens[at + 2].text}", "0A000")
    if sql.low(0) not in _READING or "view" in (sql.low(1), sql.low(4)):
        raise unsupported(f"the stand-in reads external tables in queries, not in {sql.low(0)} {sql.low(1)}")


def _rows(session: Session, sql: Sql, found: Reference, *, table: GlueTable, catalog: Catalog) -> str:
    """A query for the rows of the partitions that the reference needs."""
    partitions = _partitions(table, catalog)
    needed = qualified_partitions(sql, found, columns=table.partition_columns, partitions=partitions)
    query = session.query
    try:
        places = session.account.cache.rows_of(session.account, table, [p.location for p in needed])
    except ScanFailure as failure:
        session.journal.scan_errors.append(failure.logged(query))
        raise failure.sql_error(query.query_id) from failure
    session.journal.scans.append(Scan(f"{found.schema}.{found.table}", tuple(p.values[0] for p in needed if p.values)))
    return _union(table, needed, places)


def _partitions(table: GlueTable, catalog: Catalog) -> list[GluePartition]:
    if table.partition_columns:
        return catalog.partitions(table.name)
    return [GluePartition((), table.storage["Location"], table.storage)]


def _union(table: GlueTable, needed: list[GluePartition], places: dict[str, Cached]) -> str:
    """One SELECT for each table of the cache, with the values of its partitions joined on."""
    columns = ", ".join(f'c."{column.name}"' for column in table.columns)
    partitioned = "".join(
        f', cast(v.p{at} as {column.type}) as "{column.name}"' for at, column in enumerate(table.partition_columns)
    )
    by_table: dict[str, list[str]] = {}
    for partition in needed:
        cached = places[partition.location]
        values = "".join(", '" + value.replace("'", "''") + "'" for value in partition.values)
        by_table.setdefault(cached.table, []).append(f"({cached.location}{values})")
    if not by_table:
        typed = [*table.columns, *table.partition_columns]
        nothing = [f'cast(null as {column.type}) as "{column.name}"' for column in typed]
        return f"select {', '.join(nothing)} where false"
    names = "".join(f", p{at}" for at in range(len(table.partition_columns)))
    return " union all ".join(
        f"select {columns}{partitioned} from {name} as c join (values {', '.join(rows)}) as v (l{names}) "
        'on c."$location" = v.l'
        for name, rows in by_table.items()
    )
