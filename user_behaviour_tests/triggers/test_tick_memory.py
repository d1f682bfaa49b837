"""A sensor's memory: versions once, nothing that is gone, in a cursor that is read or refused with a sentence."""

import json

import pytest

from user_behaviour.triggers.tick_memory import CursorError, TickMemory, fingerprint

ODD_NUMBERS = ("1e400", "-1", "1e3", "0.5", "NaN", "true", "null", '"7"', "9" * 30)


def test_a_memory_survives_its_cursor() -> None:
    memory = TickMemory(
        3,
        {"a.csv": "1"},
        {"b\udcff.csv": "2"},
        "odd",
        {"": "state", "a.csv": "other"},
        7,
        position="a.csv",
        announced=("2010-12-01",),
        receipts=("r1",),
        odd={"README.txt": "not a name of the vendor's"},
    )

    assert TickMemory.from_cursor(memory.to_cursor()) == memory


def test_a_long_cursor_is_packed_for_the_page_that_shows_it_whole() -> None:
    """A year of days filled the sensor's page and some more."""
    days = [f"2011-{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 29)]
    memory = TickMemory(1, dict.fromkeys(days, "e0969d93fc28"))

    assert len(memory.to_cursor()) < 1_200
    assert TickMemory.from_cursor(memory.to_cursor()) == memory


def test_a_cursor_of_release_0_2_0_is_read() -> None:
    cursor = '{"quiet":0,"reported":["README.txt"],"requested":{"a.csv":"1"},"seen":{},"serial":2}'

    assert TickMemory.from_cursor(cursor) == TickMemory(2, {"a.csv": "1"}, {}, fingerprint("README.txt"))


def test_a_cursor_of_release_0_3_0_is_read() -> None:
    cursor = '{"answered":"a602","quiet":3,"reported":"f00d","requested":{"a.csv":"1"},"seen":{},"serial":2}'

    assert TickMemory.from_cursor(cursor) == TickMemory(2, {"a.csv": "1"}, {}, "f00d", {"": "a602"}, 3)


def test_no_cursor_is_an_empty_memory() -> None:
    assert TickMemory.from_cursor(None) == TickMemory()


def cursor_with(name: str, value: str) -> str:
    """The cursor of an empty memory but for one value, as JSON."""
    return json.dumps({**json.loads(TickMemory().to_cursor()), name: "@"}).replace('"@"', value)


@pytest.mark.parametrize(
    "cursor",
    [
        *("{", "[]", "2010-12-01", '{"serial": 1}', '{"serial":' + "[" * 100_000, "eJwDAAAAAAE=", "W10="),
        *(cursor_with(name, number) for name in ("serial", "quiet") for number in ODD_NUMBERS),
        *(cursor_with(name, value) for name in ("requested", "seen") for value in ('["ab"]', '{"a.csv": 1e400}', "7")),
        *(cursor_with("reported", value) for value in ("[1]", "7")),
        *(cursor_with(name, "7") for name in ("answered", "position", "announced", "receipts", "odd")),
        cursor_with("announced", '["2010-13-01"]'),
    ],
    ids=lambda cursor: cursor[:60],
)
def test_a_foreign_cursor_is_refused_and_the_way_out_named(cursor: str) -> None:
    """A number that no integer can hold once left the tick with a bare OverflowError."""
    with pytest.raises(CursorError, match="reset it on the sensor's page"):
        TickMemory.from_cursor(cursor)


def test_a_requested_version_is_remembered_and_another_version_is_unrequested() -> None:
    memory = TickMemory().after({"a": "1", "b": "1"}, requested={"a"})

    assert memory == TickMemory(1, {"a": "1"}, {"b": "1"})
    assert memory.unrequested({"a": "2", "b": "1"}) == {"a": "2", "b": "1"}
    assert memory.is_at_rest("b", "1")
    assert not memory.is_at_rest("b", "2")


def test_what_is_gone_is_forgotten() -> None:
    memory = TickMemory(1, {"a": "1"}, {"b": "1"})

    assert memory.after({}, requested=()) == TickMemory(1)


def test_a_fingerprint_tells_parts_apart() -> None:
    assert fingerprint("ab", "c") != fingerprint("a", "bc")
