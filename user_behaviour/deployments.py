"""THE seam: where the assets run. `local()` and `aws()` stand side by side, with the same fields in the same order.

The only reader of the environment. Light: products are imported when a deployment is made, not before.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from user_behaviour.settings import CHECKOUT, SettingError, Settings, read_settings

if TYPE_CHECKING:
    from user_behaviour.local.stack import Stack
    from user_behaviour.resources.external_tables import ExternalTables
    from user_behaviour.resources.lake import Lake
    from user_behaviour.resources.source_database import SourceDatabase
    from user_behaviour.resources.spark import SparkRunner
    from user_behaviour.resources.vendor_drop import VendorDrop
    from user_behaviour.resources.warehouse import Warehouse
    from user_behaviour.review_landing import LandingLimits

SPARK_JOBS = CHECKOUT / "spark_jobs"


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


@cache
def settings() -> Settings:
    """The settings of this process, read once; `.env.example` lists them."""
    return read_settings(os.environ)


def local(settings: Settings) -> Deployment:
    """Everything on one machine: embedded PostgreSQL, a directory as the lake, Spark in the process."""
    from user_behaviour.dagster_instance import prepare
    from user_behaviour.local.java import java_home
    from user_behaviour.local.spark_config import SPARK_CONFIG
    from user_behaviour.local.stack import Stack
    from user_behaviour.resources.external_tables import WarehouseExternalTables
    from user_behaviour.resources.lake import LocalLake
    from user_behaviour.resources.source_database import SourceDatabase
    from user_behaviour.resources.spark import LocalSpark
    from user_behaviour.resources.vendor_drop import LocalVendorDrop
    from user_behaviour.resources.warehouse import PostgresWarehouse
    from user_behaviour.review_landing import LandingLimits

    def dagster_environment() -> dict[str, str]:
        template = CHECKOUT / "user_behaviour" / "local" / "dagster.yaml"
        return prepare(settings.home / "dagster", template, dagster_url=stack.endpoints().dagster)

    stack = Stack(settings.home)
    warehouse = PostgresWarehouse(lambda: stack.endpoints().warehouse)
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
    )


DEPLOYMENTS = {"local": local}


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
