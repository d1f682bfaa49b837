"""The watcher of the vendor's drop, file by file, without Dagster. What Dagster makes of it is in test_sensors."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from types import MappingProxyType

import pytest

from user_behaviour.lake.manifests import Manifest, Source
from user_behaviour.tables.days import DayRange
from user_behaviour.triggers.drop_listing import DropListing
from user_behaviour.triggers.tick_memory import QUIET_TICKS, TickMemory
from user_behaviour.triggers.vendor_watch import WatchResult, open_days, watch
from user_behaviour.vendor.drop import DropPage, DroppedFile
from user_behaviour.vendor.file_name import day_of

PARTITIONS = DayRange(date(2010, 12, 1), date(2011, 12, 9))


def whole(day: str, suffix: str = "", *, version: str = "1") -> DroppedFile:
    return DroppedFile(f"movie_review_{day}{suffix}.csv", 10, version, 0.0, is_whole=True)


def growing(day: str, suffix: str = "", *, version: str = "1") -> DroppedFile:
    return DroppedFile(f"movie_review_{day}{suffix}.csv", 10, version, 0.0)


def spans(seen: WatchResult) -> list[tuple[str, str]]:
    return [(str(request.span.first), str(request.span.last)) for request in seen.requests]


def landed(*files: DroppedFile) -> dict[date, Manifest]:
    """The batches in force, of a file each."""
    return {
        day: Manifest("raw_reviews", day, "b", "", "", sources=(Source(file.name, file.size, file.version),))
        for file in files
        if (day := day_of(file.name))
    }


def whole_drop(files: Sequence[DroppedFile], unusable: Mapping[str, str] = MappingProxyType({})) -> DropListing:
    return DropListing(DropPage(files, unusable))


def glance(
    files: Sequence[DroppedFile],
    memory: TickMemory | None = None,
    *,
    partitions: DayRange | None = PARTITIONS,
    in_force: Mapping[date, Manifest] = MappingProxyType({}),
) -> WatchResult:
    return watch(whole_drop(files), memory or TickMemory(), partitions=partitions, in_force=in_force)


def test_what_the_lake_was_made_from_is_not_requested_again() -> None:
    """A sensor that was switched on after a demo landed 305 days for the second time."""
    old, corrected = whole("2010-12-01"), whole("2010-12-02", version="2")

    seen = glance([old, corrected], in_force=landed(old, whole("2010-12-02")))

    assert spans(seen) == [("2010-12-02", "2010-12-02")]
    assert list(seen.memory.requested) == [corrected.name]


def test_the_lake_is_asked_about_all_files_once_and_then_about_those_requested() -> None:
    files = [whole("2010-12-01"), whole("2010-12-02"), whole("2010-12-09", "_2")]
    first = glance(files, in_force=landed(files[0], files[1]))
    second = glance(files, first.memory, in_force=landed(files[2]))

    looks = [
        open_days(whole_drop(files), seen, partitions=PARTITIONS)
        for seen in (TickMemory(), first.memory, second.memory)
    ]

    assert looks == [[date(2010, 12, day) for day in (1, 2, 9)], [date(2010, 12, 9)], []]
    assert (spans(second), second.memory.requested) == ([], {})


def test_a_day_that_somebody_removed_is_landed_again_within_hours() -> None:
    files = [whole("2010-12-01")]
    memory = glance(files, in_force=landed(*files)).memory

    assert spans(glance(files, replace(memory, quiet=QUIET_TICKS - 1))) == []
    assert spans(glance(files, replace(memory, quiet=QUIET_TICKS))) == [("2010-12-01", "2010-12-01")]


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
    second = glance(files, first.memory)

    assert spans(first) == []
    assert sorted(second.memory.requested) == ["movie_review_2010-12-01.csv", "movie_review_2010-12-01_late.csv"]


def test_a_short_gap_is_gone_over_and_a_long_one_is_not() -> None:
    week = glance([whole("2010-12-01"), whole("2010-12-09")])
    longer = glance([whole("2010-12-01"), whole("2010-12-10")])

    assert spans(week) == [("2010-12-01", "2010-12-09")]
    assert spans(longer) == [("2010-12-01", "2010-12-01"), ("2010-12-10", "2010-12-10")]
    assert week.requests[0].days == (date(2010, 12, 1), date(2010, 12, 9))


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
def test_a_file_that_cannot_be_taken_is_odd_as_long_as_it_is_there(name: str, reason: str) -> None:
    odd = DroppedFile(name, 1, "1", 0.0, is_whole=True)
    first = glance([odd, whole("2010-12-01")])
    second = glance([odd, whole("2010-12-01")], first.memory)

    assert list(first.odd) == [name]
    assert reason in first.odd[name]
    assert spans(first) == [("2010-12-01", "2010-12-01")]
    assert (second.odd, second.memory.reported, spans(second)) == (first.odd, first.memory.reported, [])
    assert glance([], second.memory).memory.reported == ""


def test_a_file_of_today_is_taken_when_its_day_has_a_partition() -> None:
    today = [whole("2011-12-10")]
    before = glance(today)
    after = glance(today, before.memory, partitions=DayRange(PARTITIONS.first, date(2011, 12, 10)))

    assert spans(before) == []
    assert spans(after) == [("2011-12-10", "2011-12-10")]


def test_what_is_no_file_is_odd_and_is_no_file_of_its_day() -> None:
    link = {"movie_review_2010-12-01.csv": "a link, which is not followed"}
    listing = whole_drop([whole("2010-12-01", "_late")], link)
    seen = watch(listing, TickMemory(), partitions=PARTITIONS, in_force={})

    assert seen.odd == {"movie_review_2010-12-01.csv": "it is a link, which is not followed; it is left alone"}
    assert spans(seen) == [("2010-12-01", "2010-12-01")]


def test_before_the_first_day_is_over_every_file_waits() -> None:
    seen = glance([whole("2010-12-01")], partitions=None)

    assert spans(seen) == []
    assert "there is none" in seen.odd["movie_review_2010-12-01.csv"]


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


def test_the_memory_of_ten_years_of_landed_files_is_a_line() -> None:
    files = [
        whole(f"{year}-{month:02}-{day:02}")
        for year in range(2010, 2020)
        for month in range(1, 13)
        for day in range(1, 29)
    ]
    years = DayRange(date(2010, 1, 1), date(2019, 12, 31))
    seen = glance(files, glance(files, partitions=years).memory, partitions=years, in_force=landed(*files))

    assert len(seen.memory.to_cursor()) < 120
