"""What the tests of Spectrum do with the external table `spectrum.buyers`, which the fixture `lake` makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
from psycopg2.extensions import cursor

if TYPE_CHECKING:
    from user_behaviour_tests.cloud.redshift.conftest import Bucket

DAYS = ("2010-12-01", "2010-12-02", "2010-12-03")


def buyers(*customers: int, country: str = "France") -> pa.Table:
    return pa.table(
        {"customer": pa.array(customers, pa.int32()), "country": pa.array([country] * len(customers), pa.string())}
    )


def add(lake: Bucket, *days: str, option: str = "if not exists ", batch: str = "b1") -> str:
    places = " ".join(f"partition (insert_date='{d}') location '{lake.uri(f'buyers/{d}/{batch}/')}'" for d in days)
    return f"alter table spectrum.buyers add {option}{places}"


def customers(sql: cursor, condition: str = "true") -> list[tuple[Any, ...]]:
    sql.execute(f"select customer, insert_date::varchar from spectrum.buyers where {condition} order by customer")
    return sql.fetchall()
