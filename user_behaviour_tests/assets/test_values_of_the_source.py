"""Values of the source that the lake does not hold: each holds back its own day, and is named with it."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import dagster as dg

from user_behaviour.aws.clients import Aws
from user_behaviour.lake.local import LocalLake
from user_behaviour.local.stack import Stack
from user_behaviour.source.postgres import PostgresSource
from user_behaviour.tables.schemas import RAW_PURCHASES
from user_behaviour_tests.assets.test_assets import Shop
from user_behaviour_tests.databases import execute, new_database

WIDER = """create schema retail;
create table retail.line (quantity numeric, invoice_date timestamptz, unit_price numeric, customer_id bigint,
    country text);
create view retail.user_purchase as select text '1' as invoice_number, text 'A' as stock_code, null::text as detail,
    quantity, invoice_date, case customer_id when 7 then 1 / (customer_id - 7) else unit_price end as unit_price,
    customer_id, country
from retail.line"""
# Quantity, moment, unit price, customer, country.
LINES = [
    ("6.00", "2011-05-31 22:30:00-04", "2.550000", 1, "Éire"),
    (6, "2011-06-02 12:00Z", "NaN", 1, "Éire"),
    (6, "2011-06-03 12:00Z", "-Infinity", 1, "Éire"),
    (6, "2011-06-04 12:00Z", "2.5549", 1, "Éire"),
    (6, "2011-06-05 12:00Z", "123456", 1, "Éire"),
    ("2.5", "2011-06-06 12:00Z", "2.55", 1, "Éire"),
    (3_000_000_000, "2011-06-07 12:00Z", "2.55", 1, "Éire"),
    (6, "2011-06-08 12:00Z", "2.55", 1 << 40, "Éire"),
    (6, "2011-06-09 12:00Z", "2.55", 1, "São Tomé e Príncipe"),
    (6, "2011-06-10 12:00Z", "2.55", 7, "Éire"),
    (6, "2011-06-11 23:59:59.999999Z", "2.55", None, "Éire"),
]
OF_THE_SOURCE = "retail.user_purchase, 2011-06-{}: {}; correct it in the source, and run the day again"
REFUSED = {
    2: OF_THE_SOURCE.format("02", "unit_price is 'NaN', which decimal(8,3) does not hold"),
    3: OF_THE_SOURCE.format("03", "unit_price is '-Infinity', which decimal(8,3) does not hold"),
    4: OF_THE_SOURCE.format("04", "unit_price is '2.5549', which decimal(8,3) does not hold"),
    5: OF_THE_SOURCE.format("05", "unit_price is '123456', which decimal(8,3) does not hold"),
    6: OF_THE_SOURCE.format("06", "quantity is '2.5', which int does not hold"),
    7: OF_THE_SOURCE.format("07", "quantity is '3000000000', which int does not hold"),
    8: OF_THE_SOURCE.format("08", "customer_id is '1099511627776', which int does not hold"),
    9: "raw_purchases, 2011-06-09: country holds 22 bytes, varchar(20) takes 20: 'São Tomé e Príncipe'; "
    "shorten it where it comes from, or declare more bytes, and run the day again.",
    10: OF_THE_SOURCE.format("10", "division by zero"),
}


def test_a_value_that_does_not_fit_holds_back_its_day_however_wide_the_column_of_the_source_is(
    stack: Stack, tmp_path: Path
) -> None:
    """One `NaN` among the prices once failed a run over a year, and the error named neither day nor column."""
    with new_database(stack.endpoints().warehouse, WIDER) as url, dg.DagsterInstance.ephemeral() as instance:
        for line in LINES:
            execute(url, "insert into retail.line values (%s, %s, %s, %s, %s)", parameters=line)
        shop = Shop(PostgresSource(url=url, aws=Aws()), url, LocalLake(root=str(tmp_path)), instance)

        published = shop.run(date(2011, 6, 1), date(2011, 6, 11))

    assert published["raw_purchases"] == {"2011-06-01", "2011-06-11"}
    (line,) = shop.rows(RAW_PURCHASES, date(2011, 6, 1)).drop_columns(["batch_id"]).to_pylist()
    moment = datetime(2011, 6, 1, 2, 30)  # noqa: DTZ001  # UTC without a zone
    assert [*line.values()] == ["1", "A", None, 6, moment, Decimal("2.550"), 1, "Éire"]
    dataset = shop.lake.dataset(RAW_PURCHASES)
    rejections = {day: dataset.rejection(date(2011, 6, day)) for day in range(1, 12)}
    assert {day: found.reasons[0] for day, found in rejections.items() if found} == REFUSED
