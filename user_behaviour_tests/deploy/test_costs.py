"""The bill of deploy/costs.py is that of deploy/template.yaml: its amounts are worked out again from the template."""

import math
import runpy
from typing import Any

from user_behaviour_tests.deploy.created_stack import DEPLOY, template

COSTS = runpy.run_path(str(DEPLOY / "costs.py"))


def _default(parameter: str) -> float:
    return float(template()["Parameters"][parameter]["Default"])


def _properties(logical: str) -> dict[str, Any]:
    return dict(template()["Resources"][logical]["Properties"])


def test_the_amounts_are_those_of_the_template() -> None:
    spark = _properties("SparkApplication")["RuntimeConfiguration"][0]["Properties"]
    spark = {name.removeprefix("spark."): value for name, value in spark.items()}
    assert spark["driver.cores"] == spark["executor.cores"]
    assert spark["driver.memory"] == spark["executor.memory"]
    services = [_properties(f"{name}TaskDefinition") for name in ("Code", "Daemon", "Web")]
    found = {
        # Spark begins with the larger of the two; one more is the driver.
        "workers": 1 + max(int(spark["executor.instances"]), int(spark["dynamicAllocation.initialExecutors"])),
        "workers, most": 1 + int(spark["dynamicAllocation.maxExecutors"]),
        "worker vCPU": int(spark["executor.cores"]),
        # Spark's memory and its overhead of 10 %, charged in whole GB.
        "worker memory": math.ceil(int(spark["executor.memory"].removesuffix("g")) * 1.1),
        "base capacity": _default("RedshiftBaseCapacity"),
        "run's vCPU": _default("RunCpu") / 1024,
        "run's memory": _default("RunMemory") / 1024,
        "services' vCPU": sum(int(one["Cpu"]) for one in services) / 1024,
        "services' memory": sum(int(one["Memory"]) for one in services) / 1024,
    }
    assert {name: COSTS["AMOUNTS"][name].value for name in found} == found
    assert found["workers, most"] * found["worker memory"] <= _default("EmrMaximumMemory")


def test_the_budget_does_not_warn_of_an_ordinary_month() -> None:
    thresholds = [one["Notification"]["Threshold"] for one in _properties("Budget")["NotificationsWithSubscribers"]]
    month = sum(line.usd for line in COSTS["a_month"]())
    assert month < min(thresholds) / 100 * _default("MonthlyBudget")
