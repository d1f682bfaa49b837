"""THE seam: where the assets run. `local()` and `aws()` stand side by side, with the same fields in the same order.

The only reader of the environment. Light: products are imported when a deployment is made, not before.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from user_behaviour.settings import CHECKOUT, AwsSettings, SettingError, Settings, read_settings

if TYPE_CHECKING:
    from user_behaviour.aws.clients import Aws
    from user_behaviour.catalog.external_tables import ExternalTables
    from user_behaviour.lake.lake import Lake
    from user_behaviour.local.stack import Stack
    from user_behaviour.migrations.drift import Drift
    from user_behaviour.migrations.migrations import Migrations
    from user_behaviour.source.database import SourceDatabase
    from user_behaviour.spark.spark import SparkRunner
    from user_behaviour.vendor.drop import VendorDrop
    from user_behaviour.vendor.landing import LandingLimits
    from user_behaviour.warehouse.redshift_connection import RedshiftConnection
    from user_behaviour.warehouse.warehouse import Warehouse

SPARK_JOBS = CHECKOUT / "spark_jobs"
MIGRATIONS = CHECKOUT / "sql" / "migrations"


@dataclass(frozen=True)
class Deployment:
    """A twin of every role, and what runs and maintains it: the environment of Dagster's processes, the migrations."""

    source: SourceDatabase
    vendor_drop: VendorDrop
    lake: Lake
    spark: SparkRunner
    external_tables: ExternalTables
    warehouse: Warehouse
    limits: LandingLimits
    dagster_environment: Callable[[], dict[str, str]]
    migrations: Migrations
    drift: Drift


@cache
def settings() -> Settings:
    """The settings of this process, read once; `.env.example` lists them."""
    return read_settings(os.environ)


def local(settings: Settings) -> Deployment:
    """Everything on one machine: embedded PostgreSQL, a directory as the lake, Spark in the process."""
    from user_behaviour.catalog.postgres import WarehouseExternalTables
    from user_behaviour.instance.instance import prepare
    from user_behaviour.lake.local import LocalLake
    from user_behaviour.local.stack import Stack
    from user_behaviour.migrations.drift import PostgresDrift
    from user_behaviour.migrations.migrations import Migrations
    from user_behaviour.source.database import SourceDatabase
    from user_behaviour.spark.java import java_home
    from user_behaviour.spark.local import LocalSpark
    from user_behaviour.spark.local_config import SPARK_CONFIG
    from user_behaviour.vendor.landing import LandingLimits
    from user_behaviour.vendor.local import LocalVendorDrop
    from user_behaviour.warehouse.postgres import PostgresWarehouse

    def dagster_environment() -> dict[str, str]:
        template = CHECKOUT / "user_behaviour" / "local" / "dagster.yaml"
        return prepare(settings.home / "dagster", template, dagster_url=stack.endpoints().dagster)

    stack = Stack(settings.home)
    warehouse = PostgresWarehouse(lambda: stack.endpoints().warehouse)
    migrations = Migrations(warehouse, MIGRATIONS / "postgres")
    return Deployment(
        source=SourceDatabase(lambda: stack.endpoints().shop),
        vendor_drop=LocalVendorDrop(settings.home / "vendor"),
        lake=LocalLake(settings.home / "lake"),
        spark=LocalSpark(
            SPARK_JOBS, java_home=lambda: java_home(settings.home, environ=os.environ), config=SPARK_CONFIG
        ),
        external_tables=WarehouseExternalTables(warehouse),
        warehouse=warehouse,
        limits=LandingLimits(settings.bad_row_share, settings.file_bytes),
        dagster_environment=dagster_environment,
        migrations=migrations,
        drift=PostgresDrift(warehouse, migrations),
    )


