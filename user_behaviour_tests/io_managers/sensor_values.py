"""What the assets of the greenhouse return in the tests of the lake IO manager: readings, in every kind of value."""

from collections.abc import Callable
from datetime import date
from typing import Any

import dagster as dg
import pyarrow as pa

from user_behaviour.lake.held_back import HeldBackError
from user_behaviour.recipes import DayBatch, HeldBack, PerDay
from user_behaviour.tables.days import days_of
from user_behaviour_tests.io_managers.greenhouse import MON, READINGS, THU, TUE, WED, declared, rows

MONDAY, TUESDAY, WEDNESDAY = ("a", "20.50", True), ("b", None, None), ("c", "-3.00", False)
BY_DAY = {MON: rows(MONDAY, day=MON), TUE: rows(TUESDAY, day=TUE), WED: rows(WEDNESDAY, day=WED), THU: rows(day=THU)}


def readings(value: Any, *, name: str = "readings", table: str = "") -> dg.AssetsDefinition:
    """An asset that returns the value; a callable is called with the days of the run. `table` is in the warehouse."""

    @dg.asset(name=name, **declared(READINGS, name=table))
    def made(context: dg.AssetExecutionContext) -> Any:
        return value(days_of(context.partition_keys)) if callable(value) else value

    asset: dg.AssetsDefinition = made
    return asset


def week(days: list[date]) -> pa.Table:
    """The readings of the days of a run."""
    return pa.concat_tables([BY_DAY[day] for day in days])


def as_stream(table: pa.Table) -> pa.RecordBatchReader:
    return pa.RecordBatchReader.from_batches(table.schema, iter(table.to_batches()))


def recipe(by_day: dict[date, pa.Table | HeldBackError], *, as_of: str = "2024-04-01T00:00:00.000000Z") -> PerDay:
    """A recipe that gives each day its table, or holds it back."""
    return PerDay(
        HeldBack(day, found) if isinstance(found, HeldBackError) else DayBatch(day, as_of, found.to_batches())
        for day, found in by_day.items()
    )


KINDS: dict[str, Callable[[pa.Table], Any]] = {
    "arrow": lambda table: table,
    "stream": as_stream,
    "pandas": lambda table: table.to_pandas(date_as_object=True),
}
