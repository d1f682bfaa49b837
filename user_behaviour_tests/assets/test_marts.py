"""The star, what is computed from it, and the views: rows by hand, through the SQL that makes them, compared whole."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from user_behaviour.assets.marts import MARTS
from user_behaviour.assets.warehouse import user_behavior_metric
from user_behaviour.catalog.postgres import PostgresExternalTables
from user_behaviour.commands.published import days_published
from user_behaviour.definitions import assemble
from user_behaviour.deployments import local
from user_behaviour.lake.local import LocalLake
from user_behaviour.local.stack import Stack
from user_behaviour.migrations.migrations import MIGRATIONS, Migrations
from user_behaviour.settings import read_settings
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.marts import (
    CUSTOMER_DAY,
    DIM_DATE,
    FACT_PURCHASE_LINE,
    FACT_REVIEW,
    QUESTIONS,
    STAGING_VIEWS,
)
from user_behaviour.tables.marts import MARTS as MART_TABLES
from user_behaviour.tables.questions import CUSTOMER_SEGMENTS_BY_MONTH
from user_behaviour.tables.table import Table, spelling
from user_behaviour.warehouse.postgres import PostgresWarehouseByUrl
from user_behaviour_tests.databases import execute, new_database
from user_behaviour_tests.graph.installation import failure_messages, materialized

Line = tuple[int | None, str, str, str | None, int, str]  # customer, country, stock code, detail, quantity, unit price
Review = tuple[int, bool]
ANN, BOB, CID = 14000, 14001, 14002
D1, D2, D3, NEVER = date(2011, 1, 30), date(2011, 1, 31), date(2011, 2, 1), date(1900, 1, 1)
JANUARY, FEBRUARY = date(2011, 1, 1), D3
NOON = time(12)
TABLES = (DIM_DATE, *MART_TABLES, *QUESTIONS)
NAMED = (ANN, BOB, CID, "France", "Spain", "Italy", "A", "B")
NAMES = {-1: None, **{int(hashlib.md5(f"{name}".encode()).hexdigest()[:15], 16): name for name in NAMED}}  # by keys


@dataclass
class Star:
    """A warehouse of its own, whose external tables are filled by hand; runs make metric and marts."""

    url: str
    root: Path
    instance: dg.DagsterInstance

    def __post_init__(self) -> None:
        self.warehouse = PostgresWarehouseByUrl(url=self.url)
        Migrations(self.warehouse, MIGRATIONS / "postgres").apply()
        self.deployed = replace(
            local(read_settings({"USER_BEHAVIOUR_HOME": str(self.root)})),
            warehouse=self.warehouse,
            external_tables=PostgresExternalTables(warehouse=self.warehouse),
            lake=LocalLake(root=str(self.root / "lake")),
        )
        self.job = assemble(self.deployed).resolve_implicit_global_asset_job_def()

    def day(self, day: date, lines: Sequence[Line], reviews: Sequence[Review], *, batch: str = "b1") -> None:
        """What the external tables show of a day, in place of what they showed; a line is an invoice of its own."""
        shown: dict[str, list[tuple[Any, ...]]] = {
            "spectrum.user_purchase_staging": [
                (f"5{number}", code, detail, quantity, f"{day} 12:00", price, customer, country, batch, day)
                for number, (customer, country, code, detail, quantity, price) in enumerate(lines)
            ],
            "spectrum.movie_review_clean_stage": [
                (f"{customer}", positive, "c", "v", "f", number, batch, 0.25, day)
                for number, (customer, positive) in enumerate(reviews, 2)
            ],
        }
        for table, rows in shown.items():
            execute(
                self.url,
                f"delete from {table} where insert_date = '{day}'",
                f"delete from spectrum.registered_partition where table_name = '{table}' and insert_date = '{day}'",
                f"insert into spectrum.registered_partition values "
                f"('{table}', '{day}', 'file:///', '{batch}', {len(rows)}, now())",
            )
            for row in rows:
                execute(self.url, f"insert into {table} values %s", parameters=(row,))

    def two_months(self) -> None:
        """Ann is happy, Bob is not and buys in two countries, Cid only reviews; a line is nobody's."""
        lines: list[Line] = [
            (ANN, "France", "A", "ALPHA", 5, "2.000"),
            (ANN, "France", "B", None, 3, "1.500"),
            (BOB, "Spain", "A", "alpha", 4, "0.125"),
            (None, "Spain", "A", "ALPHA", 9, "1.000"),
        ]
        self.day(D1, lines, [(ANN, True), (BOB, False), (BOB, False), (CID, True)])
        self.day(D2, [(BOB, "Italy", "A", "ALPHA 2", 10, "0.100")], [])
        self.day(D3, [(ANN, "France", "B", "BETA", 3, "1.000"), (BOB, "Italy", "A", None, 3, "2.000")], [(ANN, False)])

    def run(self, first: date, last: date | None = None, *, select: Sequence[str] = ()) -> dg.ExecuteInProcessResult:
        """One run over the days, of metric and marts or of what is selected."""
        wanted = [dg.AssetKey.from_user_string(key) for key in select] or [
            asset.key for asset in (user_behavior_metric, *MARTS)
        ]
        tags = DayRange(first, last or first).tags()
        return self.job.execute_in_process(
            instance=self.instance, tags=tags, asset_selection=wanted, raise_on_error=False
        )

    def make(self, first: date, last: date | None = None) -> None:
        """A run that succeeds."""
        result = self.run(first, last)
        assert result.success, failure_messages(result)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self.warehouse.rows(sql)]

    def table(self, table: Table) -> list[tuple[Any, ...]]:
        """All rows in order, but for the batch; with names in place of keys, and amounts as they are written."""
        names = ", ".join(c.name for c in table.stored_columns if c.name != "batch_id")
        found = self.warehouse.rows(f"select {names} from {table.name}")
        return sorted((tuple(readable(*item) for item in row.items()) for row in found), key=repr)

    def state(self) -> dict[str, list[tuple[Any, ...]]]:
        return {table.name: self.table(table) for table in TABLES}


