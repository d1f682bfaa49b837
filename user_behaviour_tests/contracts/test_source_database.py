"""The contract of the source database: snapshots of one moment, and streams that say what the database says."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any

import psycopg2
import pyarrow as pa
import pytest

from user_behaviour.aws.clients import Aws
from user_behaviour.source.database import SourceDatabase
from user_behaviour.source.postgres import PostgresSource
from user_behaviour_tests.databases import new_database

LINES = pa.schema([("id", pa.int32()), ("detail", pa.string())])
NUMBERS = pa.schema([("n", pa.int64()), ("t", pa.string())])
MANY = "select n, repeat('x', 200) as t from generate_series(1, 200000) as n"  # far more than a pipe and a block hold

# What a text may hold, and what CSV could make of it.
TEXTS = [
    None,
    "",
    " ",
    '"',
    '""',
    "a,b;c\td|e",
    "line\none",
    "line\r\ntwo\r",
    "\\",
    "\\N",
    "\\.",
    "before\n\\.\nafter",
    "NULL",
    "null",
    "NaN",
    "t",
    "'; drop table lines; --",
    "%s %(first_moment)s 100%",
    "Zoë, Ødegård, 東京, 🙂",
    "\u2028\u0085\ufeff",
]


def execute(url: str, *statements: Any) -> None:
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(*statement) if isinstance(statement, tuple) else cursor.execute(statement)


@pytest.fixture
def lines(url: str) -> Iterator[str]:
    execute(url, "create table lines (id int, detail text)")
    yield url
    execute(url, "drop table lines")


def test_all_that_is_read_in_a_snapshot_is_of_one_moment(source: SourceDatabase, lines: str) -> None:
    execute(lines, "insert into lines values (1, 'before')")

    with source.snapshot() as shop:
        execute(lines, "insert into lines values (2, 'meanwhile')", "update lines set detail = 'changed'")
        counted = shop.rows("select count(*) from lines", {})
        streamed = list(shop.stream("select id, detail from lines order by id", {}, LINES))
        again = list(shop.stream("select id, detail from lines order by id", {}, LINES))

    assert counted == [(1,)]
    assert [row for batch in streamed for row in batch.to_pylist()] == [{"id": 1, "detail": "before"}]
    assert again == streamed


def test_a_snapshot_says_its_moment_and_a_later_one_says_a_later_one(source: SourceDatabase) -> None:
    with source.snapshot() as first:
        pass
    with source.snapshot() as second:
        ((now,),) = second.rows('select to_char(clock_timestamp(), \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\')', {})

    assert first.as_of < second.as_of < now


def test_nothing_can_be_written_through_a_snapshot(source: SourceDatabase, lines: str) -> None:
    with source.snapshot() as shop, pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
        shop.rows("insert into lines values (1, 'ours') returning id", {})


def test_texts_come_through_as_they_are_and_null_is_not_the_empty_text(source: SourceDatabase, lines: str) -> None:
    execute(lines, *[("insert into lines values (%s, %s)", (n, text)) for n, text in enumerate(TEXTS)])

    with source.snapshot() as shop:
        found = pa.Table.from_batches(shop.stream("select id, detail from lines order by id", {}, LINES), LINES)

    assert found["detail"].to_pylist() == TEXTS


def test_rows_are_never_cut_in_a_text_that_looks_like_their_end(source: SourceDatabase) -> None:
    """More than one block of rows whose texts hold line ends and quotes wherever a block may end."""
    sql = """select n, E'"a"\\n1,\\n"b""\\n' || repeat(E'\\n"', n %% 7) || n as t
        from generate_series(1, 300000) as n order by n"""

    with source.snapshot() as shop:
        batches = list(shop.stream(sql, {}, NUMBERS))

    assert len(batches) > 1
    found = pa.Table.from_batches(batches)
    assert found["n"].to_pylist() == list(range(1, 300_001))
    assert all(
        text == '"a"\n1,\n"b""\n' + '\n"' * (n % 7) + str(n)
        for n, text in zip(found["n"].to_pylist(), found["t"].to_pylist(), strict=True)
    )


def test_a_single_column_keeps_the_rows_that_are_null(source: SourceDatabase) -> None:
    """COPY writes such a row as an empty line, which a reader of CSV skips unless it is told not to."""
    schema = pa.schema([("detail", pa.string())])

    with source.snapshot() as shop:
        sql = "select * from (values ('a'), (null), (''), (null)) as t (detail)"
        found = pa.Table.from_batches(shop.stream(sql, {}, schema), schema)

    assert found["detail"].to_pylist() == ["a", None, "", None]


def test_every_type_of_the_vocabulary_comes_through_exactly(source: SourceDatabase) -> None:
    schema = pa.schema(
        [
            ("yes", pa.bool_()),
            ("small", pa.int32()),
            ("big", pa.int64()),
            ("day", pa.date32()),
            ("moment", pa.timestamp("us")),
            ("price", pa.decimal128(8, 3)),
        ]
    )
    sql = """select true as yes, -2147483648 as small, 9223372036854775807 as big, date '2010-12-01' as day,
        timestamp '2010-12-01 08:26:00.123456' as moment, -99999.999::numeric(8, 3) as price
        union all select null, null, null, null, null, null -- the last line is a comment"""

    with source.snapshot() as shop:
        (batch,) = shop.stream(sql, {}, schema)

    first, nulls = batch.to_pylist()
    assert [str(value) for value in first.values()] == [
        "True",
        "-2147483648",
        "9223372036854775807",
        "2010-12-01",
        "2010-12-01 08:26:00.123456",
        "-99999.999",
    ]
    assert first["price"] == Decimal("-99999.999")
    assert set(nulls.values()) == {None}


def test_a_query_without_rows_is_a_stream_without_rows(source: SourceDatabase) -> None:
    with source.snapshot() as shop:
        assert sum(b.num_rows for b in shop.stream("select 1 as id, 'x' as detail where false", {}, LINES)) == 0


def test_memory_does_not_grow_with_the_rows(url: str) -> None:
    """Two million rows, 220 MB of text, in a process of its own, which may grow by a few blocks."""
    done = subprocess.run([sys.executable, "-c", _STREAM_MANY, url], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    rows, grown = (int(word) for word in done.stdout.split())
    assert rows == 2_000_000
    assert grown < 120 << 20


def test_a_database_of_another_encoding_gives_the_same_texts(url: str) -> None:
    """COPY writes in the encoding of the client, which is the database's unless one asks for another."""
    latin = "encoding 'LATIN1' template template0 locale 'C'"
    with new_database(url, options=latin) as database, PostgresSource(url=database, aws=Aws()).snapshot() as shop:
        (batch,) = shop.stream("select 1 as id, chr(233) || 'té' as detail", {}, LINES)
        assert batch["detail"].to_pylist() == ["été"]


_STREAM_MANY = """
import resource, sys
import pyarrow as pa, pyarrow.csv, psycopg2
from user_behaviour.aws.clients import Aws
from user_behaviour.source.postgres import PostgresSource
schema = pa.schema([("n", pa.int64()), ("t", pa.string())])
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
with PostgresSource(url=sys.argv[1], aws=Aws()).snapshot() as shop:
    sql = "select n, repeat('x', 100) as t from generate_series(1, {}) as n"
    list(shop.stream(sql.format(1000), {}, schema))
    before = peak()
    rows = sum(batch.num_rows for batch in shop.stream(sql.format(2_000_000), {}, schema))
print(rows, peak() - before)
"""
