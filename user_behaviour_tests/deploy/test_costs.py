"""The bill of deploy/costs.py is that of deploy/template.yaml: its amounts are worked out again from the template."""

import math
import runpy
from typing import Any

from user_behaviour_tests.deploy.test_template import DEPLOY, template

COSTS = runpy.run_path(str(DEPLOY / "costs.py"))


def _gigabytes(memory: str) -> int:
    """What a worker is charged for: Spark's memory and its overhead of 10 %, in whole GB."""
    return math.ceil(int(memory.removesuffix("g")) * 1.1)


def _default(parameter: str) -> float:
    return float(template()["Parameters"][parameter]["Default"])


def _properties(logical: str) -> dict[str, Any]:
    return dict(template()["Resources"][logical]["Properties"])


def test_the_amounts_are_those_of_the_template() -> None:
    spark = _properties("SparkApplication")["RuntimeConfiguration"][0]["Properties"]
    begins = max(int(spark[f"spark.{name}"]) for name in ("executor.instances", "dynamicAllocation.initialExecutors"))
    assert spark["spark.driver.cores"] == spark["spark.executor.cores"]
    assert spark["spark.driver.memory"] == spark["spark.executor.memory"]
    services = [_properties(f"{name}TaskDefinition") for name in ("Code", "Daemon", "Web")]
    found = {
        "workers": 1 + begins,  # one more: the driver
        "workers, most": 1 + int(spark["spark.dynamicAllocation.maxExecutors"]),
        "worker vCPU": int(spark["spark.executor.cores"]),
        "worker memory": _gigabytes(spark["spark.executor.memory"]),
        "base capacity": _default("RedshiftBaseCapacity"),
        "run's vCPU": _default("RunCpu") / 1024,
        "run's memory": _default("RunMemory") / 1024,
        "services' vCPU": sum(int(one["Cpu"]) for one in services) / 1024,
        "services' memory": sum(int(one["Memory"]) for one in services) / 1024,
    }
    assert {name: COSTS["AMOUNTS"][name].value for name in found} == found


def test_all_workers_of_a_job_fit_the_application() -> None:
    amounts = COSTS["AMOUNTS"]
    assert amounts["workers, most"].value * amounts["worker vCPU"].value <= _default("EmrMaximumVcpu")
    assert amounts["workers, most"].value * amounts["worker memory"].value <= _default("EmrMaximumMemory")


def test_the_budget_does_not_warn_of_an_ordinary_month() -> None:
    month = sum(line.usd for line in COSTS["a_month"]())
    actual, forecast = (one["Notification"] for one in _properties("Budget")["NotificationsWithSubscribers"])
    assert min(actual["Threshold"], forecast["Threshold"]) == 80
    assert month < 0.8 * _default("MonthlyBudget")
