"""The partitions of an external table as Redshift sees them, in whichever catalog they are kept."""

import json
from collections.abc import Iterator
from datetime import date

import psycopg2

from user_behaviour.catalog.external_tables import CatalogError
from user_behaviour.diagnosis import Diagnosis, bad, good, in_short, judged
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.statements import statement
from user_behaviour.tables.table import Table
from user_behaviour.warehouse.warehouse import Warehouse


def seen_partitions(warehouse: Warehouse, table: Table, span: DayRange) -> dict[date, str]:
    """Day and location of each partition of the range that `svv_external_partitions` shows."""
    schema, _, name = table.name.rpartition(".")
    rows = warehouse.rows(statement("spectrum/partitions_seen.sql"), {"schema": schema, "table": name})
    found = {_day(table, row["partition_values"]): row["location"] for row in rows}
    return {day: location for day, location in sorted(found.items()) if span.first <= day < span.end}


def external_schema(warehouse: Warehouse, database: str | None = None) -> Iterator[Diagnosis]:
    """Whether the external schema is there, shows `database` of Glue, and can list its partitions."""
    schemas = warehouse.rows(statement("drift/external_schema.sql"))
    if not schemas:
        yield bad("schema spectrum", "Redshift has no such external schema", "Run `user-behaviour migrate`.")
        return
    (shows,) = schemas[0].values()
    remedy = "Correct USER_BEHAVIOUR_GLUE_DATABASE, or `user-behaviour migrate --to 0001.audit` and `migrate`."
    is_it = database in (None, shows)
    found = f"shows the Glue database {shows}" + ("" if is_it else f", and not {database}")
    yield judged("schema spectrum", is_it, found, remedy)
    try:
        warehouse.rows("select location from svv_external_partitions where schemaname = 'spectrum' limit 1")
    except psycopg2.Error as error:
        yield bad("partitions in Redshift", in_short(error), _READ_GLUE)
    else:
        yield good("partitions in Redshift", "can be listed")


_READ_GLUE = (
    "Let the schema's IAM role read Glue: glue:GetDatabase, GetDatabases, GetTable, GetTables, GetPartition, "
    "GetPartitions, BatchGetPartition."
)


def batch_of(location: str) -> str:
    """The batch at which a location points: its last part."""
    return location.rstrip("/").rpartition("/")[2]


def _day(table: Table, values: str) -> date:
    """The day in the partition's values, which Redshift shows as a list in JSON: `["2010-12-01"]`."""
    try:
        (value,) = json.loads(values)
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise CatalogError(
            f"Redshift shows a partition of {table.name} with the values {values!r}; expected is one day as "
            '["2010-12-01"]. Drop the partition: `alter table … drop partition (…)`.'
        ) from error
