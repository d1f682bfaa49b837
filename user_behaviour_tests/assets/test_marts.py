"""The star, what is computed from it, and the views: rows by hand, through the SQL that makes them, compared whole."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
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
from user_behaviour.tables.table import spelling
from user_behaviour.warehouse.postgres import PostgresWarehouseByUrl
from user_behaviour_tests.databases import execute, new_database
from user_behaviour_tests.graph.installation import failure_messages, materialized

Line = tuple[int | None, str, str, str | None, int, str]  # customer, country, stock code, detail, quantity, unit price
Review = tuple[int, bool]
ANN, BOB, CID = 14000, 14001, 14002
D1, D2, D3 = "2011-01-30", "2011-01-31", "2011-02-01"


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

    def day(self, day: str, lines: Sequence[Line], reviews: Sequence[Review], *, batch: str = "b1") -> None:
        """What the external tables show of a day, in place of what they showed; a line is an invoice of its own."""
        rows = {"user_purchase_staging": len(lines), "movie_review_clean_stage": len(reviews)}
        for table, count in rows.items():
            execute(
                self.url,
                f"delete from spectrum.{table} where insert_date = '{day}'",
                f"delete from spectrum.registered_partition where table_name = 'spectrum.{table}' "
                f"and insert_date = '{day}'",
                f"insert into spectrum.registered_partition values "
                f"('spectrum.{table}', '{day}', 'file:///', '{batch}', {count}, now())",
            )
        for number, (customer, country, code, detail, quantity, price) in enumerate(lines):
            execute(
                self.url,
                "insert into spectrum.user_purchase_staging values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                parameters=(f"5{number}", code, detail, quantity, f"{day} 12:00", price, customer, country, batch, day),
            )
        for number, (customer, positive) in enumerate(reviews, 2):
            execute(
                self.url,
                "insert into spectrum.movie_review_clean_stage values (%s, %s, 'c', 'v', 'f', %s, %s, 0.25, %s)",
                parameters=(str(customer), positive, number, batch, day),
            )

    def run(self, first: str, last: str = "", *, select: Sequence[str] = ()) -> dg.ExecuteInProcessResult:
        """One run over the days, of metric and marts or of what is selected."""
        span = DayRange(date.fromisoformat(first), date.fromisoformat(last or first))
        wanted = [dg.AssetKey.from_user_string(key) for key in select] or [
            asset.key for asset in (user_behavior_metric, *MARTS)
        ]
        return self.job.execute_in_process(
            instance=self.instance, tags=span.tags(), asset_selection=wanted, raise_on_error=False
        )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self.warehouse.rows(sql)]

    def state(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every mart and view, but for the batches."""
        found = {}
        for table in (DIM_DATE, *MART_TABLES, *QUESTIONS):
            names = ", ".join(c.name for c in table.stored_columns if c.name != "batch_id")
            found[table.name] = sorted(self.rows(f"select {names} from {table.name}"), key=repr)
        return found


@pytest.fixture
def star(stack: Stack, tmp_path: Path) -> Iterator[Star]:
    with new_database(stack.endpoints().warehouse) as url, dg.DagsterInstance.ephemeral() as instance:
        yield Star(url, tmp_path, instance)


def two_months(star: Star) -> None:
    """Ann is happy, Bob is not and buys in two countries, Cid only reviews; a line is nobody's."""
    star.day(
        D1,
        [
            (ANN, "France", "A", "ALPHA", 5, "2.000"),
            (ANN, "France", "B", None, 3, "1.500"),
            (BOB, "Spain", "A", "alpha", 4, "0.125"),
            (None, "Spain", "A", "ALPHA", 9, "1.000"),
        ],
        [(ANN, True), (BOB, False), (BOB, False), (CID, True)],
    )
    star.day(D2, [(BOB, "Italy", "A", "ALPHA 2", 10, "0.100")], [])
    star.day(D3, [(ANN, "France", "B", "BETA", 3, "1.000"), (BOB, "Italy", "A", None, 3, "2.000")], [(ANN, False)])


KEYS = {  # by `md5sum`: the first 15 of its hexadecimal digits
    ANN: 398995813119773252,
    BOB: 884855871806978907,
    CID: 603861298044880496,
    "France": 13680589247511168,
    "Spain": 650747757255265274,
    "Italy": 72196250606849531,
    "A": 575429578143199482,
    "B": 708733545432316876,
    None: -1,
}
NAMES = {key: name for name, key in KEYS.items()}


def named(rows: Iterable[tuple[Any, ...]], keys: int) -> list[tuple[Any, ...]]:
    """The rows in order, with names in place of the first so many keys, and amounts as they are written."""
    readable = (
        (*(NAMES[key] for key in row[:keys]), *(str(v) if isinstance(v, Decimal) else v for v in row[keys:]))
        for row in rows
    )
    return sorted(readable, key=repr)


def test_a_key_is_the_beginning_of_a_hash() -> None:
    assert {name: int(hashlib.md5(str(name).encode()).hexdigest()[:15], 16) for name in KEYS if name} == {
        name: key for name, key in KEYS.items() if name
    }


