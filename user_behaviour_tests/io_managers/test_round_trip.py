"""What goes in comes out: generated tables through every IO manager, into every store, as each kind of value."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from user_behaviour.io_managers.lake import LakeIOManager
from user_behaviour.io_managers.partitioned import Input, Output, PartitionedIOManager
from user_behaviour.io_managers.warehouse import WarehouseIOManager
from user_behaviour.lake.lake import Lake
from user_behaviour.lake.local import LocalLake
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.tables.table import Table
from user_behaviour.warehouse.redshift import RedshiftWarehouse
from user_behaviour.warehouse.warehouse import Warehouse
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.io_managers.conftest import Twin
from user_behaviour_tests.io_managers.generated_tables import DAYS, NAME, MadeUp, expected, made_up, rows_of

pytestmark = pytest.mark.search

KINDS: dict[str, tuple[Callable[[MadeUp], Any], type]] = {
    "arrow": (MadeUp.arrow, pa.Table),
    "stream": (MadeUp.stream, pa.RecordBatchReader),
    "pandas": (MadeUp.frame, pd.DataFrame),
}


ONE_OF_THEM = st.sampled_from(sorted(KINDS))


def comes_out_as_it_went_in(made: MadeUp, into: str, out: str, *managers: PartitionedIOManager) -> None:
    """All days go in at once, by the first; the days from the second on come out, by each."""
    done = managers[0].write(
        Output("test", made.table, {str(day): [day] for day in DAYS}, secrets.token_hex(8), ()), KINDS[into][0](made)
    )

    assert done.held_back == {}
    for manager in managers:
        found = manager.read(Input("test", made.table, DAYS[1:], KINDS[out][1]))
        assert rows_of(found) == expected(made.rows, DAYS[1:])


@pytest.fixture(params=["local", "s3"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    if request.param == "local":
        return LocalLake(root=str(tmp_path))
    cloud: Cloud = request.getfixturevalue("cloud")
    return S3Lake(aws=cloud.aws, bucket=cloud.bucket(), prefix="lake")


@given(made=made_up(), into=ONE_OF_THEM, out=ONE_OF_THEM)
def test_a_lake_gives_what_it_took(lake: Lake, made: MadeUp, into: str, out: str) -> None:
    comes_out_as_it_went_in(made, into, out, LakeIOManager(lake=lake))


def create(warehouse: Warehouse, table: Table) -> None:
    """Makes the table anew, as its owner would: quoted by hand."""
    binary = "varbyte" if isinstance(warehouse, RedshiftWarehouse) else "bytea"

    def work(cursor: Any) -> None:
        columns = [(c.name, c.type.replace("binary", binary), "" if c.nullable else " not null") for c in table.columns]
        defined = ", ".join('"{}" {}{}'.format(name.replace('"', '""'), *rest) for name, *rest in columns)
        cursor.execute(f"drop table if exists {NAME}")
        cursor.execute(f"create table {NAME} ({defined}, {table.partition_column} date not null)")

    warehouse.transaction(work)


@pytest.fixture
def warehouses(twin: Twin) -> Iterator[list[Warehouse]]:
    """The twin's warehouse; for Redshift also one whose every result leaves by UNLOAD."""
    unloading = twin.warehouse.model_copy(update={"unload_above": -1})
    yield [twin.warehouse, unloading] if isinstance(twin.warehouse, RedshiftWarehouse) else [twin.warehouse]
    twin.warehouse.transaction(lambda cursor: cursor.execute(f"drop table if exists {NAME}"))
    forget = f"delete from audit.published_partition where table_name = '{NAME}'"
    twin.warehouse.transaction(lambda cursor: cursor.execute(forget))


@given(made=made_up(), into=ONE_OF_THEM, out=ONE_OF_THEM)
def test_a_warehouse_gives_what_it_took(warehouses: list[Warehouse], made: MadeUp, into: str, out: str) -> None:
    create(warehouses[0], made.table)

    comes_out_as_it_went_in(made, into, out, *(WarehouseIOManager(warehouse=warehouse) for warehouse in warehouses))
