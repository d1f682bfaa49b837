"""What the assets of the greenhouse return in the tests of the lake IO manager: readings, in every kind of value."""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import date
from typing import Any

import dagster as dg
import pyarrow as pa

from user_behaviour.recipes import DayBatch, PerDay
from user_behaviour.tables.days import days_of
from user_behaviour_tests.io_managers.greenhouse import MON, READINGS, THU, TUE, WED, declared, rows

MONDAY, TUESDAY, WEDNESDAY = ("a", "20.50", True), ("b", None, None), ("c", "-3.00", False)
BY_DAY = {MON: rows(MONDAY, day=MON), TUE: rows(TUESDAY, day=TUE), WED: rows(WEDNESDAY, day=WED), THU: rows(day=THU)}


def readings(value: Any) -> dg.AssetsDefinition:
    """An asset that returns the value; a callable is called with the days of the run."""

    @dg.asset(name="readings", **declared(READINGS))
    def made(context: dg.AssetExecutionContext) -> Any:
        return value(days_of(context.partition_keys)) if callable(value) else value

    asset: dg.AssetsDefinition = made
    return asset


def week(days: list[date]) -> pa.Table:
    """The readings of the days of a run."""
    return pa.concat_tables([BY_DAY[day] for day in days])


def as_stream(table: pa.Table) -> pa.RecordBatchReader:
    return pa.RecordBatchReader.from_batches(table.schema, iter(table.to_batches()))


def recipe(by_day: dict[date, Any]) -> PerDay:
    """A recipe that gives each day its table, or raises its error."""

    def batch_of(day: date) -> DayBatch:
        found = by_day[day]
        if isinstance(found, Exception):
            raise found
        return DayBatch("2024-04-01T00:00:00.000000Z", found.to_batches())

    return PerDay(lambda: nullcontext(batch_of))


KINDS: dict[str, Callable[[pa.Table], Any]] = {
    "arrow": lambda table: table,
    "stream": as_stream,
    "pandas": lambda table: table.to_pandas(date_as_object=True),
}
