"""Assembles what Dagster loads; no logic."""

import dagster as dg

from user_behaviour.assets import ASSETS, SOURCES
from user_behaviour.checks import CHECKS
from user_behaviour.deployments import deployment, settings
from user_behaviour.io_managers.external_table import ExternalTableIOManager
from user_behaviour.io_managers.lake import LakeIOManager
from user_behaviour.io_managers.warehouse import WarehouseIOManager

_HERE = deployment(settings())

defs = dg.Definitions(
    assets=[*SOURCES, *ASSETS],
    asset_checks=CHECKS,
    resources={
        "source": _HERE.source,
        "vendor_drop": _HERE.vendor_drop,
        "lake": _HERE.lake,
        "spark": _HERE.spark,
        "external_tables": _HERE.external_tables,
        "warehouse": _HERE.warehouse,
        "limits": _HERE.limits,
        "lake_io_manager": LakeIOManager(_HERE.lake),
        "external_table_io_manager": ExternalTableIOManager(_HERE.lake, _HERE.external_tables),
        "warehouse_io_manager": WarehouseIOManager(_HERE.warehouse),
    },
    executor=dg.in_process_executor,
)
