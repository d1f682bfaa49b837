"""The metric as it was published at a moment: rows by hand, on both warehouses, asked by the user who can only read."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click
import psycopg2
import pytest

from user_behaviour.commands.as_of import Moment, meaning_the_session
from user_behaviour.commands.questions import answer
from user_behaviour.warehouse.published_days import purge_superseded_rows
from user_behaviour_tests.warehouse.conftest import A_ROW, DELETE, Twin

NAME = "'public.user_behavior_metric'"
PUBLISHED = f"insert into audit.published_partition values ({NAME}, '{{}}', 'b', '{{}}', 1, '', '', '{{}}')"
SUPERSEDED = "insert into audit.superseded_metric values ({}, {}, 1, 1, 'a', '{}', '{}')"
RESTATED = "insert into audit.restatement values ('{}', 'b', {}, 1, 1, 1, 1, 1, 1, 1, 1, 'late rows', '{}')"
SQL = "select insert_date::varchar(10), customerid, amount_spent::int from public.user_behavior_metric order by 1, 2"
# The 1st: published on the 5th with 10 for customer 1, on the 7th with 20, since the 9th with 30 for 1 and for 2.
# The 2nd: published on the 5th with no row, since the 7th with one. The 3rd: published on the 7th, never changed.
HISTORY = (
    DELETE,
    "insert into public.user_behavior_metric values (1, 30, 1, 1, 'b', '2011-01-01'), (2, 30, 1, 1, 'b', '2011-01-01')",
    "insert into public.user_behavior_metric values (3, 5, 1, 1, 'b', '2011-01-02'), (4, 6, 1, 1, 'b', '2011-01-03')",
    PUBLISHED.format("2011-01-01", "2011-01-09", "2011-01-05"),
    PUBLISHED.format("2011-01-02", "2011-01-07", "2011-01-05"),
    PUBLISHED.format("2011-01-03", "2011-01-07", "2011-01-07"),
    SUPERSEDED.format(1, 10, "2011-01-07", "2011-01-01"),
    SUPERSEDED.format(1, 20, "2011-01-09", "2011-01-01"),
    RESTATED.format("2011-01-07", 1, "2011-01-01"),
    RESTATED.format("2011-01-09", 1, "2011-01-01"),
    RESTATED.format("2011-01-07", 0, "2011-01-02"),
)
NEWEST = [("2011-01-01", 1, 30), ("2011-01-01", 2, 30), ("2011-01-02", 3, 5), ("2011-01-03", 4, 6)]
FORGET = [f"delete from audit.{table}" for table in ("published_partition", "restatement", "superseded_metric")]


@pytest.fixture
def history(twin: Twin) -> Iterator[Twin]:
    twin.execute(*HISTORY)
    yield twin
    twin.execute(DELETE, *FORGET, A_ROW)


def at(twin: Twin, moment: str, sql: str = SQL) -> list[tuple[Any, ...]]:
    return list(answer(twin.warehouse.reader(), sql, datetime.fromisoformat(moment))[1])


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2011-01-05", [("2011-01-01", 1, 10)]),
        ("2011-01-06T23:59:59.999999", [("2011-01-01", 1, 10)]),
        ("2011-01-07", [("2011-01-01", 1, 20), *NEWEST[2:]]),
        ("2011-01-09", NEWEST),
        ("2030-01-01", NEWEST),
    ],
)
def test_the_metric_is_as_it_was_published_then(history: Twin, moment: str, expected: list[Any]) -> None:
    assert at(history, moment) == expected


def test_by_whichever_name_the_metric_is_meant(history: Twin) -> None:
    for name in (
        "user_behavior_metric",
        "PUBLIC.User_Behavior_Metric",
        '"public" . "user_behavior_metric"',
        "public/* so */.--\nuser_behavior_metric",
    ):
        assert at(history, "2011-01-05", SQL.replace("public.user_behavior_metric", name)) == [("2011-01-01", 1, 10)]
    assert at(history, "2011-01-05", f"rollback; {SQL}") == [("2011-01-01", 1, 10)]


def test_texts_comments_and_longer_names_stay_as_they_are() -> None:
    kept = """select 'public.user_behavior_metric', $a$public.user_behavior_metric$a$,
    E'\\'public.user_behavior_metric', "public.user_behavior_metric", public.user_behavior_metric_2
    from my_public.user_behavior_metric, public.other -- public.user_behavior_metric
    /* public.user_behavior_metric */"""
    assert meaning_the_session(kept) == kept
    sql = "select public.user_behavior_metric.customerid from warehouse.public.user_behavior_metric"
    assert meaning_the_session(sql) == "select user_behavior_metric.customerid from user_behavior_metric"


def test_a_moment_before_what_is_kept_is_refused_with_the_first_that_is_not(history: Twin) -> None:
    with pytest.raises(click.ClickException, match=r"2011-01-04 00:00:00 is not known .* from 2011-01-05 00:00:00 on"):
        at(history, "2011-01-04")
    assert purge_superseded_rows(history.warehouse, datetime(2011, 1, 8, tzinfo=UTC)) == 1
    with pytest.raises(click.ClickException, match=r"2011-01-06 00:00:00 is not known .* from 2011-01-07 00:00:00 on"):
        at(history, "2011-01-06")
    assert at(history, "2011-01-07")[0] == ("2011-01-01", 1, 20)
    kept = history.warehouse.rows("select count(*) as rows from audit.restatement")
    assert kept == [{"rows": 3}]
    history.execute(*FORGET)
    with pytest.raises(click.ClickException, match="Nothing of the metric is published yet"):
        at(history, "2011-01-06")


def test_what_is_published_stays_and_cannot_be_written_by_a_query_of_the_past(history: Twin) -> None:
    before = history.state()
    with pytest.raises(psycopg2.Error, match="permission denied"):
        at(history, "2011-01-05", "delete from audit.superseded_metric")
    assert at(history, "2011-01-05", "delete from public.user_behavior_metric") == []  # of the session's own table
    assert history.state() == before


def test_a_moment_is_a_day_or_a_time_in_utc_or_in_a_zone() -> None:
    for text in ("2011-12-09", "2011-12-09T00:00", "2011-12-09T02:00+02:00"):
        assert Moment().convert(text, None, None) == datetime(2011, 12, 9)  # noqa: DTZ001
    with pytest.raises(click.BadParameter, match="'yesterday' is no moment; write it as 2011-12-09"):
        Moment().convert("yesterday", None, None)
    with pytest.raises(click.BadParameter, match="'9999-12-31' is to come"):
        Moment().convert("9999-12-31", None, None)