def readable(column: str, value: Any) -> Any:
    if column.endswith("_key") and column != "date_key":
        return NAMES.get(value, value)
    return str(value) if isinstance(value, Decimal) else value


@contextmanager
def new_star(stack: Stack, root: Path) -> Iterator[Star]:
    with new_database(stack.endpoints().warehouse) as url, dg.DagsterInstance.ephemeral() as instance:
        yield Star(url, root, instance)


@pytest.fixture
def star(stack: Stack, tmp_path: Path) -> Iterator[Star]:
    with new_star(stack, tmp_path) as star:
        yield star


@pytest.fixture(scope="module")
def three_days(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Star]:
    """Made by one run; for tests that only read."""
    with new_star(stack, tmp_path_factory.mktemp("star")) as star:
        star.two_months()
        star.make(D1, D3)
        yield star


def test_a_day_whose_metric_was_made_again_without_the_marts_is_missing_of_them(star: Star) -> None:
    """A run was killed between the metric and the facts, and `run --missing` found that nothing was missing."""
    star.two_months()
    star.make(D1, D3)
    again = f"update audit.published_partition set batch_id = 'again' where insert_date = '{D2}' and table_name = "
    execute(star.url, f"{again}'public.user_behavior_metric'")
    for table in (FACT_PURCHASE_LINE, FACT_REVIEW, CUSTOMER_DAY):
        assert days_published(star.deployed, table, DayRange(D1, D3)) == {D1, D3}


