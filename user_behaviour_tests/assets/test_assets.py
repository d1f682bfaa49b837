"""The assets: what each declares, and the purchases side on a real source and lake."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import dagster as dg
import psycopg2
import pyarrow as pa
import pytest

from user_behaviour.assets import ASSETS, SOURCES
from user_behaviour.assets.landing import moments, raw_purchases, spans_of_lines
from user_behaviour.assets.staging import staged_purchases
from user_behaviour.aws.clients import Aws
from user_behaviour.io_managers.lake import LakeIOManager
from user_behaviour.lake.local import LocalLake
from user_behaviour.local.stack import Stack
from user_behaviour.partitions import BACKFILL, DAILY
from user_behaviour.rules import BUILT_IN, QuantityRule, QuantityRules, RuleFile, Rules
from user_behaviour.source.database import SourceDatabase
from user_behaviour.source.postgres import PostgresSource
from user_behaviour.tables.days import DAYS_PER_RUN, DayRange
from user_behaviour.tables.schemas import RAW_PURCHASES, STAGED_PURCHASES
from user_behaviour.tables.table import Table

FIRST, MIDDLE, LAST = date(2011, 11, 13), date(2011, 11, 14), date(2011, 11, 15)
SPECS = {spec.key.to_user_string(): spec for asset in ASSETS for spec in asset.specs}
SOURCE_SPECS = {spec.key.to_user_string(): spec for spec in SOURCES}


def columns_of(key: str) -> list[str]:
    schema = {**SPECS, **SOURCE_SPECS}[key].metadata["dagster/column_schema"]
    schema = schema.value if isinstance(schema, dg.MetadataValue) else schema
    return [column.name for column in schema.columns]


@pytest.mark.parametrize("key", SPECS)
def test_an_asset_shares_the_days_and_the_backfill_and_tells_what_a_row_is(key: str) -> None:
    """One deviating object, and Dagster would split a backfill into runs that follow each other."""
    (asset,) = (asset for asset in ASSETS if asset.key.to_user_string() == key)
    spec = SPECS[key]

    assert asset.partitions_def is DAILY
    assert asset.backfill_policy is BACKFILL
    assert BACKFILL.max_partitions_per_run == DAYS_PER_RUN
    assert (spec.description or "").startswith("A row is a ")
    assert spec.owners
    # One says what the rows are, one how they are made; none names a product that only one deployment has.
    assert len(spec.kinds & {"parquet", "table", "view"}) >= 1
    assert spec.kinds <= {"parquet", "table", "view", "sql", "python", "spark"}
    assert spec.group_name in ("landing", "staging", "spectrum", "warehouse", "marts")


@pytest.mark.parametrize("key", SPECS)
def test_the_lineage_of_columns_begins_and_ends_at_columns_that_exist(key: str) -> None:
    lineage = SPECS[key].metadata["dagster/column_lineage"]
    lineage = lineage.value if isinstance(lineage, dg.MetadataValue) else lineage
    upstream = {dep.asset_key.to_user_string() for dep in SPECS[key].deps}

    assert set(lineage.deps_by_column) <= set(columns_of(key))
    for origins in lineage.deps_by_column.values():
        assert origins
        for origin in origins:
            assert origin.asset_key.to_user_string() in upstream
            assert origin.column_name in columns_of(origin.asset_key.to_user_string())


def test_data_flows_in_the_order_in_which_the_assets_are_listed() -> None:
    seen = set(SOURCE_SPECS)
    for key, spec in SPECS.items():
        assert {dep.asset_key.to_user_string() for dep in spec.deps} <= seen
        seen.add(key)


def test_a_range_of_days_is_half_open() -> None:
    assert moments(DayRange(date(2010, 12, 31), date(2011, 1, 1))) == {
        "first_moment": datetime(2010, 12, 31),  # noqa: DTZ001  (the shop's column has no zone)
        "end_moment": datetime(2011, 1, 2),  # noqa: DTZ001
    }


def test_days_of_few_lines_are_read_together_and_a_large_one_alone() -> None:
    days = [date(2010, 12, day) for day in (1, 2, 3, 4, 6)]

    spans = spans_of_lines(days, {days[0]: 4, days[1]: 6, days[2]: 11, days[4]: 2}, 10)

    assert spans == [
        DayRange(*ends) for ends in ((days[0], days[1]), (days[2], days[2]), (days[3],) * 2, (days[4],) * 2)
    ]


@dataclass
class Shop:
    """The shop's database and a lake of the test's own, with the two assets of the purchases side."""

    source: SourceDatabase
    url: str
    lake: LocalLake
    instance: dg.DagsterInstance

    def sell(self, *lines: tuple[str, int, str, int | None]) -> None:
        """Lines as moment, quantity, detail and customer."""
        with closing(psycopg2.connect(self.url)) as connection, connection, connection.cursor() as cursor:
            cursor.executemany(
                "insert into retail.user_purchase values ('C1', 'POST', %s, %s, %s, 1.125, %s, 'Éire')",
                [(detail, quantity, moment, customer) for moment, quantity, detail, customer in lines],
            )

    def run(self, first: date, last: date, *, rules: Rules = BUILT_IN) -> dict[str, set[str]]:
        """One run over the days; the days that each asset published."""
        RuleFile(self.lake).replace(RuleFile(self.lake).read(), rules)
        result = dg.materialize(
            [raw_purchases, staged_purchases],
            resources={
                "source": self.source,
                "quantity_rules": QuantityRules(lake=self.lake),
                "lake_io_manager": LakeIOManager(lake=self.lake),
            },
            instance=self.instance,
            tags=DayRange(first, last).tags(),
            raise_on_error=False,
        )
        published: dict[str, set[str]] = {"raw_purchases": set(), "staged_purchases": set()}
        for event in result.get_asset_materialization_events():
            published[event.asset_key.to_user_string()].add(event.partition or "")  # type: ignore[union-attr]
        return published

    def rows(self, table: Table, day: date) -> pa.Table:
        dataset = self.lake.dataset(table)
        return pa.Table.from_batches(dataset.read(dataset.current(day)), table.arrow_schema())


@pytest.fixture
def shop(stack: Stack, tmp_path: Path) -> Iterator[Shop]:
    url = stack.endpoints().shop
    with dg.DagsterInstance.ephemeral() as instance:
        yield Shop(PostgresSource(url=url, aws=Aws()), url, LocalLake(root=str(tmp_path)), instance)
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("delete from retail.user_purchase where invoice_number = 'C1'")


def test_a_purchase_belongs_to_the_day_of_its_moment_and_lands_as_it_is(shop: Shop) -> None:
    shop.sell(
        (f"{FIRST} 23:59:59.999999", 3, "the last of its day", 1),
        (f"{MIDDLE} 00:00:00", -3, "the first", None),
        (f"{MIDDLE} 12:00:00", 0, 'a "quoted",\nbroken\\line', 2),
        (f"{MIDDLE} 12:00:00", 0, 'a "quoted",\nbroken\\line', 2),
        (f"{LAST} 00:00:00", 9, "the next day", 3),
    )

    shop.run(MIDDLE, MIDDLE)

    found = shop.rows(RAW_PURCHASES, MIDDLE).to_pylist()
    line = ("C1", "POST", 'a "quoted",\nbroken\\line', 0, datetime(2011, 11, 14, 12), Decimal("1.125"), 2, "Éire")  # noqa: DTZ001
    assert [row["detail"] for row in found] == ["the first", *[line[2]] * 2]
    assert tuple(found[1].values())[:-1] == line
    assert found[0]["customer_id"] is None


def test_a_day_that_is_landed_again_has_new_data_of_the_same_code(shop: Shop) -> None:
    """Sources have no versions, so Dagster took a day landed again for what it was, and nothing after it for stale."""
    for _ in range(2):
        shop.run(MIDDLE, MIDDLE)

    landed = shop.instance.fetch_materializations(raw_purchases.key, limit=2).records
    tags = [(record.asset_materialization.tags or {}) for record in landed if record.asset_materialization]
    assert [tag["dagster/data_version"] for tag in tags] == [record.run_id for record in landed]
    assert {tag["dagster/code_version"] for tag in tags} == {SPECS["raw_purchases"].code_version}
    assert landed[0].run_id != landed[1].run_id


def test_staging_lets_in_what_the_rule_of_the_day_says(shop: Shop) -> None:
    rules = Rules.of([QuantityRule(FIRST, 2), QuantityRule(MIDDLE, 5)])
    shop.sell(*[(f"{day} 10:00:00", q, f"{q} pieces", 1) for day in (FIRST, MIDDLE) for q in (2, 3, 5, 6)])

    shop.run(FIRST, LAST, rules=rules)

    staged = {day: shop.rows(STAGED_PURCHASES, day)["quantity"].to_pylist() for day in (FIRST, MIDDLE, LAST)}
    assert staged == {FIRST: [3, 5, 6], MIDDLE: [6], LAST: []}
    manifest = shop.lake.dataset(STAGED_PURCHASES).current(MIDDLE)
    raw = shop.lake.dataset(RAW_PURCHASES).current(MIDDLE)
    assert manifest.facts == {"rule": f"quantity > 5 from {MIDDLE}"}
    assert (manifest.as_of, manifest.sources[0].version) == (raw.as_of, raw.batch_id)


def test_a_day_before_the_first_rule_is_held_back_and_the_others_are_staged(shop: Shop) -> None:
    published = shop.run(FIRST, LAST, rules=Rules.of([QuantityRule(MIDDLE, 2)]))

    assert published["raw_purchases"] == {"2011-11-13", "2011-11-14", "2011-11-15"}
    assert published["staged_purchases"] == {"2011-11-14", "2011-11-15"}


def test_a_line_that_does_not_fit_holds_back_its_day_and_the_snapshot_serves_the_next(shop: Shop) -> None:
    """A stream that was left half-read once took the connection from the days after it."""
    over_long = "é" * 600  # 600 characters fit the shop's column, 1200 bytes do not fit Redshift's
    begun = datetime(2011, 11, 14, tzinfo=UTC)
    many = [(str(begun + timedelta(seconds=n)), 3, "y" * 900, 1) for n in range(8000)]  # more than a block and a pipe
    shop.sell((f"{MIDDLE} 00:00:00", 3, over_long, 1), *many, (f"{LAST} 10:00:00", 3, "fine", 1))

    published = shop.run(FIRST, LAST)

    assert published["raw_purchases"] == published["staged_purchases"] == {"2011-11-13", "2011-11-15"}
    assert shop.rows(RAW_PURCHASES, LAST)["detail"].to_pylist() == ["fine"]
    rejection = shop.lake.dataset(RAW_PURCHASES).rejection(MIDDLE)
    assert rejection is not None
    (reason,) = rejection.reasons
    assert reason.startswith("raw_purchases, 2011-11-14: detail holds 1200 bytes, varchar(1000) takes 1000: 'ééé")
