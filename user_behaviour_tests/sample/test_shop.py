"""The sample shop's purchase lines: repeatable, of the promised size and shares, and fit for the source table."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import NamedTuple

import pytest

from user_behaviour.sample.shop import Shop, UnusableSample
from user_behaviour.tables.schemas import RAW_PURCHASES

FIRST, LAST = date(2010, 12, 1), date(2011, 12, 9)
SMALL = 0.1


class Line(NamedTuple):
    invoice_number: str
    stock_code: str
    detail: str
    quantity: int
    invoice_date: datetime
    unit_price: Decimal
    customer_id: str
    country: str


def parsed(chunks: Iterator[bytes]) -> list[Line]:
    lines = []
    for row in csv.reader(io.StringIO(b"".join(chunks).decode(), newline=""), strict=True):
        number, code, detail, quantity, stamp, price, customer, country = row
        when = datetime.fromisoformat(stamp)
        lines.append(Line(number, code, detail, int(quantity), when, Decimal(price), customer, country))
    return lines


@pytest.fixture(scope="module")
def small_year() -> list[Line]:
    return parsed(Shop(7, SMALL).lines(FIRST, LAST))


@pytest.fixture(scope="module")
def busy_days() -> list[Line]:
    """Two of the busiest days of a large shop."""
    return parsed(Shop(7, 5).lines(date(2011, 12, 8), LAST))


def test_a_day_generated_alone_is_the_day_of_a_full_generation() -> None:
    whole = list(Shop(7, SMALL).lines(FIRST, date(2011, 3, 10)))
    alone = list(Shop(7, SMALL).lines(date(2011, 3, 4), date(2011, 3, 4)))
    assert len(alone) == 1
    assert [chunk for chunk in whole if b",2011-03-04 " in chunk] == alone


def test_another_process_generates_the_same_bytes() -> None:
    program = (
        "from datetime import date; from hashlib import sha256; from user_behaviour.sample.shop import Shop; "
        "print(sha256(b''.join(Shop(3, 0.2).lines(date(2011, 5, 1), date(2011, 5, 31)))).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    here = sha256(b"".join(Shop(3, 0.2).lines(date(2011, 5, 1), date(2011, 5, 31)))).hexdigest()
    assert other.stdout.strip() == here


def test_another_seed_makes_another_shop() -> None:
    day = date(2011, 5, 5)
    assert list(Shop(1, SMALL).lines(day, day)) != list(Shop(2, SMALL).lines(day, day))


def test_scale_1_has_the_size_of_the_real_shop() -> None:
    shop = Shop(7)
    chunks = [chunk.count(b"\n") for chunk in shop.lines(FIRST, LAST)]
    assert len(chunks) == 305
    assert 510_000 < sum(chunks) < 570_000
    assert 300 < min(chunks) < 1_000
    assert 4_000 < max(chunks) < 8_000


def test_lines_multiply_with_the_scale() -> None:
    sizes = [len(parsed(Shop(7, scale).lines(date(2011, 6, 1), date(2011, 6, 9)))) for scale in (0.5, 5.0)]
    assert 9 < sizes[1] / sizes[0] < 11


def test_the_smallest_shop_still_trades_every_trading_day() -> None:
    shop = Shop(7, 0.01)
    lines = parsed(shop.lines(FIRST, LAST))
    per_day = Counter(line.invoice_date.date() for line in lines)
    assert len(per_day) == 305
    assert min(per_day.values()) >= 10
    assert all(shop.buyers(day).size for day in per_day)


def test_the_shop_is_closed_on_saturdays_and_holidays_and_before_it_opened(small_year: list[Line]) -> None:
    days = {line.invoice_date.date() for line in small_year}
    closed = {FIRST + timedelta(n) for n in range((LAST - FIRST).days + 1)} - days
    assert len(days) == 305
    assert {day for day in closed if day.weekday() != 5} == {
        *(date(2010, 12, n) for n in (24, 26, 27, 28, 29, 30, 31)),
        *(date(2011, 1, 2), date(2011, 1, 3)),
        *(date(2011, 4, 22), date(2011, 4, 24), date(2011, 4, 25), date(2011, 4, 29)),
        *(date(2011, 5, 2), date(2011, 5, 30), date(2011, 8, 29)),
    }
    assert not any(day.weekday() == 5 for day in days)
    assert list(Shop(7).lines(date(2010, 11, 20), date(2010, 11, 30))) == []
    assert Shop(7).buyers(date(2010, 12, 4)).size == 0


def test_lines_come_in_the_order_of_invoice_date_within_opening_hours(small_year: list[Line]) -> None:
    stamps = [line.invoice_date for line in small_year]
    assert stamps == sorted(stamps)
    assert all(8 <= stamp.hour < 18 for stamp in stamps)


def test_shares_are_those_of_a_real_shop(small_year: list[Line]) -> None:
    total = len(small_year)
    sold = sum(line.quantity > 0 for line in small_year)
    assert 0.22 < sum(not line.customer_id for line in small_year) / total < 0.28
    assert 0.012 < (total - sold) / total < 0.028
    assert 0.006 < 1 - len(set(small_year)) / total < 0.018
    assert 0.50 < sum(line.quantity > 2 for line in small_year) / total < 0.60
    assert 0.10 < sum(line.detail != line.detail.strip() for line in small_year) / total < 0.35
    assert {"POST", "DOT", "M"} < {line.stock_code for line in small_year}


def test_a_return_has_the_invoice_letter_c_and_a_write_off_has_no_customer_and_no_price(small_year: list[Line]) -> None:
    returns = [line for line in small_year if line.invoice_number.startswith("C")]
    lost = [line for line in small_year if line.quantity <= 0 and not line.invoice_number.startswith("C")]
    assert len(returns) > 500
    assert all(line.quantity < 0 and line.customer_id for line in returns)
    assert len(lost) > 80
    assert all(not line.customer_id and line.unit_price == 0 for line in lost)
    assert {line.detail for line in lost} >= {"", "damaged", "?"}


def test_autumn_is_busier_than_winter_and_few_customers_buy_much(small_year: list[Line]) -> None:
    months = Counter((line.invoice_date.year, line.invoice_date.month) for line in small_year)
    assert months[2011, 11] > 1.8 * months[2011, 2]
    customers = Counter(line.customer_id for line in small_year if line.customer_id)
    assert 380 < len(customers) < 480
    tenth = sum(count for _, count in customers.most_common(len(customers) // 10))
    assert tenth > 0.3 * sum(customers.values())


def test_an_invoice_has_one_time_one_customer_and_one_country(small_year: list[Line]) -> None:
    heads = {(line.invoice_number, line.invoice_date, line.customer_id, line.country) for line in small_year}
    assert len(heads) == len({head[0] for head in heads})


def test_values_fit_the_columns_of_the_source_table(busy_days: list[Line]) -> None:
    for column in RAW_PURCHASES.columns[: len(Line._fields)]:
        values = [getattr(line, column.name) for line in busy_days]
        if column.max_bytes:
            assert max(len(value.encode()) for value in values) <= column.max_bytes
        if not column.nullable:
            assert all(value != "" for value in values)
    assert all(0 <= line.unit_price < 100_000 for line in busy_days)
    assert {int(line.customer_id) for line in busy_days if line.customer_id} <= set(Shop(7, 5).customers.ids.tolist())


def test_the_numbers_of_different_days_never_meet(busy_days: list[Line]) -> None:
    """The busiest days of a large shop need the most invoice numbers, and every number belongs to one day."""
    days: dict[str, date] = {}
    for line in busy_days:
        assert days.setdefault(line.invoice_number, line.invoice_date.date()) == line.invoice_date.date()


def test_buyers_are_the_known_customers_with_a_sale_on_the_day() -> None:
    shop, day = Shop(7), date(2011, 11, 3)
    lines = parsed(shop.lines(day, day))
    sold = {int(line.customer_id) for line in lines if line.customer_id and not line.invoice_number.startswith("C")}
    assert shop.buyers(day).tolist() == sorted(sold)


@pytest.mark.parametrize(("seed", "scale"), [(-1, 1.0), (1, 0.0), (1, -2.0), (1, 1000.0), (1, float("nan"))])
def test_a_seed_or_scale_out_of_range_is_refused_with_its_value(seed: int, scale: float) -> None:
    with pytest.raises(UnusableSample, match=r"-1|0\.0|-2\.0|1000\.0|nan"):
        Shop(seed, scale)
