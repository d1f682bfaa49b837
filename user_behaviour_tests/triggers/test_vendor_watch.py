"""The watcher of the vendor's drop, file by file, without Dagster. What Dagster makes of it is in test_sensors."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from user_behaviour.tables.days import DayRange
from user_behaviour.triggers.tick_memory import TickMemory
from user_behaviour.triggers.vendor_watch import WatchResult, watch
from user_behaviour.vendor.drop import DroppedFile

PARTITIONS = DayRange(date(2010, 12, 1), date(2011, 12, 9))


def whole(day: str, suffix: str = "", *, version: str = "1") -> DroppedFile:
    return DroppedFile(f"movie_review_{day}{suffix}.csv", 10, version, 0.0, is_whole=True)


def growing(day: str, suffix: str = "", *, version: str = "1") -> DroppedFile:
    return DroppedFile(f"movie_review_{day}{suffix}.csv", 10, version, 0.0)


def spans(seen: WatchResult) -> list[tuple[str, str]]:
    return [(str(request.span.first), str(request.span.last)) for request in seen.requests]


def glance(files: Sequence[DroppedFile], memory: TickMemory | None = None) -> WatchResult:
    return watch(files, memory or TickMemory(), partitions=PARTITIONS)


def test_a_store_that_shows_whole_files_only_needs_no_second_look() -> None:
    assert spans(glance([whole("2010-12-01")])) == [("2010-12-01", "2010-12-01")]


def test_a_file_that_may_be_growing_is_taken_when_it_was_the_same_twice() -> None:
    first = glance([growing("2010-12-01")])
    second = glance([growing("2010-12-01", version="2")], first.memory)
    third = glance([growing("2010-12-01", version="2")], second.memory)

    assert (spans(first), spans(second), spans(third)) == ([], [], [("2010-12-01", "2010-12-01")])
    assert (first.resting, second.resting, third.resting) == (1, 1, 0)


def test_a_day_waits_for_all_of_its_files() -> None:
    """Its run would land the half-written one too."""
    files = [whole("2010-12-01"), growing("2010-12-01", "_late")]
    first = glance(files)

    assert spans(first) == []
    assert [file.name for file in glance(files, first.memory).delivered[date(2010, 12, 1)]] == [
        "movie_review_2010-12-01.csv",
        "movie_review_2010-12-01_late.csv",
    ]


def test_a_short_gap_is_gone_over_and_a_long_one_is_not() -> None:
    week = glance([whole("2010-12-01"), whole("2010-12-09")])
    longer = glance([whole("2010-12-01"), whole("2010-12-10")])

    assert spans(week) == [("2010-12-01", "2010-12-09")]
    assert spans(longer) == [("2010-12-01", "2010-12-01"), ("2010-12-10", "2010-12-10")]
    assert list(week.delivered) == [date(2010, 12, 1), date(2010, 12, 9)]


def test_a_day_whose_file_is_being_written_is_not_gone_over() -> None:
    seen = glance([whole("2010-12-01"), growing("2010-12-02"), whole("2010-12-03")])

    assert spans(seen) == [("2010-12-01", "2010-12-01"), ("2010-12-03", "2010-12-03")]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("README.txt", "not a name of the vendor's"),
        ("movie_review_2010-13-45.csv", "not a name of the vendor's"),
        ("movie_review_2010-11-30.csv", "before the first partition, 2010-12-01"),
        ("movie_review_2011-12-10.csv", "no partition yet (the last is 2011-12-09)"),
    ],
)
def test_a_file_that_cannot_be_taken_is_reported_once(name: str, reason: str) -> None:
    odd = DroppedFile(name, 1, "1", 0.0, is_whole=True)
    first = glance([odd, whole("2010-12-01")])
    second = glance([odd, whole("2010-12-01")], first.memory)

    assert len(first.reports) == 1
    assert name in first.reports[0]
    assert reason in first.reports[0]
    assert spans(first) == [("2010-12-01", "2010-12-01")]
    assert (second.reports, spans(second)) == ([], [])


def test_a_name_that_is_no_text_is_reported_in_ascii() -> None:
    odd = DroppedFile("caf\udcff.csv", 1, "1", 0.0)

    assert glance([odd]).reports[0].isascii()


def test_a_file_of_today_is_taken_when_its_day_has_a_partition() -> None:
    today = [whole("2011-12-10")]
    before = glance(today)
    after = watch(today, before.memory, partitions=DayRange(PARTITIONS.first, date(2011, 12, 10)))

    assert spans(before) == []
    assert spans(after) == [("2011-12-10", "2011-12-10")]


def test_what_is_no_file_is_reported_once_and_is_no_file_of_its_day() -> None:
    link = {"movie_review_2010-12-01.csv": "a link, which is not followed"}
    first = watch([whole("2010-12-01", "_late")], TickMemory(), partitions=PARTITIONS, unusable=link)
    second = watch([whole("2010-12-01", "_late")], first.memory, partitions=PARTITIONS, unusable=link)

    assert first.reports == ["'movie_review_2010-12-01.csv': it is a link, which is not followed; it is left alone"]
    assert spans(first) == [("2010-12-01", "2010-12-01")]
    assert (second.reports, spans(second)) == ([], [])


def test_what_0_2_0_requested_is_not_requested_again_until_it_changes() -> None:
    """Versions were of times then and are of bytes now: a year of files would land again after an update."""
    memory = TickMemory.from_cursor(
        '{"reported":[],"requested":{"movie_review_2010-12-01.csv":"136f84488998"},"seen":{},"serial":1}'
    )
    known = DroppedFile("movie_review_2010-12-01.csv", 10, "bytes", 0.0, is_whole=True, formerly="12b1ca8e-a-2f")
    first = glance([known], memory)
    touched = glance([replace(known, formerly="12b1ca8f-a-2f")], first.memory)
    changed = glance([replace(known, version="others")], touched.memory)

    assert [spans(seen) for seen in (first, touched, changed)] == [[], [], [("2010-12-01", "2010-12-01")]]


def test_before_the_first_day_is_over_every_file_waits() -> None:
    seen = watch([whole("2010-12-01")], TickMemory(), partitions=None)

    assert spans(seen) == []
    assert "there is none" in seen.reports[0]


def test_a_file_that_is_gone_is_forgotten_and_asked_for_again_when_it_returns() -> None:
    first = glance([whole("2010-12-01")])
    gone = glance([], first.memory)
    back = glance([whole("2010-12-01")], gone.memory)

    assert gone.memory.requested == {}
    assert back.requests[0].run_key != first.requests[0].run_key


def test_what_exceeds_a_tick_is_asked_for_at_the_next() -> None:
    """Files of days far apart: a run for each."""
    files = [whole(f"2011-{month:02}-01") for month in range(1, 13)]
    asked: list[tuple[str, str]] = []
    memory = TickMemory()
    for _ in range(4):
        seen = glance(files, memory)
        asked, memory = asked + spans(seen), seen.memory

    assert [first for first, _ in asked] == [f"2011-{month:02}-01" for month in range(1, 13)]


def test_the_memory_of_ten_years_of_files_is_below_a_quarter_of_a_megabyte() -> None:
    files = [
        whole(f"{year}-{month:02}-{day:02}")
        for year in range(2010, 2020)
        for month in range(1, 13)
        for day in range(1, 29)
    ]
    seen = watch(files, TickMemory(), partitions=DayRange(date(2010, 1, 1), date(2019, 12, 31)))

    assert len(seen.memory.to_cursor()) < 250_000