def aws(settings: Settings) -> Deployment:
    """The same on AWS: S3, Glue, EMR and Redshift; the source and Dagster's storage are any PostgreSQL, by URL."""
    from user_behaviour.aws.clients import Aws
    from user_behaviour.aws.secrets import SecretUrl
    from user_behaviour.instance.instance import prepare
    from user_behaviour.lake.s3 import S3Lake
    from user_behaviour.migrations.drift import RedshiftDrift
    from user_behaviour.migrations.migrations import Migrations
    from user_behaviour.source.database import SourceDatabase
    from user_behaviour.vendor.landing import LandingLimits
    from user_behaviour.vendor.s3 import S3VendorDrop
    from user_behaviour.warehouse.redshift import RedshiftWarehouse
    from user_behaviour.warehouse.redshift_names import RoleParameter

    if (its := settings.aws) is None:
        raise SettingError("The aws deployment needs settings that were read for it (USER_BEHAVIOUR_DEPLOYMENT=aws).")

    def dagster_environment() -> dict[str, str]:
        template = CHECKOUT / "deploy" / "dagster.yaml"
        return {
            **prepare(settings.home / "dagster", template, dagster_url=dagster_url()),
            "USER_BEHAVIOUR_DAGSTER_LOG_BUCKET": its.lake.bucket,
            "USER_BEHAVIOUR_DAGSTER_LOG_PREFIX": f"{its.lake.prefix}/_logs/dagster".lstrip("/"),
        }

    cloud = Aws()
    dagster_url = SecretUrl("USER_BEHAVIOUR_DAGSTER_URL", its.dagster_url, cloud)
    lake = S3Lake(cloud, its.lake.bucket, its.lake.prefix, kms_key=its.lake_kms_key or None)
    warehouse = RedshiftWarehouse(_redshift(its, cloud), lake, iam_role=its.redshift_iam_role)
    parameters = {"glue_database": its.glue_database, "iam_role": RoleParameter(its.redshift_iam_role)}
    migrations = Migrations(warehouse, MIGRATIONS / "redshift", parameters=parameters)
    return Deployment(
        source=SourceDatabase(SecretUrl("USER_BEHAVIOUR_SOURCE_URL", its.source_url, cloud)),
        vendor_drop=S3VendorDrop(cloud, its.vendor_drop.bucket, its.vendor_drop.prefix),
        lake=lake,
        spark=_emr(its, cloud, lake),
        external_tables=_catalog(its, cloud, warehouse, lake=lake),
        warehouse=warehouse,
        limits=LandingLimits(settings.bad_row_share, settings.file_bytes),
        dagster_environment=dagster_environment,
        migrations=migrations,
        drift=RedshiftDrift(warehouse, migrations, glue_database=its.glue_database),
    )


def _redshift(its: AwsSettings, cloud: Aws) -> RedshiftConnection:
    """How to log in: by the one of password, workgroup and cluster that is set."""
    import certifi

    from user_behaviour.aws.secrets import Secret
    from user_behaviour.warehouse.redshift_connection import (
        ClusterCredentials,
        Credentials,
        Password,
        RedshiftConnection,
        ServerlessCredentials,
    )

    credentials: Credentials
    if its.redshift_password:
        password = Secret("USER_BEHAVIOUR_REDSHIFT_PASSWORD", its.redshift_password, cloud)
        credentials = Password(its.redshift_user, password)
    elif its.redshift_workgroup:
        credentials = ServerlessCredentials(cloud, its.redshift_workgroup)
    else:
        credentials = ClusterCredentials(cloud, its.redshift_cluster, its.redshift_user)
    return RedshiftConnection(
        host=its.redshift_host,
        database=its.redshift_database,
        credentials=credentials,
        ca_bundle=Path(its.redshift_ca_bundle or certifi.where()),
        port=its.redshift_port,
    )


def _catalog(its: AwsSettings, cloud: Aws, warehouse: Warehouse, *, lake: Lake) -> ExternalTables:
    """Glue by its API, or Redshift by DDL, as is set."""
    from user_behaviour.catalog.glue import GlueExternalTables
    from user_behaviour.catalog.redshift import RedshiftExternalTables

    if its.catalog == "redshift":
        return RedshiftExternalTables(warehouse, lake)
    return GlueExternalTables(cloud, database=its.glue_database, warehouse=warehouse)


def _emr(its: AwsSettings, cloud: Aws, lake: Lake) -> SparkRunner:
    """The one of application and cluster that is set."""
    from user_behaviour.spark.emr_serverless import EmrServerlessSpark
    from user_behaviour.spark.emr_steps import EmrStepsSpark

    if its.emr_application:
        return EmrServerlessSpark(
            cloud, SPARK_JOBS, lake, application=its.emr_application, role=its.emr_role, minutes=its.spark_minutes
        )
    return EmrStepsSpark(
        cloud, SPARK_JOBS, lake, cluster=its.emr_cluster, minutes=its.spark_minutes, role=its.emr_role or None
    )


DEPLOYMENTS = {"local": local, "aws": aws}


def deployment(settings: Settings) -> Deployment:
    """The deployment that the settings name."""
    try:
        make = DEPLOYMENTS[settings.deployment]
    except KeyError:
        raise SettingError(
            f"Deployment {settings.deployment!r} is unknown; choose one of: {', '.join(sorted(DEPLOYMENTS))} "
            "(USER_BEHAVIOUR_DEPLOYMENT)."
        ) from None
    return make(settings)


def embedded_stack(settings: Settings) -> Stack | None:
    """The embedded servers of the deployment that the settings name; None where it has none."""
    from user_behaviour.local.stack import Stack

    return Stack(settings.home) if settings.deployment == "local" else None