THREE_DAYS: dict[str, list[tuple[Any, ...]]] = {
    "marts.dim_date": [
        (20110130, JANUARY, 24133, JANUARY, 2011, 7, "Sunday", D1),
        (20110131, JANUARY, 24133, JANUARY, 2011, 1, "Monday", D2),
        (20110201, FEBRUARY, 24134, JANUARY, 2011, 2, "Tuesday", D3),
    ],
    "marts.dim_customer": [
        (ANN, ANN, "France", D3),
        (BOB, BOB, "Italy", D3),
        (CID, CID, "unknown", NEVER),
        (None, None, "unknown", NEVER),
    ],
    "marts.dim_country": [
        ("France", "France", D3),
        ("Italy", "Italy", D3),
        ("Spain", "Spain", D1),
        (None, "unknown", NEVER),
    ],
    "marts.dim_product": [
        ("A", "A", "ALPHA 2", D2),  # the line of the third day has no text
        ("B", "B", "BETA", D3),
        (None, "unknown", "unknown", NEVER),
    ],
    "marts.fact_purchase_line": [
        (20110130, ANN, "France", "A", "50", datetime.combine(D1, NOON), 5, "2.000", "10.00000", D1),
        (20110130, ANN, "France", "B", "51", datetime.combine(D1, NOON), 3, "1.500", "4.50000", D1),
        (20110130, BOB, "Spain", "A", "52", datetime.combine(D1, NOON), 4, "0.125", "0.50000", D1),
        (20110130, None, "Spain", "A", "53", datetime.combine(D1, NOON), 9, "1.000", "9.00000", D1),
        (20110131, BOB, "Italy", "A", "50", datetime.combine(D2, NOON), 10, "0.100", "1.00000", D2),
        (20110201, ANN, "France", "B", "50", datetime.combine(D3, NOON), 3, "1.000", "3.00000", D3),
        (20110201, BOB, "Italy", "A", "51", datetime.combine(D3, NOON), 3, "2.000", "6.00000", D3),
    ],
    "marts.fact_review": [
        (20110130, ANN, True, "0.250000", "c", "v", "f", 2, D1),
        (20110130, BOB, False, "0.250000", "c", "v", "f", 3, D1),
        (20110130, BOB, False, "0.250000", "c", "v", "f", 4, D1),
        (20110130, CID, True, "0.250000", "c", "v", "f", 5, D1),
        (20110201, ANN, False, "0.250000", "c", "v", "f", 2, D3),
    ],
    "intermediate.customer_day": [
        (ANN, "France", 1, 3, 1, "3.00000", 1, 0, D3),
        (ANN, "France", 2, 8, 2, "14.50000", 1, 1, D1),
        (BOB, "Italy", 1, 10, 1, "1.00000", 0, 0, D2),
        (BOB, "Italy", 1, 3, 1, "6.00000", 0, 0, D3),
        (BOB, "Spain", 1, 4, 1, "0.50000", 2, 0, D1),
        (CID, None, 0, 0, 0, "0.00000", 1, 1, D1),
        (None, "Spain", 1, 9, 1, "9.00000", 0, 0, D1),
    ],
    "marts.spend_and_sentiment_by_month": [
        ("France", 1, "14.50000", 1, 1, 1, "1.000000", JANUARY),
        ("France", 1, "3.00000", 1, 1, 0, "0.000000", FEBRUARY),
        ("Italy", 1, "1.00000", 0, 0, 0, None, JANUARY),
        ("Italy", 1, "6.00000", 0, 0, 0, None, FEBRUARY),
        ("Spain", 1, "9.50000", 1, 2, 0, "0.000000", JANUARY),
        ("unknown", 0, "0.00000", 1, 1, 1, "1.000000", JANUARY),
    ],
    "marts.sentiment_and_spend": [
        ("negative", 1, "1.50000", "1.50000", JANUARY),
        ("negative", 1, "3.00000", "3.00000", FEBRUARY),
        ("no review", 1, "6.00000", "6.00000", FEBRUARY),
        ("positive", 1, "14.50000", "14.50000", JANUARY),
    ],
    "marts.products_of_unhappy_customers": [
        ("A", "ALPHA 2", 2, 1, "0.500000", 4, "17.50000"),
        ("B", "BETA", 1, 0, "0.000000", 2, "7.50000"),
    ],
    "marts.left_out_by_the_join": [
        (0, "0.00000", 1, 1, "9.00000", D1),
        (1, "1.00000", 0, 0, "0.00000", D2),
        (1, "6.00000", 0, 0, "0.00000", D3),
    ],
}


