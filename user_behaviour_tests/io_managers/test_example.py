"""The example of `docs/io-managers.md` does what the page says, on what plays S3 and Redshift and on a laptop."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from user_behaviour.tables.days import DayRange
from user_behaviour.tables.statements import split
from user_behaviour.warehouse.redshift import RedshiftWarehouse
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.io_managers.conftest import Twin
from user_behaviour_tests.io_managers.daily_table import execute

PAGE = (Path(__file__).parents[2] / "docs" / "io-managers.md").read_text(encoding="utf-8")
FEBRUARY = DayRange(date(2024, 2, 1), date(2024, 2, 29))


def blocks(language: str) -> str:
    return "\n".join(re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture
def tables(twin: Twin) -> Iterator[None]:
    """The tables of the page, in the warehouse of the twin."""
    for statement in split(blocks("sql")):
        execute(twin.warehouse, statement)
    yield
    for table in ("public.daily_peak", "public.monthly_watts"):
        execute(twin.warehouse, f"drop table {table}")
        execute(twin.warehouse, f"delete from audit.published_partition where table_name = '{table}'")


@pytest.fixture
def example(on_redshift: Twin, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """What the code of the page defines, on a bucket and a warehouse of the tests."""
    warehouse = on_redshift.warehouse
    assert isinstance(warehouse, RedshiftWarehouse)
    monkeypatch.setenv("LAKE_BUCKET", cloud.bucket())
    for name in ("host", "port", "database", "user", "password"):
        monkeypatch.setenv(f"REDSHIFT_{name.upper()}", str(getattr(warehouse, name)))
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.url)
    monkeypatch.setattr("certifi.where", lambda: warehouse.ca_bundle)  # who signs for the stand-in
    monkeypatch.chdir(tmp_path)
    defined: dict[str, Any] = {}
    exec(blocks("python"), defined)
    return defined


def materialized(
    job: dg.JobDefinition, instance: dg.DagsterInstance, asset: str, **run: Any
) -> dg.AssetMaterialization:
    result = job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey(asset)], **run)
    return result.asset_materializations_for_node(asset)[-1]


@pytest.mark.usefixtures("tables")
def test_days_on_s3_become_weeks_and_months_in_redshift(
    twin: Twin, example: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    defs: dg.Definitions = example["defs"]
    if not isinstance(twin.warehouse, RedshiftWarehouse):
        monkeypatch.setenv("WAREHOUSE_URL", twin.warehouse.dsn())  # type: ignore[attr-defined]
        defs = dg.Definitions(defs.assets, resources=example["on_a_laptop"])
    job = defs.resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        landed = materialized(job, instance, "readings", tags=FEBRUARY.tags())
        week = materialized(job, instance, "daily_peak", partition_key="2024-02-04")
        materialized(job, instance, "monthly_watts", partition_key="2024-02-01")
        highest = materialized(job, instance, "highest", partition_key="2024-02-04")
        value: Any = defs.load_asset_value(
            "monthly_watts", python_type=pa.Table, partition_key="2024-02-01", instance=instance
        )

    assert re.search(r"/readings/insert_date=2024-02-29/[^/]+$", landed.metadata["dagster/uri"].value)
    assert week.metadata["dagster/partition_row_count"].value == 7
    assert highest.metadata["watts"].value == 1000
    assert value.to_pylist() == [{"sensor": "roof", "watts": 43_500, "month": FEBRUARY.first}]
    peaks = twin.warehouse.rows("select insert_date, watts from public.daily_peak order by insert_date")
    sunday = date(2024, 2, 4)
    assert [tuple(row.values()) for row in peaks] == [(sunday + timedelta(n), 100 * (4 + n)) for n in range(7)]
