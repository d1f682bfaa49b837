"""The contract of streams that do not come to their end: the database says why, nothing hangs, and nothing is lost."""

import time

import psycopg2
import pytest

from user_behaviour.source.database import SnapshotError, SourceDatabase
from user_behaviour.tables.values import MisfitError
from user_behaviour_tests.contracts.test_source_database import LINES, MANY, NUMBERS, execute


@pytest.mark.parametrize(
    "sql",
    [
        "select id, detail from nowhere",
        "select 1 / 0 as id, 'x' as detail",
        "select 10 / (150000 - n) as id, repeat('x', 200) as detail from generate_series(1, 200000) as n",
    ],
    ids=["at once", "before the first row", "far into the rows"],
)
def test_an_error_of_the_query_is_that_of_the_database_and_leaves_the_snapshot_usable(
    source: SourceDatabase, sql: str
) -> None:
    with source.snapshot() as shop:
        with pytest.raises((psycopg2.errors.UndefinedTable, psycopg2.errors.DivisionByZero)):
            list(shop.stream(sql, {}, LINES))
        assert shop.rows("select 1", {}) == [(1,)]


@pytest.mark.parametrize(
    ("end", "error"),
    [("pg_terminate_backend", psycopg2.Error), ("pg_cancel_backend", psycopg2.errors.QueryCanceled)],
    ids=["the session", "the query"],
)
def test_what_the_server_ends_half_way_is_an_error_and_no_short_stream(
    source: SourceDatabase, url: str, end: str, error: type[Exception]
) -> None:
    with source.snapshot() as shop:
        ((pid,),) = shop.rows("select pg_backend_pid()", {})
        stream = shop.stream(MANY, {}, NUMBERS)
        next(stream)
        execute(url, (f"select {end}(%s)", (pid,)))
        with pytest.raises(error):
            list(stream)


def test_a_value_that_does_not_fit_its_type_is_named_and_does_not_hang(source: SourceDatabase) -> None:
    """The stream once waited for the database while the database waited for the stream."""
    sql = f"select n * 3000000000 as id, t as detail from ({MANY}) as many"

    with source.snapshot() as shop:
        with pytest.raises(MisfitError, match=r"^id is '3000000000', which int does not hold$"):
            list(shop.stream(sql, {}, LINES))
        assert shop.rows("select 1", {}) == [(1,)]


def test_a_reader_that_leaves_early_does_not_hang_and_the_snapshot_goes_on(source: SourceDatabase) -> None:
    """A day that is held back half-way must not take the snapshot from the days after it."""
    begun = time.monotonic()
    endless = """select a * 1000000 + b as n, repeat('x', 200) as t
        from generate_series(1, 1000000) as a cross join generate_series(1, 100000) as b"""

    with source.snapshot() as shop:
        for _ in range(3):
            stream = shop.stream(endless, {}, NUMBERS)
            next(stream)
            stream.close()
        found = list(shop.stream("select 1::bigint as n, 'x' as t", {}, NUMBERS))

    assert [batch.to_pylist() for batch in found] == [[{"n": 1, "t": "x"}]]
    assert time.monotonic() - begun < 20


def test_a_reader_that_leaves_a_slow_query_does_not_wait_for_it(source: SourceDatabase) -> None:
    begun = time.monotonic()
    slow = f"select n, case when n = 150000 then pg_sleep(60)::text || t else t end as t from ({MANY}) as many"

    with source.snapshot() as shop:
        stream = shop.stream(slow, {}, NUMBERS)
        next(stream)
        stream.close()

    assert time.monotonic() - begun < 20


def test_a_snapshot_that_ends_under_a_stream_ends_the_stream_with_an_error(source: SourceDatabase) -> None:
    with source.snapshot() as shop:
        stream = shop.stream(MANY, {}, NUMBERS)
        next(stream)

    with pytest.raises(SnapshotError, match="ended while a stream of it was read"):
        list(stream)


def test_a_snapshot_gives_one_stream_at_a_time(source: SourceDatabase) -> None:
    """Libpq discards what is left of a COPY when another statement comes: rows would be lost without a word."""
    with source.snapshot() as shop:
        stream = shop.stream(MANY, {}, NUMBERS)
        next(stream)
        with pytest.raises(SnapshotError, match="read the stream to its end"):
            shop.rows("select 1", {})
        with pytest.raises(SnapshotError):
            next(shop.stream(MANY, {}, NUMBERS))
        assert 0 < sum(batch.num_rows for batch in stream) < 200_000
        assert shop.rows("select 1", {}) == [(1,)]
