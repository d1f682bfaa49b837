"""The sample shop's purchase lines: repeatable, of the promised size and shares, and fit for the source table."""

import io
import subprocess
import sys
from collections.abc import Iterable
from datetime import date, timedelta

import pandas as pd
import pytest

from user_behaviour.sample.calendar import trading_days
from user_behaviour.sample.shop import Shop, UnusableSample
from user_behaviour.sample.vendor import Vendor
from user_behaviour.tables.schemas import RAW_PURCHASES

FIRST, LAST = date(2010, 12, 1), date(2011, 12, 9)
COLUMNS = [
    "invoice_number", "stock_code", "detail", "quantity", "invoice_date", "unit_price", "customer_id", "country",
]  # fmt: skip


def parsed(chunks: Iterable[bytes]) -> pd.DataFrame:
    """The lines, and the day of each; an empty field is an empty text."""
    types = dict.fromkeys(COLUMNS, "str") | {"quantity": "int64", "unit_price": "float64"}
    text = io.BytesIO(b"".join(chunks))
    lines = pd.read_csv(text, names=COLUMNS, dtype=types, parse_dates=["invoice_date"], keep_default_na=False)
    return lines.assign(day=lines.invoice_date.dt.date)


@pytest.fixture(scope="module")
def year() -> dict[date, bytes]:
    """Every day's lines at scale 1."""
    return dict(zip(trading_days(FIRST, LAST), Shop(7).lines(FIRST, LAST), strict=True))


@pytest.fixture(scope="module")
def small_year() -> pd.DataFrame:
    return parsed(Shop(7, 0.1).lines(FIRST, LAST))


@pytest.fixture(scope="module")
def busy_days() -> pd.DataFrame:
    """Two of the busiest days of a large shop."""
    return parsed(Shop(7, 5).lines(date(2011, 12, 8), LAST))


def test_a_day_generated_alone_by_another_process_is_the_day_of_a_full_generation(year: dict[date, bytes]) -> None:
    """The shop's lines and the vendor's files of a day on which one of its rows is unusable."""
    program = (
        "from datetime import date; from user_behaviour.sample.shop import Shop; "
        "from user_behaviour.sample.vendor import Vendor; shop, day = Shop(7), date(2011, 11, 10); "
        "print((*shop.lines(day, day), Vendor(shop).files(day)))"
    )
    alone = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    vendor, days = Vendor(Shop(7)), trading_days(date(2011, 11, 1), date(2011, 11, 10))
    *_, files = (vendor.files(day) for day in days)
    assert alone == f"{(year[days[-1]], files)}\n"


def test_another_seed_makes_another_shop() -> None:
    day = date(2011, 5, 5)
    assert list(Shop(1, 0.1).lines(day, day)) != list(Shop(2, 0.1).lines(day, day))


def test_scale_1_has_the_size_of_the_real_shop(year: dict[date, bytes]) -> None:
    sizes = [lines.count(b"\n") for lines in year.values()]
    assert len(sizes) == 305
    assert 510_000 < sum(sizes) < 570_000
    assert 300 < min(sizes) < 1_000
    assert 4_000 < max(sizes) < 8_000


def test_lines_multiply_with_the_scale() -> None:
    small, large = (len(parsed(Shop(7, scale).lines(date(2011, 6, 1), date(2011, 6, 9)))) for scale in (0.5, 5.0))
    assert 9 < large / small < 11


def test_the_smallest_shop_still_trades_every_trading_day() -> None:
    shop = Shop(7, 0.01)
    per_day = parsed(shop.lines(FIRST, LAST)).day.value_counts()
    assert len(per_day) == 305
    assert per_day.min() >= 10
    assert all(shop.buyers(day).size for day in per_day.index)


def test_the_shop_is_closed_on_saturdays_and_holidays_and_before_it_opened(small_year: pd.DataFrame) -> None:
    closed = {FIRST + timedelta(n) for n in range((LAST - FIRST).days + 1)} - set(small_year.day)
    assert {day for day in closed if day.weekday() != 5} == {
        *(date(2010, 12, n) for n in (24, 26, 27, 28, 29, 30, 31)),
        *(date(2011, 1, 2), date(2011, 1, 3)),
        *(date(2011, 4, 22), date(2011, 4, 24), date(2011, 4, 25), date(2011, 4, 29)),
        *(date(2011, 5, 2), date(2011, 5, 30), date(2011, 8, 29)),
    }
    assert not any(day.weekday() == 5 for day in small_year.day)
    assert list(Shop(7).lines(date(2010, 11, 20), date(2010, 11, 30))) == []
    assert Shop(7).buyers(date(2010, 12, 4)).size == 0


