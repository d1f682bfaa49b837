"""A Redshift of a test's own, empty, with what the `aws` deployment has of it: warehouse, lake, migrations, drift."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from user_behaviour.catalog.external_tables import ExternalTables
from user_behaviour.catalog.redshift import RedshiftExternalTables
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.local.stack import Stack
from user_behaviour.migrations.drift import RedshiftDrift
from user_behaviour.migrations.migrations import MIGRATIONS, Migrations
from user_behaviour.tables.schemas import EXTERNAL_TABLES, LAKE_TABLE_OF
from user_behaviour.warehouse.redshift import RedshiftWarehouse
from user_behaviour.warehouse.redshift_names import RoleParameter
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.cloud.redshift import RedshiftStandIn, redshift_stand_in
from user_behaviour_tests.cloud.redshift_warehouse import warehouse_on

GLUE = "migrated"


@dataclass(frozen=True)
class OwnRedshift:
    """The stand-in, and the parts of the deployment that are on it."""

    stand_in: RedshiftStandIn
    warehouse: RedshiftWarehouse
    lake: S3Lake

    @property
    def migrations(self) -> Migrations:
        parameters = {"glue_database": GLUE, "iam_role": RoleParameter("default")}
        return Migrations(self.warehouse, MIGRATIONS / "redshift", parameters=parameters)

    @property
    def external_tables(self) -> ExternalTables:
        return RedshiftExternalTables(warehouse=self.warehouse, lake=self.lake)

    def migrate(self) -> None:
        self.migrations.apply()
        for table in EXTERNAL_TABLES:
            self.external_tables.define(table, self.lake.dataset(LAKE_TABLE_OF[table.name]))

    def findings(self, glue_database: str = GLUE) -> list[str]:
        return RedshiftDrift(self.warehouse, self.migrations, glue_database=glue_database).findings()

    def execute(self, sql: str) -> None:
        self.warehouse.transaction(lambda cursor: cursor.execute(sql))

    def tables(self) -> set[object]:
        ours = ("audit", "public", "intermediate", "marts")
        sql = f"select schemaname || '.' || tablename as t from pg_tables where schemaname in {ours}"
        return {row["t"] for row in self.warehouse.rows(sql) if "yoyo" not in row["t"]}


@contextmanager
def own_redshift(stack: Stack, cloud: Cloud) -> Iterator[OwnRedshift]:
    with redshift_stand_in(stack.endpoints().warehouse, cloud.aws) as stand_in:
        stand_in.add_role(stack.endpoints().reader)
        lake = S3Lake(aws=cloud.aws, bucket=cloud.bucket(), prefix="lake")
        # The least is unloaded, so that UNLOAD is seen.
        yield OwnRedshift(stand_in, warehouse_on(stand_in, lake, unload_above=1), lake)
