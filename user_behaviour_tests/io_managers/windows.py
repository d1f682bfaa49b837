"""Assets of the greenhouse whose partitions are not days of the usual kind: how they are declared, run and read."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import dagster as dg
import pyarrow as pa

from user_behaviour.io_managers.lake import LakeIOManager
from user_behaviour.tables.days import RANGE_END, RANGE_START, DayRange
from user_behaviour_tests.io_managers.greenhouse import READINGS, Greenhouse, declared, rows

WEEKS = dg.WeeklyPartitionsDefinition("2024-02-25", end_date="2024-03-24")
SUN = date(2024, 3, 3)
WEEK, NEXT_WEEK = DayRange(SUN, SUN + timedelta(6)).days(), DayRange(SUN + timedelta(7), SUN + timedelta(13)).days()


def one_each(days: Sequence[date], sensor: str = "a") -> pa.Table:
    """A reading of the sensor on each of the days."""
    return pa.concat_tables([rows(day=SUN), *(rows((sensor, None, None), day=day) for day in days)])


def asset(definition: dg.PartitionsDefinition | None, value: Any, **named: Any) -> dg.AssetsDefinition:
    """An asset with partitions of that kind that returns the value, or what it gives when it is called."""

    @dg.asset(**{"name": "readings", **declared(READINGS), "partitions_def": definition, **named})
    def made(context: dg.AssetExecutionContext) -> Any:
        return value() if callable(value) else value

    found: dg.AssetsDefinition = made
    return found


def run(
    greenhouse: Greenhouse, assets: Sequence[dg.AssetsDefinition], *keys: str, select: str = "*"
) -> dg.ExecuteInProcessResult:
    """Materializes a partition, the range between two, or, without one, the assets as they are."""
    given: dict[str, Any] = {"tags": {RANGE_START: keys[0], RANGE_END: keys[1]}} if keys[1:] else {}
    return dg.materialize(
        assets,
        resources={"files": LakeIOManager(lake=greenhouse.lake)},
        instance=greenhouse.instance,
        selection=select,
        **(given or ({"partition_key": keys[0]} if keys else {})),
    )


def days_stored(greenhouse: Greenhouse, sensor: str) -> list[date]:
    """The days whose batch in force has a reading of the sensor."""
    dataset = greenhouse.lake.dataset(READINGS)
    found = {day: greenhouse.stored(day) for day in sorted(dataset.days()) if dataset.published(day)}
    return [day for day, readings in found.items() if any(reading[0] == sensor for reading in readings)]


def reader(
    name: str, definition: dg.PartitionsDefinition | None, seen: list[date], *, of: str = "readings", **how: Any
) -> dg.AssetsDefinition:
    """An asset that writes down the days of the rows that it is given."""

    @dg.asset(name=name, partitions_def=definition, ins={"given": dg.AssetIn(of, **how)})
    def made(given: pa.Table) -> None:
        seen.extend(given["measured_on"].to_pylist())

    found: dg.AssetsDefinition = made
    return found
