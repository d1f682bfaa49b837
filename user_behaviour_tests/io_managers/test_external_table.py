"""The external table IO manager, used by a foreign project: it registers the days that the lake has, and no others."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from user_behaviour.catalog.external_tables import Registration
from user_behaviour.catalog.postgres import PostgresExternalTables
from user_behaviour.io_managers.external_table import ExternalTableIOManager
from user_behaviour.io_managers.lake import LakeIOManager
from user_behaviour.lake.locations import Locations
from user_behaviour.local.stack import Stack
from user_behaviour.recipes import ExternalPartitions, RegisteredPartitions
from user_behaviour.tables.days import DayRange, days_of
from user_behaviour.warehouse.postgres import PostgresWarehouseByUrl
from user_behaviour.warehouse.warehouse import Warehouse
from user_behaviour_tests.io_managers.greenhouse import (
    DAYS,
    MON,
    READINGS,
    TUE,
    WED,
    Greenhouse,
    declared,
    metadata_by_day,
    rows,
)
from user_behaviour_tests.io_managers.windows import SUN, WEEK, WEEKS

NAME = "spectrum.reading"
SEEN: dict[str, Any] = {}


@dg.asset(**declared(READINGS))
def readings(context: dg.AssetExecutionContext) -> pa.Table:
    one_each = [rows((day.strftime("%a"), None, None), day=day) for day in days_of(context.partition_keys)]
    return pa.concat_tables([*one_each, *one_each]).filter(pa.compute.not_equal(pa.compute.field("sensor"), "Wed"))


@dg.asset(**{**declared(READINGS, name=NAME), "io_manager_key": "external"})
def external(readings: Locations) -> ExternalPartitions:
    return ExternalPartitions(of=readings)


@dg.asset(partitions_def=DAYS)
def reader(external: RegisteredPartitions) -> None:
    SEEN["given"] = external


@pytest.fixture
def warehouse(stack: Stack) -> Iterator[Warehouse]:
    warehouse = PostgresWarehouseByUrl(url=stack.endpoints().warehouse)
    columns = "sensor varchar(6), celsius decimal(5, 2), watered boolean, batch_id varchar(64), measured_on date"
    warehouse.transaction(lambda cursor: cursor.execute(f"create table {NAME} ({columns})"))
    yield warehouse
    warehouse.transaction(lambda cursor: cursor.execute(f"drop table {NAME}"))
    forget = f"delete from spectrum.registered_partition where table_name = '{NAME}'"
    warehouse.transaction(lambda cursor: cursor.execute(forget))


@dg.asset(name="external", **{**declared(READINGS, name=NAME), "io_manager_key": "external", "partitions_def": WEEKS})
def weekly(readings: Locations) -> ExternalPartitions:
    return ExternalPartitions(of=readings)


def run(
    greenhouse: Greenhouse, warehouse: Warehouse, last: date, *, select: str, first: date = MON, by_week: bool = False
) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [readings, weekly] if by_week else [readings, external, reader],
        resources={
            "files": LakeIOManager(lake=greenhouse.lake),
            "external": ExternalTableIOManager(
                lake=greenhouse.lake, external_tables=PostgresExternalTables(warehouse=warehouse)
            ),
        },
        instance=greenhouse.instance,
        tags=DayRange(first, last).tags(),
        selection="*" if select == "*" else select.split(),
    )


def test_days_are_registered_and_given_as_batches(greenhouse: Greenhouse, warehouse: Warehouse) -> None:
    result = run(greenhouse, warehouse, WED, select="*")

    dataset, batch = greenhouse.lake.dataset(READINGS), result.run_id
    by_day = {
        day: Registration(day, f"{greenhouse.lake.uri(dataset.batch_directory(day, batch))}/", batch, rows)
        for day, rows in ((MON, 2), (TUE, 2), (WED, 0))
    }
    assert SEEN["given"] == RegisteredPartitions(replace(READINGS, name=NAME, description=""), by_day, {})
    counts = {day: found["dagster/partition_row_count"] for day, found in metadata_by_day(result, "external").items()}
    assert counts == {"2024-03-04": 2, "2024-03-05": 2, "2024-03-06": 0}
    shown = warehouse.rows(f"select sensor, measured_on from {NAME} order by measured_on")
    assert [tuple(row.values()) for row in shown] == [("Mon", MON)] * 2 + [("Tue", TUE)] * 2


def test_a_day_whose_rows_do_not_fit_the_table_is_held_back_and_the_others_are_registered(
    greenhouse: Greenhouse, warehouse: Warehouse
) -> None:
    """A text that is too long for the table once kept all days of its run from being registered."""
    run(greenhouse, warehouse, WED, select="readings")
    with greenhouse.lake.dataset(READINGS).write(TUE, "nul") as writer:
        writer.write(rows(("nul\0", None, None)).to_batches()[0])
        manifest = writer.manifest(as_of="2100-01-01T00:00:00.000000Z")
    greenhouse.lake.dataset(READINGS).publish(manifest)

    result = run(greenhouse, warehouse, WED, select="external")

    assert set(metadata_by_day(result, "external")) == {"2024-03-04", "2024-03-06"}
    (said,) = [e.user_message for e in greenhouse.instance.all_logs(result.run_id) if "held back" in e.user_message]
    assert said.startswith(
        f"2024-03-05 of external is held back: {NAME}, 2024-03-05: sensor is 'nul\\x00'; no database"
    )


def test_days_that_the_lake_lacks_are_held_back_and_downstream_is_told(
    greenhouse: Greenhouse, warehouse: Warehouse
) -> None:
    run(greenhouse, warehouse, MON, select="readings")

    result = run(greenhouse, warehouse, TUE, select="external reader")

    assert set(metadata_by_day(result, "external")) == {"2024-03-04"}
    assert set(SEEN["given"].by_day) == {MON}
    assert str(SEEN["given"].missing[TUE]) == (
        f"Partition 2024-03-05 of {NAME} is not registered; materialise it first."
    )


def test_a_week_is_registered_when_all_its_days_are_there_and_none_of_it_before(
    greenhouse: Greenhouse, warehouse: Warehouse
) -> None:
    """Of a week the first day alone was registered, and the run was green."""
    run(greenhouse, warehouse, WEEK[-2], select="readings", first=SUN)
    with pytest.raises(dg.Failure, match="Partition 2024-03-09 of readings is not in the lake"):
        run(greenhouse, warehouse, SUN, select="external", first=SUN, by_week=True)
    before = warehouse.rows(f"select * from {NAME}")

    run(greenhouse, warehouse, WEEK[-1], select="readings", first=WEEK[-1])
    result = run(greenhouse, warehouse, SUN, select="external", first=SUN, by_week=True)

    assert before == []
    shown = warehouse.rows(f"select distinct measured_on from {NAME} order by measured_on")
    assert [row["measured_on"] for row in shown] == [day for day in WEEK if day != WED]
    ((week, found),) = metadata_by_day(result, "external").items()
    assert (week, found["dagster/partition_row_count"]) == ("2024-03-03", 12)
