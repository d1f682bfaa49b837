"""Where the assets run: `local()` and `aws()` say which twin plays each role, with the same fields in the same order.

The only place that reads settings from the environment. Products are imported when a deployment is made, not before.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from user_behaviour.project_files import PACKAGE, PROJECT_FILES
from user_behaviour.settings import AwsSettings, SettingError, Settings, read_settings

if TYPE_CHECKING:
    from user_behaviour.aws.clients import Aws
    from user_behaviour.catalog.external_tables import ExternalTables
    from user_behaviour.lake.lake import Lake
    from user_behaviour.local.stack import Stack
    from user_behaviour.migrations.drift import Drift
    from user_behaviour.migrations.migrations import Migrations
    from user_behaviour.migrations.users import WarehouseUsers
    from user_behaviour.source.database import SourceDatabase
    from user_behaviour.spark.spark import SparkRunner
    from user_behaviour.vendor.drop import VendorDrop
    from user_behaviour.warehouse.warehouse import Warehouse

SPARK_JOBS = PROJECT_FILES / "spark_jobs"
ROLES = ("source", "vendor_drop", "lake", "spark", "external_tables", "warehouse")


@dataclass(frozen=True)
class Deployment:
    """A twin of every role, the environment of Dagster's processes, and the migrations of the warehouse.

    `ui_url` is where people find Dagster's UI, empty where nobody said so; `code_location` is what the UI and the
    daemon call the definitions, by the workspace.yaml of the deployment.
    """

    source: SourceDatabase
    vendor_drop: VendorDrop
    lake: Lake
    spark: SparkRunner
    external_tables: ExternalTables
    warehouse: Warehouse
    dagster_environment: Callable[[], dict[str, str]]
    ui_url: str
    code_location: str
    migrations_of: Callable[[Warehouse], Migrations]
    drift_of: Callable[[Warehouse], Drift]
    users_of: Callable[[Warehouse], WarehouseUsers]

    @property
    def migrations(self) -> Migrations:
        """The migrations of the warehouse."""
        return self.migrations_of(self.warehouse)

    @property
    def drift(self) -> Drift:
        """The differences between the warehouse's tables and what its migrations make."""
        return self.drift_of(self.warehouse)

    @property
    def users(self) -> WarehouseUsers:
        """The users of the warehouse whose rights are given with the migrations."""
        return self.users_of(self.warehouse)

    def roles(self) -> dict[str, Any]:
        """Dagster's resources by their keys."""
        return {name: getattr(self, name) for name in ROLES}

    def initialized(self) -> Deployment:
        """The deployment with its roles as a run gets them, for a command that calls them outside of a run.

        Before that, a field that is an environment variable holds the variable's name, and not its value.
        """
        import dagster as dg

        with dg.build_resources(self.roles()) as resources:  # no role has anything to tear down
            return replace(self, **{name: getattr(resources, name) for name in ROLES})


@cache
def settings() -> Settings:
    """The settings of this process, read once; `.env.example` lists them."""
    return read_settings(os.environ)


def local(settings: Settings) -> Deployment:
    """Everything on one machine: embedded PostgreSQL, a directory as the lake, Spark in the process."""
    from user_behaviour.catalog.postgres import PostgresExternalTables
    from user_behaviour.instance.instance import prepare
    from user_behaviour.lake.local import LocalLake
    from user_behaviour.local.roles import EmbeddedSource, EmbeddedWarehouse
    from user_behaviour.local.stack import Stack
    from user_behaviour.migrations.drift import PostgresDrift
    from user_behaviour.migrations.migrations import MIGRATIONS, Migrations
    from user_behaviour.migrations.users import WarehouseUsers
    from user_behaviour.spark.local import LocalSpark
    from user_behaviour.vendor.local import LocalVendorDrop

    def dagster_environment() -> dict[str, str]:
        template = PACKAGE / "local" / "dagster.yaml"
        return prepare(settings.home / "dagster", template, dagster_url=Stack(settings.home).endpoints().dagster)

    def migrations(warehouse: Warehouse) -> Migrations:
        return Migrations(warehouse, MIGRATIONS / "postgres")

    warehouse = EmbeddedWarehouse(home=str(settings.home))
    return Deployment(
        source=EmbeddedSource(home=str(settings.home)),
        vendor_drop=LocalVendorDrop(directory=str(settings.home / "vendor")),
        lake=LocalLake(root=str(settings.home / "lake")),
        spark=LocalSpark(programs=str(SPARK_JOBS), home=str(settings.home)),
        external_tables=PostgresExternalTables(warehouse=warehouse),
        warehouse=warehouse,
        dagster_environment=dagster_environment,
        ui_url=settings.ui_url,
        code_location="user_behaviour.definitions",
        migrations_of=migrations,
        drift_of=lambda warehouse: PostgresDrift(warehouse, migrations(warehouse)),
        users_of=lambda warehouse: WarehouseUsers(warehouse, rights="schema/warehouse.sql"),  # `up` makes them
    )