@pytest.mark.parametrize("table", [table for table in TABLES if table.name in THREE_DAYS], ids=lambda table: table.name)
def test_the_rows_of_three_days(three_days: Star, table: Table) -> None:
    assert three_days.table(table) == THREE_DAYS[table.name]


def test_the_staging_views_have_the_rows_of_the_external_tables(three_days: Star) -> None:
    assert three_days.rows("select count(*), sum(quantity) from staging.purchases") == [(7, 37)]
    of_customers = "select customer_id, count(*) from staging.reviews group by 1 order by 1"
    assert three_days.rows(of_customers) == [(ANN, 2), (BOB, 2), (CID, 1)]


# customer, and the days of January 2011 on which each bought for how much; every day is an invoice
BUYERS = {
    1: {30: "50.000", 29: "50.000"},  # R5, F5, M5
    2: {28: "40.000", 27: "40.000"},
    3: {26: "1.000"},
    4: {20: "2.000"},
    5: {10: "90.000", 9: "1.000", 8: "1.000"},
}


def test_segments_are_those_of_recency_frequency_and_money(star: Star) -> None:
    """Five customers, one in each fifth: those who bought equally often share one, the lowest of theirs."""
    days: dict[int, list[Line]] = {day: [] for day in range(8, 31)}
    for customer, bought in BUYERS.items():
        for day, price in bought.items():
            days[day].append((customer, "France", "A", "ALPHA", 3, price))
    for day, lines in days.items():
        star.day(date(2011, 1, day), lines, [(1, True), (2, True), (2, False)] if day == 30 else [])
    star.make(date(2011, 1, 8), date(2011, 1, 30))
    assert star.table(CUSTOMER_SEGMENTS_BY_MONTH) == [
        ("about to sleep", "no review", 1, "3.00000", JANUARY),  # R3, F1, M1
        ("cannot lose them", "no review", 1, "276.00000", JANUARY),  # R1, F5, M4
        ("champions", "positive", 1, "300.00000", JANUARY),  # R5, F3, M5
        ("hibernating", "no review", 1, "6.00000", JANUARY),  # R2, F1, M2
        ("potential loyalists", "mixed", 1, "240.00000", JANUARY),  # R4, F3, M3
    ]


def test_a_month_looks_back_for_twelve(star: Star) -> None:
    for day, price in ((date(2010, 12, 31), "1.000"), (JANUARY, "2.000"), (date(2011, 12, 1), "4.000")):
        star.day(day, [(ANN, "France", "A", "ALPHA", 3, price)], [])
        star.make(day)
    assert star.rows("select month, amount_spent from marts.customer_segments_by_month order by month") == [
        (date(2010, 12, 1), Decimal("3.00000")),
        (JANUARY, Decimal("9.00000")),
        (date(2011, 12, 1), Decimal("18.00000")),
    ]


def test_a_rerun_restates_its_day_and_the_order_of_days_plays_no_part(star: Star) -> None:
    star.two_months()
    for day in (D3, D1, D2):
        star.make(day)
    before = star.state()
    star.make(D1, D3)
    assert star.state() == before
    star.day(D2, [(BOB, "Portugal", "A", "ALPHA 3", 20, "0.100")], [(BOB, True)], batch="b2")

    star.make(D2)

    after = star.state()
    changed = {name: {*map(repr, rows)} ^ {*map(repr, after[name])} for name, rows in before.items()}
    assert {name for name, rows in changed.items() if rows} == {
        "marts.dim_country",
        "marts.dim_product",
        "marts.fact_purchase_line",
        "marts.fact_review",
        "intermediate.customer_day",
        *(view.name for view in QUESTIONS),
    }
    for name in ("marts.fact_purchase_line", "marts.fact_review", "intermediate.customer_day"):
        assert all(repr(D2) in row for row in changed[name])
    assert (BOB, BOB, "Italy", D3) in after["marts.dim_customer"]  # a newer day's
    assert star.rows("select described_on from marts.dim_country where country = 'Portugal'") == [(D2,)]
    assert star.rows("select detail, described_on from marts.dim_product where stock_code = 'A'") == [("ALPHA 3", D2)]


