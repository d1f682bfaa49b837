"""The warehouse IO manager keeps what it replaces: a foreign project's recipe, on both warehouses."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from user_behaviour.catalog.external_tables import Registration
from user_behaviour.io_managers.restatement import in_words
from user_behaviour.recipes import RegisteredPartitions, ReplaceDays, RestatementRecord
from user_behaviour_tests.io_managers.conftest import Twin
from user_behaviour_tests.io_managers.daily_table import (
    FACTS,
    INSERT,
    NAME,
    PLANTS,
    asset,
    daily_table,
    execute,
    stored,
)
from user_behaviour_tests.io_managers.greenhouse import MON, TUE, WED, Greenhouse, metadata_by_day

CHANGES = f"""select measured_on, sum(was) as readings_before, sum(is_now) as readings_after from (
    select measured_on, 1 as was, 0 as is_now from rows_before
    union all
    select measured_on, 0 as was, 1 as is_now from {NAME}
    where measured_on >= %(first_day)s and measured_on < %(end_day)s
) as both_rows group by measured_on having sum(was) <> sum(is_now)"""
COLUMNS = "sensor varchar(6), celsius decimal(5, 2), watered boolean, batch_id varchar(64), measured_on date"
TABLES = {
    "public.daily_change": "measured_on date, readings_before int, readings_after int, moment timestamp, "
    "batch_id varchar(64), cause varchar(99)",
    "public.daily_before": f"{COLUMNS}, superseded_at timestamp",
}


@dataclass
class History:
    """A greenhouse whose readings are one a row of `source_day`, and what its recipe was asked the causes of."""

    greenhouse: Greenhouse
    asked: list[Mapping[date, tuple[Mapping[str, str], Mapping[str, str]]]] = field(default_factory=list)

    def recipe(self, days: list[date]) -> ReplaceDays:
        registered = {day: Registration(day, f"s3://plants/{day}/", f"batch-{len(self.asked)}", rows=0) for day in days}
        record = RestatementRecord(CHANGES, "public.daily_change", "public.daily_before", self.causes)
        return ReplaceDays(INSERT, (), FACTS, (RegisteredPartitions(PLANTS, registered, {}),), restatement=record)

    def causes(self, changed: Mapping[date, tuple[Mapping[str, str], Mapping[str, str]]]) -> Mapping[date, str]:
        self.asked.append(changed)
        return dict.fromkeys(changed, "it rained")

    def read(self, *days: date) -> None:
        for day in days:
            execute(self.warehouse, f"insert into source_day values ('{day}')")

    def run(self, first: date, last: date) -> dg.ExecuteInProcessResult:
        return self.greenhouse.run([asset(self.recipe)], first, last)

    @property
    def warehouse(self) -> Any:
        return self.greenhouse.warehouse

    def recorded(self) -> list[tuple[Any, ...]]:
        sql = "select measured_on, readings_before, readings_after, cause from public.daily_change order by moment, 1"
        return [tuple(row.values()) for row in self.warehouse.rows(sql)]

    def kept(self) -> list[tuple[Any, ...]]:
        sql = (
            "select b.measured_on, b.sensor, c.measured_on is not null as is_of_a_change from public.daily_before as b "
            "left join public.daily_change as c on c.measured_on = b.measured_on and c.moment = b.superseded_at "
            "order by 1"
        )
        return [tuple(row.values()) for row in self.warehouse.rows(sql)]


@pytest.fixture
def history(tmp_path: Path, twin: Twin) -> Iterator[History]:
    with daily_table(twin.warehouse), dg.DagsterInstance.ephemeral() as instance:
        for name, columns in TABLES.items():
            execute(twin.warehouse, f"create table {name} ({columns})")
        yield History(Greenhouse(tmp_path, instance, twin.warehouse))
        for name in TABLES:
            execute(twin.warehouse, f"drop table {name}")


def test_only_days_that_were_published_and_changed_are_recorded_with_their_rows_before(history: History) -> None:
    history.read(MON, TUE)
    history.run(MON, TUE)
    assert (history.asked, history.recorded(), history.kept()) == ([], [], [])
    history.run(MON, TUE)
    assert (history.asked, history.recorded(), history.kept()) == ([], [], [])

    history.read(TUE, WED)
    result = history.run(MON, WED)

    assert history.asked == [{TUE: ({"plants": "batch-0"}, {"plants": "batch-0"})}]
    assert history.recorded() == [(TUE, 1, 2, "it rained")]
    assert history.kept() == [(TUE, "x", True)]
    shown = {day: found.get("restated") for day, found in metadata_by_day(result, "daily").items()}
    assert shown == {str(MON): None, str(TUE): "readings 1 → 2: it rained", str(WED): None}
    history.run(MON, WED)
    assert history.recorded() == [(TUE, 1, 2, "it rained")]


def test_when_a_day_was_published_first_stays_known(history: History) -> None:
    sql = f"""select min(first_written_at) as first, max(first_written_at) as last, max(written_at) as written
    from audit.published_partition where table_name = '{NAME}'"""
    history.run(MON, MON)
    (first,) = history.warehouse.rows(sql)
    history.run(MON, MON)
    (again,) = history.warehouse.rows(sql)
    assert first["first"] == first["last"] == first["written"] == again["first"] == again["last"]
    assert again["written"] > first["written"]


def test_a_conflict_leaves_nothing_of_the_first_attempt(history: History, twin: Twin) -> None:
    history.read(MON)
    history.run(MON, MON)
    history.read(MON)
    with twin.conflict():
        history.run(MON, MON)
    assert (history.recorded(), history.kept()) == ([(MON, 1, 2, "it rained")], [(MON, "x", True)])


def test_what_ends_before_its_commit_leaves_nothing(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    history.read(MON)
    history.run(MON, MON)
    history.read(MON)

    def fail(_: object) -> Mapping[date, str]:
        raise OSError("the lake is gone")

    monkeypatch.setattr(history, "causes", fail)
    with pytest.raises(OSError, match="the lake is gone"):
        history.run(MON, MON)
    assert (history.recorded(), history.kept(), len(stored(history.greenhouse))) == ([], [], 1)


def test_of_two_runs_at_once_one_records_the_change(history: History) -> None:
    history.read(MON, TUE)
    history.run(MON, TUE)
    history.read(MON, TUE)

    def run(_: int) -> None:
        with dg.DagsterInstance.ephemeral() as instance:
            greenhouse = replace(history.greenhouse, instance=instance)
            greenhouse.run([asset(history.recipe)], MON, TUE)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, range(2)))
    assert history.recorded() == [(day, 1, 2, "it rained") for day in (MON, TUE)]
    assert history.kept() == [(day, "x", True) for day in (MON, TUE)]


def test_figures_are_written_for_people() -> None:
    row = {"day": MON, "amount_spent_before": Decimal("1234.50000"), "amount_spent_after": Decimal("0.00100")}
    row |= {"customers_before": 1200, "customers_after": 1201, "reviews_before": 1, "reviews_after": 1}
    assert in_words(row) == "amount spent 1,234.50 → 0.00, customers 1,200 → 1,201"
    close = {"amount_before": Decimal("0.00100"), "amount_after": Decimal("0.00200")}
    assert in_words(close) == "amount 0.00100 → 0.00200"
    assert in_words({"reviews_before": 1, "reviews_after": 1}) == "the same sums, of other rows"