def test_lines_come_in_the_order_of_invoice_date_within_opening_hours(small_year: pd.DataFrame) -> None:
    assert small_year.invoice_date.is_monotonic_increasing
    assert small_year.invoice_date.dt.hour.between(8, 17).all()


def test_shares_are_those_of_a_real_shop(small_year: pd.DataFrame) -> None:
    assert 0.22 < (small_year.customer_id == "").mean() < 0.28
    assert 0.012 < (small_year.quantity <= 0).mean() < 0.028
    assert 0.006 < small_year.duplicated().mean() < 0.018
    assert 0.50 < (small_year.quantity > 2).mean() < 0.60
    assert 0.10 < (small_year.detail != small_year.detail.str.strip()).mean() < 0.35
    assert {"POST", "DOT", "M"} < set(small_year.stock_code)


def test_a_return_has_the_invoice_letter_c_and_a_write_off_has_no_customer_and_no_price(
    small_year: pd.DataFrame,
) -> None:
    returned = small_year.invoice_number.str.startswith("C")
    returns, lost = small_year[returned], small_year[~returned & (small_year.quantity <= 0)]
    assert len(returns) > 500
    assert ((returns.quantity < 0) & (returns.customer_id != "")).all()
    assert len(lost) > 80
    assert ((lost.customer_id == "") & (lost.unit_price == 0)).all()
    assert {"", "damaged", "?"} <= set(lost.detail)


def test_autumn_is_busier_than_winter_and_few_customers_buy_much(small_year: pd.DataFrame) -> None:
    months = small_year.invoice_date.dt.strftime("%Y-%m").value_counts()
    assert months["2011-11"] > 1.8 * months["2011-02"]
    customers = small_year[small_year.customer_id != ""].customer_id.value_counts()
    assert 380 < len(customers) < 480
    assert customers[: len(customers) // 10].sum() > 0.3 * customers.sum()


def test_an_invoice_has_one_time_one_customer_and_one_country(small_year: pd.DataFrame) -> None:
    heads = small_year[["invoice_number", "invoice_date", "customer_id", "country"]].drop_duplicates()
    assert heads.invoice_number.is_unique


def test_values_fit_the_columns_of_the_source_table(busy_days: pd.DataFrame) -> None:
    for column in RAW_PURCHASES.columns[: len(COLUMNS)]:
        if column.max_bytes:
            assert busy_days[column.name].str.encode("utf-8").str.len().max() <= column.max_bytes
        if not column.nullable:
            assert (busy_days[column.name] != "").all()
    assert busy_days.unit_price.between(0, 99_999).all()
    assert set(busy_days.customer_id) - {""} <= set(map(str, Shop(7, 5).customers.ids.tolist()))


def test_the_numbers_of_different_days_never_meet(busy_days: pd.DataFrame) -> None:
    """The busiest days of a large shop need the most invoice numbers, and every number belongs to one day."""
    assert busy_days[["invoice_number", "day"]].drop_duplicates().invoice_number.is_unique


def test_buyers_are_the_known_customers_with_a_sale_on_the_day() -> None:
    shop, day = Shop(7), date(2011, 11, 3)
    lines = parsed(shop.lines(day, day))
    sold = lines[(lines.customer_id != "") & ~lines.invoice_number.str.startswith("C")]
    assert shop.buyers(day).tolist() == sorted(set(sold.customer_id.astype(int)))


@pytest.mark.parametrize(("seed", "scale"), [(-1, 1.0), (1, 0.0), (1, -2.0), (1, 1000.0), (1, float("nan"))])
def test_a_seed_or_scale_out_of_range_is_refused_with_its_value(seed: int, scale: float) -> None:
    with pytest.raises(UnusableSample, match=r"-1|0\.0|-2\.0|1000\.0|nan"):
        Shop(seed, scale)
