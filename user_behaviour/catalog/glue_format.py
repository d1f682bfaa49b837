"""What a table, a partition and an error look like in the Glue API. Pure: our values to its structures, and back.

https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html and API_PartitionInput.html
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from user_behaviour.catalog.external_tables import Registration, batch_of
from user_behaviour.tables.table import Column, Table, UnknownType, spelling

Struct = dict[str, Any]

BATCH_ID, ROWS = "batch_id", "numRows"
PARQUET: Struct = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "Parameters": {"serialization.format": "1"},
    },
}


def table_input(table: Table, location: str) -> Struct:
    """The definition of an external table of Parquet files, partitioned by day."""
    return {
        "Name": table.identity["table"],
        "Description": table.description,
        "TableType": "EXTERNAL_TABLE",
        "PartitionKeys": [{"Name": table.partition_column, "Type": "date"}],
        "StorageDescriptor": _descriptor(table, location),
        "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet"},
    }


def partition_input(table: Table, registration: Registration) -> Struct:
    """A partition: Glue inherits nothing from the table, so the columns and formats stand here again."""
    return {
        "Values": [registration.day.isoformat()],
        "StorageDescriptor": _descriptor(table, registration.location),
        "Parameters": {BATCH_ID: registration.batch_id, ROWS: str(registration.rows)},
    }


def registration_of(partition: Mapping[str, Any]) -> Registration:
    """A partition of Glue's, ours or one that somebody else made."""
    location = partition.get("StorageDescriptor", {}).get("Location", "")
    parameters = partition.get("Parameters", {})
    rows = parameters.get(ROWS, "")
    return Registration(
        day=partition_day(partition),
        location=location,
        batch_id=parameters.get(BATCH_ID) or batch_of(location),
        rows=int(rows) if rows.isdecimal() else 0,
    )


def partition_day(entry: Mapping[str, Any]) -> date:
    """The day that a partition, or an error of a batch call, is about."""
    values = entry.get("Values") or entry.get("PartitionValues") or entry["PartitionValueList"]
    return date.fromisoformat(values[0])


def covers(found: Any, wanted: Any) -> bool:
    """Whether Glue has everything of a structure; what it or others have added beside does not matter."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(covers(found.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(covers, found, wanted))
    return bool(found == wanted)


def glue_type(column: Column) -> str:
    """A column's type as Hive, Glue and Spectrum spell it.

    `varchar(n)` stays one: as `string`, Redshift would take it for varchar(65535) and plan memory for that.
    """
    if column.type == "binary":
        raise UnknownType(f"Column {column.name} is binary, which the external tables here do not hold.")
    return spelling(column.type)


def _descriptor(table: Table, location: str) -> Struct:
    columns = [{"Name": c.name, "Type": glue_type(c), "Comment": c.description[:255]} for c in table.columns]
    return {"Columns": columns, "Location": location, "Compressed": False, "StoredAsSubDirectories": False, **PARQUET}
