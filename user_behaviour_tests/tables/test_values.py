"""Values of Python and of pandas in the type that a column declares: exactly, or refused by name."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from user_behaviour.tables.identifiers import UnsafeNameError, quoted
from user_behaviour.tables.values import MisfitError, exact

MORNING = datetime.fromisoformat("2010-12-01T08:26:00")
PRICE = pa.decimal128(8, 3)
REFUSED: list[tuple[Any, pa.DataType, str]] = [
    (1.5, pa.int32(), "a is 1.5, which int does not hold"),
    (True, pa.int32(), "a is True, which int does not hold"),
    ("2", pa.int32(), "a is '2', which int does not hold"),
    (3_000_000_000, pa.int32(), "a is 3000000000, which int does not hold"),
    (float(2**53 + 2), pa.int64(), "a is 9007199254740994.0, which bigint does not hold"),
    (Decimal("2.5"), pa.int64(), "a is 2.5, which bigint does not hold"),
    (2, pa.bool_(), "a is 2, which boolean does not hold"),
    (2.55, PRICE, "a is 2.55, which decimal(8,3) does not hold"),
    (Decimal("2.5549"), PRICE, "a is 2.5549, which decimal(8,3) does not hold"),
    (Decimal("NaN"), PRICE, "a is NaN, which decimal(8,3) does not hold"),
    (MORNING, pa.date32(), "a is 2010-12-01 08:26:00, which date does not hold"),
    (date(2010, 12, 1), pa.timestamp("us"), "a is 2010-12-01, which timestamp does not hold"),
    (MORNING.replace(tzinfo=UTC), pa.timestamp("us"), "a is 2010-12-01 08:26:00+00:00, which timestamp does not hold"),
    (
        pd.Timestamp(1, unit="ns"),
        pa.timestamp("us"),
        "a is 1970-01-01 00:00:00.000000001, which timestamp does not hold",
    ),
    ("é", pa.binary(), "a is 'é', which binary does not hold"),
    (b"a", pa.string(), "a is b'a', which varchar does not hold"),
    (7, pa.string(), "a is 7, which varchar does not hold"),
    ("\ud800", pa.string(), "a is '\\ud800', which varchar does not hold"),
]


@pytest.mark.parametrize(("value", "type_", "said"), REFUSED)
def test_a_value_that_would_be_changed_is_refused_by_name(value: Any, type_: pa.DataType, said: str) -> None:
    """Arrow takes 1.5 of a column of objects for the integer 1, and 2 for the truth."""
    good = {pa.int32(): 1, pa.int64(): 1, pa.bool_(): False, PRICE: Decimal(1), pa.string(): "x", pa.binary(): b"x"}

    with pytest.raises(MisfitError) as caught:
        exact(pd.Series([None, good.get(type_), value], dtype=object), pa.field("a", type_))

    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("values", "type_", "found"),
    [
        (pd.Series([1.0, float("nan")]), pa.int64(), [1, None]),
        (pd.Series([2**53 + 1, None], dtype=object), pa.int64(), [2**53 + 1, None]),
        (pd.Series([float("nan")]), pa.string(), [None]),
        (pd.Series(["a", None], dtype="category"), pa.string(), ["a", None]),
        (pd.Series([7, Decimal("0.5")], dtype=object), PRICE, [Decimal(7), Decimal("0.5")]),
        (pd.Series(pd.to_datetime(["2010-12-01"])), pa.date32(), [date(2010, 12, 1)]),
    ],
    ids=["floats for integers", "large integers", "all null", "categories", "mixed numbers", "midnights"],
)
def test_a_value_that_stays_itself_is_taken_however_pandas_keeps_it(
    values: "pd.Series[Any]", type_: pa.DataType, found: list[Any]
) -> None:
    assert exact(values, pa.field("a", type_)).to_pylist() == found


@pytest.mark.parametrize("name", ["", "a\0b", "é" * 64])
def test_a_name_that_no_database_takes_is_refused(name: str) -> None:
    with pytest.raises(UnsafeNameError, match="cannot name a table or column; take 1 to 127 bytes"):
        quoted(name)