def test_a_day_whose_metric_was_made_again_without_the_marts_is_missing_of_them(star: Star) -> None:
    """A run was killed between the metric and the facts, and `run --missing` found that nothing was missing."""
    two_months(star)
    assert star.run(D1, D3).success
    again = f"update audit.published_partition set batch_id = 'again' where insert_date = '{D2}' and table_name = "
    execute(star.url, f"{again}'public.user_behavior_metric'")

    (one, three), span = map(date.fromisoformat, (D1, D3)), DayRange(date.fromisoformat(D1), date.fromisoformat(D3))
    for table in (FACT_PURCHASE_LINE, FACT_REVIEW, CUSTOMER_DAY):
        assert days_published(star.deployed, table, span) == {one, three}


def test_the_star_of_three_days(star: Star) -> None:
    two_months(star)
    result = star.run(D1, D3)
    assert result.success, failure_messages(result)
    state = star.state()
    one, two, three, never = (date.fromisoformat(day) for day in (D1, D2, D3, "1900-01-01"))
    january, february = date(2011, 1, 1), date(2011, 2, 1)
    assert state["marts.dim_date"] == [
        (20110130, january, 24133, january, 2011, 7, "Sunday", one),
        (20110131, january, 24133, january, 2011, 1, "Monday", two),
        (20110201, february, 24134, january, 2011, 2, "Tuesday", three),
    ]
    assert named(state["marts.dim_customer"], 1) == [
        (ANN, ANN, "France", three),
        (BOB, BOB, "Italy", three),
        (CID, CID, "unknown", never),
        (None, None, "unknown", never),
    ]
    assert named(state["marts.dim_country"], 1) == [
        ("France", "France", three),
        ("Italy", "Italy", three),
        ("Spain", "Spain", one),
        (None, "unknown", never),
    ]
    assert named(state["marts.dim_product"], 1) == [
        ("A", "A", "ALPHA 2", two),  # the line of the third day has no text
        ("B", "B", "BETA", three),
        (None, "unknown", "unknown", never),
    ]
    lines = star.rows(
        "select customer_key, country_key, product_key, date_key, invoice_number, quantity, unit_price, amount "
        "from marts.fact_purchase_line"
    )
    assert named(lines, 3) == [
        (ANN, "France", "A", 20110130, "50", 5, "2.000", "10.00000"),
        (ANN, "France", "B", 20110130, "51", 3, "1.500", "4.50000"),
        (ANN, "France", "B", 20110201, "50", 3, "1.000", "3.00000"),
        (BOB, "Italy", "A", 20110131, "50", 10, "0.100", "1.00000"),
        (BOB, "Italy", "A", 20110201, "51", 3, "2.000", "6.00000"),
        (BOB, "Spain", "A", 20110130, "52", 4, "0.125", "0.50000"),
        (None, "Spain", "A", 20110130, "53", 9, "1.000", "9.00000"),
    ]
    reviews = star.rows(
        "select customer_key, date_key, positive_review, probability, classifier, classifier_version, source_file, "
        "line_number from marts.fact_review"
    )
    assert named(reviews, 1) == [
        (ANN, 20110130, True, "0.250000", "c", "v", "f", 2),
        (ANN, 20110201, False, "0.250000", "c", "v", "f", 2),
        (BOB, 20110130, False, "0.250000", "c", "v", "f", 3),
        (BOB, 20110130, False, "0.250000", "c", "v", "f", 4),
        (CID, 20110130, True, "0.250000", "c", "v", "f", 5),
    ]
    assert named(state["intermediate.customer_day"], 2) == [
        (ANN, "France", 1, 3, 1, "3.00000", 1, 0, three),
        (ANN, "France", 2, 8, 2, "14.50000", 1, 1, one),
        (BOB, "Italy", 1, 10, 1, "1.00000", 0, 0, two),
        (BOB, "Italy", 1, 3, 1, "6.00000", 0, 0, three),
        (BOB, "Spain", 1, 4, 1, "0.50000", 2, 0, one),
        (CID, None, 0, 0, 0, "0.00000", 1, 1, one),
        (None, "Spain", 1, 9, 1, "9.00000", 0, 0, one),
    ]
    assert named(state["marts.spend_and_sentiment_by_month"], 0) == [
        ("France", 1, "14.50000", 1, 1, 1, "1.000000", january),
        ("France", 1, "3.00000", 1, 1, 0, "0.000000", february),
        ("Italy", 1, "1.00000", 0, 0, 0, None, january),
        ("Italy", 1, "6.00000", 0, 0, 0, None, february),
        ("Spain", 1, "9.50000", 1, 2, 0, "0.000000", january),
        ("unknown", 0, "0.00000", 1, 1, 1, "1.000000", january),
    ]
    assert named(state["marts.sentiment_and_spend"], 0) == [
        ("negative", 1, "1.50000", "1.50000", january),
        ("negative", 1, "3.00000", "3.00000", february),
        ("no review", 1, "6.00000", "6.00000", february),
        ("positive", 1, "14.50000", "14.50000", january),
    ]
    assert named(state["marts.products_of_unhappy_customers"], 0) == [
        ("A", "ALPHA 2", 2, 1, "0.500000", 4, "17.50000"),
        ("B", "BETA", 1, 0, "0.000000", 2, "7.50000"),
    ]
    assert named(state["marts.left_out_by_the_join"], 0) == [
        (0, "0.00000", 1, 1, "9.00000", one),
        (1, "1.00000", 0, 0, "0.00000", two),
        (1, "6.00000", 0, 0, "0.00000", three),
    ]
    assert star.rows("select count(*), sum(quantity) from staging.purchases") == [(7, 37)]
    assert star.rows("select customer_id, count(*) from staging.reviews group by 1 order by 1") == [
        (ANN, 2),
        (BOB, 2),
        (CID, 1),
    ]


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
        star.day(f"2011-01-{day:02}", lines, [(1, True), (2, True), (2, False)] if day == 30 else [])
    result = star.run("2011-01-08", "2011-01-30")
    assert result.success, failure_messages(result)
    month = date(2011, 1, 1)
    assert named(star.state()["marts.customer_segments_by_month"], 0) == [
        ("about to sleep", "no review", 1, "3.00000", month),  # R3, F1, M1
        ("cannot lose them", "no review", 1, "276.00000", month),  # R1, F5, M4
        ("champions", "positive", 1, "300.00000", month),  # R5, F3, M5
        ("hibernating", "no review", 1, "6.00000", month),  # R2, F1, M2
        ("potential loyalists", "mixed", 1, "240.00000", month),  # R4, F3, M3
    ]


