"""A Glue database of a test's own, and the lake whose batches are registered in it."""

import secrets
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from user_behaviour.catalog.glue import GlueExternalTables
from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.local import LocalLake
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.table import Column, Table
from user_behaviour.warehouse.postgres import PostgresWarehouseByUrl
from user_behaviour_tests.cloud.glue_wire import Body
from user_behaviour_tests.cloud.moto_server import Cloud

D1, D2, D3 = (date(2010, 12, day) for day in (1, 2, 3))
SPAN = DayRange(D1, D3)
EARLY = "2010-12-05T00:00:00.000000Z"
PARCELS = Table(
    "parcels",
    "One row a parcel.",
    (Column("code", "varchar(4)", "its code", nullable=False), Column("price", "decimal(8, 3)", "its price")),
    partition_column="sent_on",
)
EXTERNAL = replace(PARCELS, name="spectrum.parcels")


def publish(dataset: Dataset, day: date, batch_id: str, *codes: str) -> None:
    """Publishes a parcel of each code, of which nothing else is known."""
    with dataset.write(day, batch_id) as writer:
        if codes:
            others = {field.name: pa.nulls(len(codes), field.type) for field in dataset.table.arrow_schema()}
            others.pop("batch_id", None)
            writer.write(pa.record_batch({**others, "code": list(codes)}))
        manifest = writer.manifest(as_of=EARLY)
    assert dataset.publish(manifest)


@dataclass(frozen=True)
class Glue:
    """A database of a test's own; `client` looks at it past the code under test."""

    external: GlueExternalTables
    client: Any
    database: str
    dataset: Dataset

    def publish(self, day: date, batch_id: str, *codes: str) -> None:
        publish(self.dataset, day, batch_id, *codes)

    def table(self) -> Body:
        found: Body = self.client.get_table(DatabaseName=self.database, Name="parcels")["Table"]
        return found

    def partition(self, day: date) -> Body:
        values = [day.isoformat()]
        found: Body = self.client.get_partition(
            DatabaseName=self.database, TableName="parcels", PartitionValues=values
        )["Partition"]
        return found

    def batches(self, span: DayRange = SPAN) -> dict[date, str]:
        return {day: found.batch_id for day, found in self.external.registered(EXTERNAL, span).items()}


def new_glue(cloud: Cloud, directory: Path) -> Glue:
    """A new database, in which the external table is defined."""
    database = f"db_{secrets.token_hex(4)}"
    client = cloud.aws.client("glue")
    client.create_database(DatabaseInput={"Name": database})
    external = GlueExternalTables(aws=cloud.aws, database=database, warehouse=PostgresWarehouseByUrl(url=""))
    made = Glue(external, client, database, LocalLake(root=str(directory)).dataset(PARCELS))
    assert external.define(EXTERNAL, made.dataset)
    return made
