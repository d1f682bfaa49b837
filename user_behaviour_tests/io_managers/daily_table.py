"""A table of the greenhouse's warehouse, and the one asset that fills it in the tests of the warehouse IO manager."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

import pyarrow as pa

from user_behaviour.lake.held_back import MissingPartitionError
from user_behaviour.recipes import RegisteredPartitions, ReplaceDays
from user_behaviour.warehouse.warehouse import Warehouse
from user_behaviour_tests.io_managers.greenhouse import MON, TUE, WED, Greenhouse, rows
from user_behaviour_tests.io_managers.sensor_values import readings

NAME = "public.daily_reading"
BY_DAY = {
    MON: rows(("a", "20.50", True), day=MON),
    TUE: rows(("b", None, None), ("", "-1.00", False), day=TUE),
    WED: rows(day=WED),
}
INSERT = f"""insert into {NAME} (sensor, celsius, watered, batch_id, measured_on)
select 'x', 1.00, true, %(batch_id)s, day
from source_day
where day >= %(first_day)s and day < %(end_day)s"""
FACTS = f"""select measured_on, count(*) as readings, sum(celsius) as warmth from {NAME}
where measured_on >= %(first_day)s and measured_on < %(end_day)s group by measured_on"""


def execute(warehouse: Warehouse, sql: str) -> None:
    warehouse.transaction(lambda cursor: cursor.execute(sql))


@contextmanager
def daily_table(warehouse: Warehouse) -> Iterator[None]:
    """The table and a source of days for its SQL, as long as it is entered."""
    columns = "sensor varchar(6) not null, celsius decimal(5, 2), watered boolean, batch_id varchar(64) not null"
    execute(warehouse, f"create table {NAME} ({columns}, measured_on date not null)")
    execute(warehouse, "create table source_day (day date)")
    yield
    execute(warehouse, f"drop table {NAME}")
    execute(warehouse, "drop table source_day")
    execute(warehouse, f"delete from audit.published_partition where table_name = '{NAME}'")


asset = partial(readings, name="daily", table=NAME)


def week(days: list[date]) -> pa.Table:
    return pa.concat_tables([BY_DAY[day] for day in days])


def by_sql(*, audit: tuple[str, ...] = (), missing: tuple[date, ...] = ()) -> Callable[[list[date]], ReplaceDays]:
    def recipe(days: list[date]) -> ReplaceDays:
        absent = {day: MissingPartitionError(f"Partition {day} of plants is not registered") for day in missing}
        here = {day: f"batch-of-{day}" for day in days if day not in absent}
        return ReplaceDays(INSERT, audit, FACTS, (RegisteredPartitions("plants", here, absent),))

    return recipe


def stored(greenhouse: Greenhouse) -> list[tuple[Any, ...]]:
    assert greenhouse.warehouse
    sql = f"select sensor, celsius, watered, measured_on from {NAME} order by measured_on, sensor"
    return [tuple(row.values()) for row in greenhouse.warehouse.rows(sql)]


WEEK = [("a", Decimal("20.50"), True, MON), ("", Decimal("-1.00"), False, TUE), ("b", None, None, TUE)]