def test_days_without_the_metric_or_with_one_of_other_batches_are_held_back(star: Star) -> None:
    star.two_months()
    star.make(D1, D2)
    before = star.state()
    star.day(D2, [(BOB, "Italy", "A", "ALPHA", 30, "0.100")], [], batch="b2")

    result = star.run(D1, D3, select=[asset.key.to_user_string() for asset in MARTS])

    facts = ("marts/fact_purchase_line", "marts/fact_review")
    members = ("marts/dim_customer", "marts/dim_country", "marts/dim_product")
    # What the facts of the second day were made from before is in force, and so is what is made of them.
    assert materialized(result) == {
        **{key: [f"{D1}", f"{D2}", f"{D3}"] for key in members},
        **{key: [f"{D1}"] for key in facts},
        "intermediate/customer_day": [f"{D1}", f"{D2}"],
    }
    said = [event.user_message for event in star.instance.all_logs(result.run_id) if "held back" in event.user_message]
    assert [text for text in said if " of marts/fact_review " in text] == [
        f"{D2} of marts/fact_review is held back: public.user_behavior_metric of {D2} is made from batch b1 of "
        "spectrum.movie_review_clean_stage, in force is b2; materialise it again first",
        f"{D3} of marts/fact_review is held back: Partition {D3} of public.user_behavior_metric is not in the "
        "warehouse; materialise it first.",
    ]
    after = star.state()
    for name in ("marts.dim_date", "marts.fact_purchase_line", "marts.fact_review", "intermediate.customer_day"):
        assert after[name] == before[name]


@pytest.mark.parametrize(
    ("change", "table", "says"),
    [
        (
            f"update public.user_behavior_metric set amount_spent = amount_spent + 1 where customerid = {ANN}",
            "marts/fact_purchase_line",
            "lines, lines of customers, money of the metric: found 4, 3, 15.00000, expected 4, 3, 16.00000",
        ),
        (
            f"update public.user_behavior_metric set review_score = 2 where customerid = {BOB}",
            "marts/fact_review",
            "reviews, reviews of the metric, positive ones of these: found 4, 3, 1, expected 4, 3, 3",
        ),
        (
            "delete from marts.dim_product where stock_code = 'B'",
            "marts/fact_purchase_line",
            "lines, lines of customers, money of the metric: found 3, 2, 10.50000, expected 4, 3, 15.00000",
        ),
        (
            "update marts.fact_review set customer_key = -1",
            "intermediate/customer_day",
            f"customer {ANN} as in the metric: found none, expected 14.50000, 1, 1",
        ),
        (
            "insert into marts.dim_country select country_key, 'Freedonia', batch_id, described_on "
            "from marts.dim_country where country = 'Spain'",
            "marts/dim_country",
            "one member has a key: found 2, expected 1",
        ),
    ],
)
def test_a_broken_law_rolls_back(star: Star, change: str, table: str, says: str) -> None:
    star.two_months()
    star.make(D1)
    execute(star.url, change)
    before = star.state()

    result = star.run(D1, select=[table])

    assert not result.success
    assert f"first on {D1}: {says}. Rolled back" in failure_messages(result).replace("\n", " ")
    assert star.state() == before


def test_the_views_have_the_columns_that_are_declared(three_days: Star) -> None:
    for table in (*TABLES, *STAGING_VIEWS):
        schema, _, name = table.name.partition(".")
        columns = three_days.rows(
            "select attname, format_type(atttypid, atttypmod) from pg_attribute where attnum > 0 "
            f"and attrelid = '{schema}.{name}'::regclass"
        )
        declared = {column.name: column.type for column in table.stored_columns}
        assert {column: spelling(type_) for column, type_ in columns} == declared, table.name
