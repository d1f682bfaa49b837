"""System views on the Glue data catalog: what it has at the moment of the statement."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from user_behaviour_tests.cloud.redshift.glue import Catalog, GlueTable
from user_behaviour_tests.cloud.redshift.state import ExternalSchema

if TYPE_CHECKING:
    from user_behaviour_tests.cloud.redshift.session import Session

Row = dict[str, Any]


def _schemas(session: Session) -> list[ExternalSchema]:
    return list(session.account.external_schemas.values())


def _external_schemas(session: Session) -> list[Row]:
    # Whoever is logged in made them: the backend has one user.
    ((owner,),) = session.backend.run("select usesysid from pg_user where usename = current_user")
    return [
        {
            "esoid": schema.number,
            "eskind": 1,
            "schemaname": schema.name,
            "esowner": int(owner or 0),
            "databasename": schema.database,
            "esoptions": json.dumps({"IAM_ROLE": schema.iam_role}),
        }
        for schema in _schemas(session)
    ]


def _tables(session: Session) -> list[tuple[ExternalSchema, Catalog, GlueTable]]:
    found = []
    for schema in _schemas(session):
        catalog = Catalog(session.account.aws, schema.database)
        found += [(schema, catalog, table) for table in catalog.tables()]
    return found


def _storage(storage: dict[str, Any], parameters: dict[str, str]) -> Row:
    serde = storage.get("SerdeInfo", {})
    return {
        "location": storage["Location"],
        "input_format": storage.get("InputFormat"),
        "output_format": storage.get("OutputFormat"),
        "serialization_lib": serde.get("SerializationLibrary"),
        "serde_parameters": json.dumps(serde.get("Parameters", {})),
        "compressed": int(storage.get("Compressed", False)),
        "parameters": json.dumps(parameters),
    }


def _external_tables(session: Session) -> list[Row]:
    return [
        {
            "redshift_database_name": session.account.settings.database,
            "schemaname": schema.name,
            "tablename": table.name,
            "tabletype": "TABLE",
            **_storage(table.storage, table.definition.get("Parameters", {})),
        }
        for schema, _, table in _tables(session)
    ]


def _external_columns(session: Session) -> list[Row]:
    rows = []
    for schema, _, table in _tables(session):
        columns = [*table.columns, *table.partition_columns]
        for number, column in enumerate(columns, start=1):
            row = {"schemaname": schema.name, "tablename": table.name, "columnname": column.name, "columnnum": number}
            part_key = max(number - len(table.columns), 0)
            rows.append(row | {"external_type": column.type.hive, "part_key": part_key, "is_nullable": ""})
    return rows


def _external_partitions(session: Session) -> list[Row]:
    return [
        {
            "schemaname": schema.name,
            "tablename": table.name,
            "values": json.dumps(list(partition.values)),
            **_storage(partition.storage, {}),
            # docs.aws.amazon.com/redshift/latest/dg/r_SVV_EXTERNAL_PARTITIONS.html: the first 128 characters.
            "location": partition.storage["Location"][:128],
        }
        for schema, catalog, table in _tables(session)
        if table.partition_columns
        for partition in catalog.partitions(table.name)
    ]


_STORAGE_COLUMNS = (
    "location text, input_format text, output_format text, serialization_lib text, serde_parameters text, "
    "compressed int, parameters text"
)
CATALOG_VIEWS: dict[str, tuple[str, Callable[[Session], list[Row]]]] = {
    "svv_external_schemas": (
        "esoid int, eskind smallint, schemaname text, esowner int, databasename text, esoptions text",
        _external_schemas,
    ),
    "svv_external_tables": (
        f"redshift_database_name text, schemaname text, tablename text, tabletype text, {_STORAGE_COLUMNS}",
        _external_tables,
    ),
    "svv_external_columns": (
        "schemaname text, tablename text, columnname text, external_type text, columnnum int, part_key int, "
        "is_nullable text",
        _external_columns,
    ),
    "svv_external_partitions": (
        f'schemaname text, tablename text, "values" text, {_STORAGE_COLUMNS}',
        _external_partitions,
    ),
}
