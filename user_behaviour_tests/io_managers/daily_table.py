"""A table of the greenhouse's warehouse, and the one asset that fills it in the tests of the warehouse IO manager."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

import pyarrow as pa

from user_behaviour.catalog.external_tables import Registration
from user_behaviour.lake.held_back import MissingPartitionError
from user_behaviour.recipes import RegisteredPartitions, ReplaceDays
from user_behaviour.tables.table import Column, Table
from user_behaviour.warehouse.warehouse import Warehouse
from user_behaviour_tests.io_managers.greenhouse import BATCH, MON, TUE, WED, Greenhouse, rows
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
PLANTS = Table("plants", "", columns=(Column("name", "varchar(6)", ""), BATCH), partition_column="planted_on")
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
    execute(warehouse, "create table plants (name varchar(6), batch_id varchar(64), planted_on date)")
    yield
    execute(warehouse, f"drop table {NAME}")
    execute(warehouse, "drop table source_day")
    execute(warehouse, "drop table plants")
    execute(warehouse, f"delete from audit.published_partition where table_name = '{NAME}'")


asset = partial(readings, name="daily", table=NAME)


def week(days: list[date]) -> pa.Table:
    return pa.concat_tables([BY_DAY[day] for day in days])


def by_sql(
    *, audit: tuple[str, ...] = (), missing: tuple[date, ...] = (), with_plants: tuple[date, ...] = ()
) -> Callable[[list[date]], ReplaceDays]:
    """A recipe that reads the days of `plants`; on those `with_plants` three rows were registered, else none."""

    def recipe(days: list[date]) -> ReplaceDays:
        absent = {day: MissingPartitionError(f"Partition {day} of plants is not registered") for day in missing}
        here = {
            day: Registration(day, f"s3://plants/{day}/", f"batch-of-{day}", rows=3 if day in with_plants else 0)
            for day in days
            if day not in absent
        }
        return ReplaceDays(INSERT, audit, FACTS, (RegisteredPartitions(PLANTS, here, absent),))

    return recipe


def stored(greenhouse: Greenhouse) -> list[tuple[Any, ...]]:
    assert greenhouse.warehouse
    sql = f"select sensor, celsius, watered, measured_on from {NAME} order by measured_on, sensor"
    return [tuple(row.values()) for row in greenhouse.warehouse.rows(sql)]


WEEK = [("a", Decimal("20.50"), True, MON), ("", Decimal("-1.00"), False, TUE), ("b", None, None, TUE)]
