"""Role: the catalog of external tables: are they there, as the schemas say, and may their partitions be written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import singledispatch

from user_behaviour.catalog.external_tables import CatalogError, ExternalTables, declared_columns, shown, spelling
from user_behaviour.catalog.glue import GlueExternalTables
from user_behaviour.catalog.glue_format import name_in_glue
from user_behaviour.catalog.postgres import PostgresExternalTables
from user_behaviour.catalog.redshift import RedshiftExternalTables
from user_behaviour.doctor.aws_calls import Answer, Refusal, ask, refused
from user_behaviour.doctor.findings import Finding, Role, halves
from user_behaviour.doctor.permissions import account_prefix, may
from user_behaviour.doctor.queries import Session, in_short
from user_behaviour.lake.lake import Lake
from user_behaviour.tables.schemas import EXTERNAL_TABLES, LAKE_TABLE_OF
from user_behaviour.tables.table import Table
from user_behaviour.warehouse.warehouse import Warehouse

TABLES = Role("external tables")
_WRITES = ("glue:BatchCreatePartition", "glue:BatchUpdatePartition", "glue:BatchDeletePartition")
_DEFINITION = ("glue:CreateTable", "glue:UpdateTable")
_DEFINE = "`user-behaviour migrate` brings it there."


@singledispatch
def examine_external_tables(tables: ExternalTables, lake: Lake, warehouse: Warehouse) -> Iterator[Finding]:
    """Whether the external tables are there and can be registered with; `lake` and `warehouse` are what they join."""
    raise NotImplementedError(f"There is no examination of {type(tables).__name__}; write it here.")


@examine_external_tables.register
def _(tables: PostgresExternalTables, lake: Lake, warehouse: Warehouse) -> Iterator[Finding]:  # noqa: ARG001
    for table in EXTERNAL_TABLES:
        try:
            tables.define(table, lake.dataset(LAKE_TABLE_OF[table.name]))  # this twin only compares
        except CatalogError as error:
            yield TABLES.bad(table.name, *halves(str(error)))
        else:
            yield TABLES.good(table.name, "is as declared")


@examine_external_tables.register
def _(tables: GlueExternalTables, lake: Lake, warehouse: Warehouse) -> Iterator[Finding]:  # noqa: ARG001
    database = _glue_database(tables)
    yield database
    if database.ok:
        for table in EXTERNAL_TABLES:
            yield from _glue_table(tables, table)
    prefix = account_prefix(tables.aws, "glue")
    places = [f"{prefix}catalog", f"{prefix}database/{tables.database}", f"{prefix}table/{tables.database}/*"]
    yield may(TABLES, "write partitions", tables.aws, _WRITES, on=places)
    yield may(TABLES, "define tables", tables.aws, _DEFINITION, on=places)
    yield from _seen_by_redshift(warehouse, tables.database)


@examine_external_tables.register
def _(tables: RedshiftExternalTables, lake: Lake, warehouse: Warehouse) -> Iterator[Finding]:  # noqa: ARG001
    yield from _seen_by_redshift(warehouse, None)
    with Session(warehouse) as session:
        owned = session.rows(
            "select usename = current_user as is_ours, usename, current_user as ours from svv_external_schemas "
            "inner join pg_user on esowner = usesysid where schemaname = 'spectrum'"
        )
        if not owned:
            needed = "A run needs the database user to own the external schema, or to be a superuser."
            yield TABLES.unknown("owner", "of the external schema cannot be seen from here", needed)
        for is_ours, owner, ours in owned:
            if is_ours:
                yield TABLES.good("owner", f"{ours} owns the external schema, and may write partitions")
            else:
                yield TABLES.bad(
                    "owner",
                    f"{owner} owns the external schema, and only its owner may write partitions",
                    f"As {owner} or a superuser: alter schema spectrum owner to {ours};",
                )
        for table in EXTERNAL_TABLES:
            schema, _, name = table.name.rpartition(".")
            rows = session.statement("spectrum/columns_seen.sql", {"schema": schema, "table": name})
            yield _compared(table, [(column, spelling(type_)) for column, type_ in rows])


def _glue_database(tables: GlueExternalTables) -> Finding:
    region = tables.aws.client("glue").meta.region_name
    answer = ask(tables.aws, "glue", "get_database", Name=tables.database)
    if not isinstance(answer, Refusal):
        return TABLES.good("Glue database", f"{tables.database} in {region}")
    absent = (
        f"there is no database {tables.database} in {region}",
        "Create it (the template in deploy/ does, and so does `user-behaviour migrate` by way of Redshift), "
        "or correct USER_BEHAVIOUR_GLUE_DATABASE.",
    )
    return refused(
        TABLES,
        "Glue database",
        answer,
        action="glue:GetDatabase",
        resource=f"the catalog and the database {tables.database}",
        otherwise={"EntityNotFoundException": absent},
    )


def _glue_table(tables: GlueExternalTables, table: Table) -> Iterator[Finding]:
    named = {"DatabaseName": tables.database}
    resource = f"the catalog, the database {tables.database} and its tables"
    answer = ask(tables.aws, "glue", "get_table", **named, Name=name_in_glue(table))
    if isinstance(answer, Refusal):
        absent = ("is not in Glue", "`user-behaviour migrate` defines it.")
        yield refused(
            TABLES,
            table.name,
            answer,
            action="glue:GetTable",
            resource=resource,
            otherwise={"EntityNotFoundException": absent},
        )
        return
    yield _compared(table, _glue_columns(answer))
    answer = ask(tables.aws, "glue", "get_partitions", **named, TableName=name_in_glue(table), MaxResults=1)
    if isinstance(answer, Refusal):
        yield refused(TABLES, f"{table.name} partitions", answer, action="glue:GetPartitions", resource=resource)
    else:
        yield TABLES.good(f"{table.name} partitions", "can be listed")


def _glue_columns(answer: Answer) -> list[tuple[str, str]]:
    found = answer["Table"]
    columns = [*found.get("StorageDescriptor", {}).get("Columns", ()), *found.get("PartitionKeys", ())]
    return [(column["Name"], spelling(column["Type"])) for column in columns]


def _compared(table: Table, found: Sequence[tuple[str, str]]) -> Finding:
    declared = declared_columns(table)
    if list(found) == declared:
        return TABLES.good(table.name, "is as declared")
    if not found:
        return TABLES.bad(table.name, "is not there", "`user-behaviour migrate` defines it.")
    return TABLES.bad(table.name, f"has the columns {shown(found)}; declared are {shown(declared)}", _DEFINE)


def _seen_by_redshift(warehouse: Warehouse, database: str | None) -> Iterator[Finding]:
    """Redshift's side: the external schema, and that its IAM role gets an answer from the catalog."""
    import psycopg2

    with Session(warehouse) as session:
        found = session.statement("drift/external_schema.sql")
        if not found:
            yield TABLES.bad("schema spectrum", "Redshift has no such external schema", "Run `user-behaviour migrate`.")
            return
        ((shows,),) = found
        if database and shows != database:
            remedy = (
                "Correct USER_BEHAVIOUR_GLUE_DATABASE, or `user-behaviour migrate --to 0001.audit` and "
                "`user-behaviour migrate`."
            )
            yield TABLES.bad("schema spectrum", f"shows the Glue database {shows}, and not {database}", remedy)
        else:
            yield TABLES.good("schema spectrum", f"shows the Glue database {shows}")
        try:
            session.rows("select location from svv_external_partitions where schemaname = 'spectrum' limit 1")
        except psycopg2.Error as error:
            remedy = (
                "Let the schema's IAM role read Glue: glue:GetDatabase, GetDatabases, GetTable, GetTables, "
                "GetPartition, GetPartitions, BatchGetPartition."
            )
            yield TABLES.bad("partitions in Redshift", in_short(error), remedy)
        else:
            yield TABLES.good("partitions in Redshift", "can be listed")
