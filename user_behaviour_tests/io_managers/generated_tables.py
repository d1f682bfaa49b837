"""Tables that hypothesis makes up: any names, every type of the vocabulary, any values that the types hold."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st

from user_behaviour.tables.table import Column, Table
from user_behaviour_tests.io_managers.greenhouse import MON, TUE, WED

NAME = "public.made_up"
DAY = "measured_on"
DAYS = [MON, TUE, WED]
Row = tuple[Any, ...]

_CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
_NASTY = [
    "user",
    "order",
    "group",
    "pct%",
    "%s",
    "%(first_day)s",
    "Mixed",
    'a"b',
    "{table}",
    "a.b",
    "it's; --",
    "\\",
    "東京",
    " ",
]
_NAMES = st.sampled_from(_NASTY) | st.text(_CHARACTERS, min_size=1, max_size=12)
_TYPES = st.one_of(
    st.sampled_from(["boolean", "int", "bigint", "date", "timestamp", "binary"]),
    st.integers(1, 40).map("varchar({})".format),
    st.integers(1, 38).flatmap(lambda p: st.integers(0, p).map(lambda s: f"decimal({p},{s})")),
)


@dataclass(frozen=True)
class MadeUp:
    """A table and its rows of some days; the day is the last value of each."""

    table: Table
    rows: list[Row]

    def arrow(self) -> pa.Table:
        schema = self.table.arrow_schema().append(pa.field(DAY, pa.date32()))
        columns = [pa.array([row[at] for row in self.rows], field.type) for at, field in enumerate(schema)]
        return pa.table(columns, schema=schema)

    def stream(self) -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(self.arrow().schema, self.arrow().to_batches(max_chunksize=2))

    def frame(self) -> pd.DataFrame:
        """Each value as the object that it is in Python."""
        names = [*self.table.column_names, DAY]
        return pd.DataFrame({n: pd.Series([row[at] for row in self.rows], dtype=object) for at, n in enumerate(names)})


def rows_of(value: pa.Table | pa.RecordBatchReader | pd.DataFrame) -> list[Row]:
    """The rows of what an IO manager gave, as Python's own values, sorted."""
    if isinstance(value, pd.DataFrame):
        columns = [[None if pd.isna(v) else _plain(v) for v in value[name]] for name in value.columns]
        return _sorted(zip(*columns, strict=True))
    table = value if isinstance(value, pa.Table) else value.read_all()
    return _sorted(tuple(row.values()) for row in table.to_pylist())


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value


def _sorted(rows: Any) -> list[Row]:
    return sorted(rows, key=lambda row: (row[-1], repr(row)))


def _values(type_: str) -> st.SearchStrategy[Any]:
    name, _, sizes = type_.rstrip(")").partition("(")
    if name == "varchar":
        return st.text(_CHARACTERS, max_size=int(sizes)).filter(lambda text: len(text.encode()) <= int(sizes))
    if name == "decimal":
        precision, scale = map(int, sizes.split(","))
        count = st.integers(1 - 10**precision, 10**precision - 1)
        return count.map(lambda n: Decimal((int(n < 0), tuple(map(int, str(abs(n)))), -scale)))
    return {
        "boolean": st.booleans(),
        "int": st.integers(-(2**31), 2**31 - 1),
        "bigint": st.integers(-(2**63), 2**63 - 1),
        "date": st.dates(),
        "timestamp": st.datetimes().map(lambda moment: moment.replace(fold=0)),
        "binary": st.binary(max_size=20),
    }[name]


@st.composite
def made_up(draw: st.DrawFn) -> MadeUp:
    """A table of one to five columns, and up to six rows of its days."""
    names = draw(st.lists(_NAMES.filter(_is_free), min_size=1, max_size=5, unique_by=str.lower))
    columns = tuple(Column(name, draw(_TYPES), "", nullable=draw(st.booleans())) for name in names)
    one = [(st.none() | _values(c.type)) if c.nullable else _values(c.type) for c in columns]
    rows = draw(st.lists(st.tuples(*one, st.sampled_from(DAYS)), max_size=6))
    return MadeUp(Table(NAME, "", columns, partition_column=DAY), _sorted(rows))


def _is_free(name: str) -> bool:
    """No name of the table's own; PostgreSQL keeps 63 bytes, and has columns of its own in each table."""
    own = (DAY, "batch_id", "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid")
    return name.lower() not in own and len(name.encode()) <= 63


def expected(rows: list[Row], days: list[date]) -> list[Row]:
    """The rows of the days."""
    return _sorted(row for row in rows if row[-1] in days)