def test_a_month_looks_back_for_twelve(star: Star) -> None:
    for day, price in (("2010-12-31", "1.000"), ("2011-01-01", "2.000"), ("2011-12-01", "4.000")):
        star.day(day, [(ANN, "France", "A", "ALPHA", 3, price)], [])
        result = star.run(day)
        assert result.success, failure_messages(result)
    assert star.rows("select month, amount_spent from marts.customer_segments_by_month order by month") == [
        (date(2010, 12, 1), Decimal("3.00000")),
        (date(2011, 1, 1), Decimal("9.00000")),
        (date(2011, 12, 1), Decimal("18.00000")),
    ]


def test_a_rerun_restates_its_day_and_the_order_of_days_plays_no_part(star: Star) -> None:
    two_months(star)
    for day in (D3, D1, D2):
        assert star.run(day).success
    before = star.state()
    result = star.run(D1, D3)
    assert result.success, failure_messages(result)
    assert star.state() == before
    star.day(D2, [(BOB, "Portugal", "A", "ALPHA 3", 20, "0.100")], [(BOB, True)], batch="b2")

    result = star.run(D2)

    assert result.success, failure_messages(result)
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
        assert all("datetime.date(2011, 1, 31)" in row for row in changed[name])
    assert named(after["marts.dim_customer"], 1)[1] == (BOB, BOB, "Italy", date(2011, 2, 1))  # a newer day's
    assert star.rows("select described_on from marts.dim_country where country = 'Portugal'") == [(date(2011, 1, 31),)]
    assert star.rows("select detail, described_on from marts.dim_product where stock_code = 'A'") == [
        ("ALPHA 3", date(2011, 1, 31))
    ]


def test_days_without_the_metric_or_with_one_of_other_batches_are_held_back(star: Star) -> None:
    two_months(star)
    assert star.run(D1, D2).success
    before = star.state()
    star.day(D2, [(BOB, "Italy", "A", "ALPHA", 30, "0.100")], [], batch="b2")

    result = star.run(D1, D3, select=[asset.key.to_user_string() for asset in MARTS])

    facts = ("marts/fact_purchase_line", "marts/fact_review")
    members = ("marts/dim_customer", "marts/dim_country", "marts/dim_product")
    # What the facts of the second day were made from before is in force, and so is what is made of them.
    assert materialized(result) == {
        **{key: [D1, D2, D3] for key in members},
        **{key: [D1] for key in facts},
        "intermediate/customer_day": [D1, D2],
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
    two_months(star)
    assert star.run(D1).success
    execute(star.url, change)
    before = star.state()

    result = star.run(D1, select=[table])

    assert not result.success
    assert f"first on {D1}: {says}. Rolled back" in failure_messages(result).replace("\n", " ")
    assert star.state() == before


def test_the_views_have_the_columns_that_are_declared(star: Star) -> None:
    for table in (*MART_TABLES, DIM_DATE, *QUESTIONS, *STAGING_VIEWS):
        schema, _, name = table.name.partition(".")
        columns = star.rows(
            "select attname, format_type(atttypid, atttypmod) from pg_attribute where attnum > 0 "
            f"and attrelid = '{schema}.{name}'::regclass"
        )
        declared = {column.name: column.type for column in table.stored_columns}
        assert {column: spelling(type_) for column, type_ in columns} == declared, table.name
