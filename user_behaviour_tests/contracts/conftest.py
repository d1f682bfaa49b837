"""The twins that a contract is put to: each test runs on every one. A new twin is a new parameter here."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from user_behaviour.aws.clients import Aws
from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.lake import Lake
from user_behaviour.lake.local import LocalLake
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.local.stack import Stack
from user_behaviour.source.database import SourceDatabase
from user_behaviour.source.postgres import PostgresSource
from user_behaviour.warehouse.postgres import PostgresWarehouseByUrl
from user_behaviour.warehouse.warehouse import Warehouse, WarehouseDataError
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.cloud.redshift import RedshiftStandIn
from user_behaviour_tests.cloud.redshift_warehouse import warehouse_on
from user_behaviour_tests.contracts.test_dataset import PARCELS

CONFLICTS = {"postgres": ("40001", "40P01"), "redshift": ("1023", "conflict", "oid", "deadlock")}


@pytest.fixture(params=["local", "s3"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    """An empty lake."""
    if request.param == "local":
        return LocalLake(root=str(tmp_path / "lake"))
    cloud: Cloud = request.getfixturevalue("cloud")
    return S3Lake(aws=cloud.aws, bucket=cloud.bucket(), prefix="lake/v1")


@pytest.fixture
def dataset(lake: Lake) -> Dataset:
    return lake.dataset(PARCELS)


@pytest.fixture
def url(stack: Stack) -> str:
    """A database that the test may write to."""
    return stack.endpoints().shop


@pytest.fixture
def source(url: str) -> SourceDatabase:
    return PostgresSource(url=url, aws=Aws())


@dataclass(frozen=True)
class WarehouseTwin:
    """A warehouse, and what a test has to know of it.

    `meet` lets the cursor's transaction end in one of the twin's CONFLICTS; `refusal` is what a load ends with whose
    values do not fit; `left_behind` what loading and unloading have left; `told` what a session says of itself.
    """

    warehouse: Warehouse
    meet: Callable[[Any, str], None]
    refusal: type[Exception]
    left_behind: Callable[[], Sequence[object]]
    told: Callable[[Warehouse], str]


@pytest.fixture
def postgres(stack: Stack) -> WarehouseTwin:
    warehouse = PostgresWarehouseByUrl(url=stack.endpoints().warehouse)
    running = "select query from pg_stat_activity where query like 'copy (select a.id%'"
    told = "select current_setting('application_name') as name"
    return WarehouseTwin(
        warehouse,
        meet=lambda cursor, code: cursor.execute(f"do $$ begin raise exception 'met' using errcode = '{code}'; end $$"),
        refusal=psycopg2.errors.StringDataRightTruncation,
        left_behind=lambda: warehouse.rows(running),
        told=lambda warehouse: str(warehouse.rows(told)[0]["name"]),
    )


@pytest.fixture
def on_redshift(redshift: RedshiftStandIn, cloud: Cloud) -> WarehouseTwin:
    lake = S3Lake(aws=cloud.aws, bucket=cloud.bucket(), prefix="lake")

    def meet(cursor: Any, error: str) -> None:
        redshift.faults.fail_next(matching="select 'meet'", error=error)
        cursor.execute("select 'meet'")

    return WarehouseTwin(
        warehouse_on(redshift, lake),
        meet=meet,
        refusal=WarehouseDataError,
        left_behind=lambda: lake.list("exchange"),
        told=lambda warehouse: str(warehouse.rows("show query_group")[0].popitem()[1]),
    )


@pytest.fixture(params=["postgres", "redshift"])
def twin(request: pytest.FixtureRequest) -> WarehouseTwin:
    found: WarehouseTwin = request.getfixturevalue("postgres" if request.param == "postgres" else "on_redshift")
    return found


@pytest.fixture
def warehouse(twin: WarehouseTwin) -> Warehouse:
    return twin.warehouse


@pytest.fixture
def notes(warehouse: Warehouse) -> Iterator[str]:
    """An empty table."""
    create = "create table notes (id int, body varchar(200), price decimal(8, 3), yes boolean)"
    warehouse.transaction(lambda cursor: cursor.execute(create))
    yield "notes"
    warehouse.transaction(lambda cursor: cursor.execute("drop table notes"))
