"""A foreign Dagster project: a greenhouse and its sensors. It shares the IO managers with ours, and nothing else.

Here: its tables, its days, and how the tests run its assets in one process on an instance of their own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa

from user_behaviour.io_managers.lake import LakeIOManager
from user_behaviour.io_managers.warehouse import WarehouseIOManager
from user_behaviour.lake.lake import Lake
from user_behaviour.lake.local import LocalLake
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.table import Column, Table
from user_behaviour.warehouse.warehouse import Warehouse

DAYS = dg.DailyPartitionsDefinition("2024-02-27", end_date="2024-03-10")
MON, TUE, WED, THU = (date(2024, 3, 4) + timedelta(days=n) for n in range(4))

BATCH = Column("batch_id", "varchar(64)", "the batch", nullable=False)
READINGS = Table(
    name="readings",
    description="One row a reading.",
    columns=(
        Column("sensor", "varchar(6)", "which sensor", nullable=False),
        Column("celsius", "decimal(5,2)", "how warm"),
        Column("watered", "boolean", "was there water"),
        BATCH,
    ),
    partition_column="measured_on",
)


def declared(table: Table, *, name: str = "") -> dict[str, Any]:
    """What an asset of the greenhouse declares; `name` is that of its table in the warehouse, if it is there."""
    metadata: dict[str, Any] = {
        "dagster/column_schema": table.dagster_schema(),
        "partition_expr": table.partition_column,
        **({"dagster/table_name": name} if name else {}),
    }
    return {"partitions_def": DAYS, "metadata": metadata, "io_manager_key": "tables" if name else "files"}


def rows(*values: tuple[str, str | None, bool | None], day: date | None = None) -> pa.Table:
    """Readings as the sensors send them; with a day, also as a column."""
    from decimal import Decimal

    table = pa.table(
        {
            "sensor": pa.array([value[0] for value in values], pa.string()),
            "celsius": pa.array([value[1] and Decimal(value[1]) for value in values], pa.decimal128(5, 2)),
            "watered": pa.array([value[2] for value in values], pa.bool_()),
        }
    )
    return table if day is None else table.append_column("measured_on", pa.repeat(pa.scalar(day), len(values)))


def plain(table: pa.Table) -> list[tuple[Any, ...]]:
    """The rows without their batch, each amount as a text: what a test compares."""
    names = [name for name in table.column_names if name != "batch_id"]
    shown = table.select(names).to_pylist()
    return [tuple(str(v) if hasattr(v, "as_tuple") else v for v in row.values()) for row in shown]


@dataclass
class Greenhouse:
    """The project, deployed to a lake and perhaps a warehouse."""

    root: Path
    instance: dg.DagsterInstance
    warehouse: Warehouse | None = None

    @property
    def lake(self) -> Lake:
        return LocalLake(root=str(self.root))

    def run(
        self,
        assets: Sequence[dg.AssetsDefinition],
        first: date,
        last: date | None = None,
        *,
        select: str = "*",
        raise_on_error: bool = True,
    ) -> dg.ExecuteInProcessResult:
        """Materializes a day (by its partition key), or a range of days in one run (by its tags)."""
        resources: dict[str, Any] = {"files": LakeIOManager(lake=self.lake)}
        if self.warehouse:
            resources["tables"] = WarehouseIOManager(warehouse=self.warehouse)
        return dg.materialize(
            assets,
            resources=resources,
            instance=self.instance,
            selection=select,
            raise_on_error=raise_on_error,
            **({"tags": DayRange(first, last).tags()} if last else {"partition_key": first.isoformat()}),
        )

    def materialized(self, asset: str) -> set[str]:
        """The days of an asset that Dagster takes for materialized."""
        return set(self.instance.get_materialized_partitions(dg.AssetKey(asset)))

    def stored(self, day: date, table: Table = READINGS) -> list[tuple[Any, ...]]:
        """The rows of a day's batch in force."""
        dataset = self.lake.dataset(table)
        return plain(pa.Table.from_batches(dataset.read(dataset.current(day)), table.arrow_schema()))


def metadata_by_day(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Mapping[str, Any]]:
    """The metadata values of each day's own materialization."""
    return {
        event.partition or "": {name: value.value for name, value in event.metadata.items()}
        for event in _materializations(result, asset)
    }


def _materializations(result: dg.ExecuteInProcessResult, asset: str) -> Iterator[dg.AssetMaterialization]:
    for event in result.get_asset_materialization_events():
        if event.asset_key == dg.AssetKey(asset):
            yield event.materialization
