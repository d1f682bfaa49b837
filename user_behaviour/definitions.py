"""Assembles what Dagster loads; no logic."""

import dagster as dg

from user_behaviour.assets import ASSETS, CLASSIFIER_ASSETS, REPORTS, SOURCES
from user_behaviour.assets.marts import VIEWS
from user_behaviour.checks import CHECK_NAMES, CHECKS
from user_behaviour.deployments import Deployment, deployment, settings
from user_behaviour.io_managers.external_table import ExternalTableIOManager
from user_behaviour.io_managers.lake import LakeIOManager
from user_behaviour.io_managers.warehouse import WarehouseIOManager
from user_behaviour.report.dagster_pages import DagsterPages
from user_behaviour.rules import QuantityRules
from user_behaviour.triggers.jobs import JOBS
from user_behaviour.triggers.schedules import SCHEDULES
from user_behaviour.triggers.sensors import SENSORS

_ASSETS = [*SOURCES, *VIEWS, *dg.with_source_code_references([*CLASSIFIER_ASSETS, *ASSETS, *REPORTS])]


def assemble(deployed: Deployment) -> dg.Definitions:
    """The graph on a deployment; the same graph on each."""
    return dg.Definitions(
        assets=_ASSETS,
        asset_checks=CHECKS,
        jobs=JOBS,
        schedules=SCHEDULES,
        sensors=SENSORS,
        resources={
            **deployed.roles(),
            "quantity_rules": QuantityRules(lake=deployed.lake),
            "dagster_pages": DagsterPages(url=deployed.ui_url, checks=CHECK_NAMES),
            "lake_io_manager": LakeIOManager(lake=deployed.lake),
            "external_table_io_manager": ExternalTableIOManager(
                lake=deployed.lake, external_tables=deployed.external_tables
            ),
            "warehouse_io_manager": WarehouseIOManager(warehouse=deployed.warehouse),
        },
        executor=dg.in_process_executor,
        loggers={"console": dg.colored_console_logger},
    )


defs = assemble(deployment(settings()))
