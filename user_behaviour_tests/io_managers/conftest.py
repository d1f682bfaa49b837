"""The greenhouse of a test: a lake, a Dagster instance in memory, and a warehouse where the test wants one."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from user_behaviour.local.stack import Stack
from user_behaviour.resources.warehouse import PostgresWarehouse
from user_behaviour_tests.io_managers.daily_table import NAME, execute
from user_behaviour_tests.io_managers.greenhouse import Greenhouse


@pytest.fixture
def greenhouse(tmp_path: Path) -> Iterator[Greenhouse]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Greenhouse(tmp_path, instance)


@pytest.fixture
def greenhouse_with_table(tmp_path: Path, stack: Stack) -> Iterator[Greenhouse]:
    """The greenhouse with a warehouse that has its table, and a source of days for its SQL."""
    warehouse = PostgresWarehouse(lambda: stack.endpoints().warehouse)
    columns = "sensor varchar(6) not null, celsius decimal(5, 2), watered boolean, batch_id varchar(64) not null"
    execute(warehouse, f"create table {NAME} ({columns}, measured_on date not null)")
    execute(warehouse, "create table source_day (day date)")
    with dg.DagsterInstance.ephemeral() as instance:
        yield Greenhouse(tmp_path, instance, warehouse)
    execute(warehouse, f"drop table {NAME}")
    execute(warehouse, "drop table source_day")
    execute(warehouse, f"delete from audit.published_partition where table_name = '{NAME}'")
