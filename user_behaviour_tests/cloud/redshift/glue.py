"""The Glue data catalog as Redshift uses it: tables and partitions, read anew for every statement."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from user_behaviour.aws.clients import Aws
from user_behaviour_tests.cloud.redshift.column_types import TargetColumn, column_type
from user_behaviour_tests.cloud.redshift.errors import SqlError

_STORED = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "Parameters": {"serialization.format": "1"},
    },
}


@dataclass(frozen=True)
class GlueTable:
    """A table of the catalog; `definition` is what Glue has, whole."""

    name: str
    columns: tuple[TargetColumn, ...]
    partition_columns: tuple[TargetColumn, ...]
    definition: dict[str, Any]

    @property
    def storage(self) -> dict[str, Any]:
        storage: dict[str, Any] = self.definition["StorageDescriptor"]
        return storage


@dataclass(frozen=True)
class GluePartition:
    """A partition: its values and where its files are."""

    values: tuple[str, ...]
    location: str
    storage: dict[str, Any]


class Catalog:
    """One database of the catalog."""

    def __init__(self, aws: Aws, database: str) -> None:
        self._glue: Any = aws.client("glue")
        self.database = database

    def create_database(self) -> None:
        with _errors(), contextlib.suppress(self._glue.exceptions.AlreadyExistsException):
            self._glue.create_database(DatabaseInput={"Name": self.database})

    def tables(self) -> list[GlueTable]:
        with _errors():
            pages = self._glue.get_paginator("get_tables").paginate(DatabaseName=self.database)
            return [_table(definition) for page in pages for definition in page["TableList"]]

    def table(self, name: str) -> GlueTable | None:
        with _errors(), contextlib.suppress(self._glue.exceptions.EntityNotFoundException):
            return _table(self._glue.get_table(DatabaseName=self.database, Name=name)["Table"])
        return None

    def partitions(self, table: str) -> list[GluePartition]:
        with _errors():
            pages = self._glue.get_paginator("get_partitions").paginate(DatabaseName=self.database, TableName=table)
            return [_partition(definition) for page in pages for definition in page["Partitions"]]

    def create_table(
        self,
        name: str,
        *,
        columns: Sequence[TargetColumn],
        partitioned_by: Sequence[TargetColumn],
        location: str,
    ) -> None:
        storage = {**_STORED, "Columns": _described(columns), "Location": location}
        with _errors():
            self._glue.create_table(
                DatabaseName=self.database,
                TableInput={
                    "Name": name,
                    "TableType": "EXTERNAL_TABLE",
                    "Parameters": {"EXTERNAL": "TRUE"},
                    "StorageDescriptor": storage,
                    "PartitionKeys": _described(partitioned_by),
                },
            )

    def add_column(self, table: GlueTable, column: TargetColumn) -> None:
        storage = {**table.storage, "Columns": _described([*table.columns, column])}
        kept = ("Name", "TableType", "Parameters", "PartitionKeys", "Owner", "Retention", "Description")
        definition = {key: table.definition[key] for key in kept if key in table.definition}
        with _errors():
            self._glue.update_table(DatabaseName=self.database, TableInput={**definition, "StorageDescriptor": storage})

    def add_partition(self, table: GlueTable, values: Sequence[str], *, location: str) -> bool:
        """False if it is there already; then nothing is changed."""
        with _errors(), contextlib.suppress(self._glue.exceptions.AlreadyExistsException):
            self._glue.create_partition(
                DatabaseName=self.database, TableName=table.name, PartitionInput=_input(table, values, location)
            )
            return True
        return False

    def move_partition(self, table: GlueTable, values: Sequence[str], *, location: str) -> None:
        with _errors():
            self._glue.update_partition(
                DatabaseName=self.database,
                TableName=table.name,
                PartitionValueList=list(values),
                PartitionInput=_input(table, values, location),
            )

    def drop_partition(self, table: GlueTable, values: Sequence[str]) -> None:
        with _errors():
            self._glue.delete_partition(DatabaseName=self.database, TableName=table.name, PartitionValues=list(values))


def _table(definition: dict[str, Any]) -> GlueTable:
    columns = _columns(definition["StorageDescriptor"]["Columns"])
    return GlueTable(definition["Name"], columns, _columns(definition.get("PartitionKeys", [])), definition)


def _partition(definition: dict[str, Any]) -> GluePartition:
    storage = definition["StorageDescriptor"]
    return GluePartition(tuple(definition["Values"]), storage["Location"], storage)


def _columns(described: Sequence[dict[str, str]]) -> tuple[TargetColumn, ...]:
    # Hive's text of any length, as other writers of the catalog declare it, is a varchar of the largest length.
    types = ("varchar(65535)" if c["Type"] == "string" else c["Type"] for c in described)
    return tuple(TargetColumn(c["Name"].lower(), column_type(t)) for c, t in zip(described, types, strict=True))


def _described(columns: Sequence[TargetColumn]) -> list[dict[str, str]]:
    return [{"Name": column.name, "Type": column.type.hive} for column in columns]


def _input(table: GlueTable, values: Sequence[str], location: str) -> dict[str, Any]:
    return {"Values": list(values), "StorageDescriptor": {**table.storage, "Location": location}}


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        said = error.response["Error"]
        raise SqlError(f"AwsClientException: {said['Code']} from glue - {said.get('Message', '')}") from error