def aws(settings: Settings) -> Deployment:
    """The same on AWS: S3, Glue, EMR and Redshift; the source and Dagster's storage are any PostgreSQL, by URL."""
    import dagster as dg

    from user_behaviour.aws.clients import Aws
    from user_behaviour.lake.s3 import S3Lake
    from user_behaviour.migrations.drift import RedshiftDrift
    from user_behaviour.migrations.migrations import MIGRATIONS, Migrations
    from user_behaviour.source.postgres import PostgresSource
    from user_behaviour.vendor.s3 import S3VendorDrop
    from user_behaviour.warehouse.redshift_names import RoleParameter

    if (given := settings.aws) is None:
        raise SettingError("The aws deployment needs settings that were read for it (USER_BEHAVIOUR_DEPLOYMENT=aws).")

    def migrations(warehouse: Warehouse) -> Migrations:
        parameters = {"glue_database": given.glue_database, "iam_role": RoleParameter(given.redshift_iam_role)}
        return Migrations(warehouse, MIGRATIONS / "redshift", parameters=parameters)

    cloud = Aws()
    lake = S3Lake(bucket=given.lake.bucket, prefix=given.lake.prefix, kms_key=given.lake_kms_key, aws=cloud)
    warehouse = _redshift(given, cloud, lake)
    return Deployment(
        source=PostgresSource(url=dg.EnvVar("USER_BEHAVIOUR_SOURCE_URL"), aws=cloud),
        vendor_drop=S3VendorDrop(
            bucket=given.vendor_drop.bucket, prefix=given.vendor_drop.prefix, queue=given.vendor_queue, aws=cloud
        ),
        lake=lake,
        spark=_emr(given, cloud, lake),
        external_tables=_catalog(given, cloud, warehouse, lake=lake),
        warehouse=warehouse,
        dagster_environment=lambda: _dagster_environment(settings.home, given, cloud),
        ui_url=settings.ui_url,
        code_location="user_behaviour",
        migrations_of=migrations,
        drift_of=lambda warehouse: RedshiftDrift(warehouse, migrations(warehouse), glue_database=given.glue_database),
        users_of=lambda warehouse: _redshift_users(given, cloud, warehouse),
    )


def _dagster_environment(home: Path, settings: AwsSettings, cloud: Aws) -> dict[str, str]:
    from user_behaviour.aws.secrets import SecretUrl
    from user_behaviour.instance.instance import prepare

    url = SecretUrl("USER_BEHAVIOUR_DAGSTER_URL", settings.dagster_url, cloud)
    instance = "dagster-ecs.yaml" if settings.run_task else "dagster.yaml"
    return {
        **prepare(home / "dagster", PROJECT_FILES / "deploy" / instance, dagster_url=url()),
        "USER_BEHAVIOUR_DAGSTER_LOG_BUCKET": settings.lake.bucket,
        "USER_BEHAVIOUR_DAGSTER_LOG_PREFIX": f"{settings.lake.prefix}/_logs/dagster".lstrip("/"),
    }


def _redshift(settings: AwsSettings, cloud: Aws, lake: Lake) -> Warehouse:
    """Redshift; a run looks its password up, and no page shows it."""
    import dagster as dg

    from user_behaviour.warehouse.redshift import RedshiftWarehouse

    return RedshiftWarehouse(
        host=settings.redshift_host,
        port=settings.redshift_port,
        database=settings.redshift_database,
        user=settings.redshift_user,
        password=dg.EnvVar("USER_BEHAVIOUR_REDSHIFT_PASSWORD") if settings.redshift_password else "",
        workgroup=settings.redshift_workgroup,
        cluster=settings.redshift_cluster,
        reader_user=settings.redshift_reader_user,
        reader_password=(
            dg.EnvVar("USER_BEHAVIOUR_REDSHIFT_READER_PASSWORD") if settings.redshift_reader_password else ""
        ),
        ca_bundle=settings.redshift_ca_bundle,
        iam_role=settings.redshift_iam_role,
        lake=lake,
        aws=cloud,
    )


def _redshift_users(settings: AwsSettings, cloud: Aws, warehouse: Warehouse) -> WarehouseUsers:
    from user_behaviour.aws.secrets import Secret
    from user_behaviour.migrations.users import WarehouseUsers
    from user_behaviour.warehouse.redshift_names import RoleParameter

    return WarehouseUsers(
        warehouse,
        pipeline=settings.redshift_pipeline_user,
        reader=settings.redshift_reader_user if settings.redshift_reader_password else "",
        reader_password=Secret("USER_BEHAVIOUR_REDSHIFT_READER_PASSWORD", settings.redshift_reader_password, cloud),
        iam_role=RoleParameter(settings.redshift_iam_role),
    )


def _catalog(settings: AwsSettings, cloud: Aws, warehouse: Warehouse, *, lake: Lake) -> ExternalTables:
    """Glue by its API, or Redshift by DDL, as USER_BEHAVIOUR_CATALOG says."""
    from user_behaviour.catalog.glue import GlueExternalTables
    from user_behaviour.catalog.redshift import RedshiftExternalTables

    if settings.catalog == "redshift":
        return RedshiftExternalTables(warehouse=warehouse, lake=lake)
    return GlueExternalTables(database=settings.glue_database, warehouse=warehouse, aws=cloud)


def _emr(settings: AwsSettings, cloud: Aws, lake: Lake) -> SparkRunner:
    """EMR Serverless where an application is set, else steps on the cluster."""
    from user_behaviour.spark.emr_serverless import EmrServerlessSpark
    from user_behaviour.spark.emr_steps import EmrStepsSpark

    shared: dict[str, Any] = {"programs": str(SPARK_JOBS), "lake": lake, "aws": cloud}
    shared |= {"role": settings.emr_role, "minutes": settings.spark_minutes}
    if settings.emr_application:
        return EmrServerlessSpark(application=settings.emr_application, **shared)
    return EmrStepsSpark(cluster=settings.emr_cluster, **shared)


def deployment(settings: Settings) -> Deployment:
    """The deployment that the settings name."""
    return {"local": local, "aws": aws}[settings.deployment](settings)


def embedded_stack(settings: Settings) -> Stack | None:
    """The embedded servers of the deployment that the settings name; None where it has none."""
    from user_behaviour.local.stack import Stack

    return Stack(settings.home) if settings.deployment == "local" else None
