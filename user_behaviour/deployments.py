"""THE seam: where the assets run. `local()` and `aws()` stand side by side, with the same fields in the same order.

The only reader of the environment. Light: products are imported when a deployment is made, not before.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from user_behaviour.resources.external_tables import ExternalTables
    from user_behaviour.resources.lake import Lake
    from user_behaviour.resources.source_database import SourceDatabase
    from user_behaviour.resources.spark import SparkRunner
    from user_behaviour.resources.vendor_drop import VendorDrop
    from user_behaviour.resources.warehouse import Warehouse
    from user_behaviour.review_landing import LandingLimits

CHECKOUT = Path(__file__).resolve().parents[1]
SPARK_JOBS = CHECKOUT / "spark_jobs"


class SettingError(ValueError):
    """A setting of the environment cannot be used."""


@dataclass(frozen=True)
class Settings:
    """What the environment says. `home` holds all state of the local deployment; `last_day` None: open."""

    deployment: str
    home: Path
    first_day: date
    last_day: date | None
    bad_row_share: float
    file_bytes: int


@dataclass(frozen=True)
class Deployment:
    """A twin of every role."""

    source: SourceDatabase
    vendor_drop: VendorDrop
    lake: Lake
    spark: SparkRunner
    external_tables: ExternalTables
    warehouse: Warehouse
    limits: LandingLimits


@cache
def settings() -> Settings:
    """The settings of this process, read once; `.env.example` lists them."""
    return read_settings(os.environ)


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings that an environment holds; an empty value is none. Raises `SettingError`."""

    def value(name: str, default: str) -> str:
        return environ.get(f"USER_BEHAVIOUR_{name}") or default

    def day(name: str, default: str) -> date:
        try:
            return date.fromisoformat(value(name, default))
        except ValueError:
            raise SettingError(
                f"USER_BEHAVIOUR_{name} is {value(name, default)!r}; write a day as 2010-12-01."
            ) from None

    def number(name: str, default: str, *, least: float, most: float) -> float:
        try:
            found = float(value(name, default))
        except ValueError:
            found = nan
        if not least <= found <= most:
            raise SettingError(
                f"USER_BEHAVIOUR_{name} is {value(name, default)!r}; write a number from {least:g} to {most:g}."
            )
        return found

    first_day = day("FIRST_DAY", "2010-12-01")
    last_day = day("LAST_DAY", "") if value("LAST_DAY", "") else None
    if last_day and last_day < first_day:
        raise SettingError(
            f"USER_BEHAVIOUR_LAST_DAY is '{last_day}'; before the first day, {first_day}: write a later one."
        )
    return Settings(
        deployment=value("DEPLOYMENT", "local"),
        home=Path(value("HOME", str(CHECKOUT / ".user_behaviour"))).expanduser().absolute(),
        first_day=first_day,
        last_day=last_day,
        bad_row_share=number("BAD_ROW_SHARE", "0.01", least=0, most=1),
        file_bytes=int(number("FILE_BYTES", str(1 << 30), least=1, most=1 << 50)),
    )


def local(settings: Settings) -> Deployment:
    """Everything on one machine: embedded PostgreSQL, a directory as the lake, Spark in the process."""
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
