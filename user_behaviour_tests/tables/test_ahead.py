"""Items that a thread takes ahead of their user: the same items, the same error, and nothing left behind."""

import threading
from collections.abc import Iterator

import pytest

from user_behaviour.tables.ahead import DEPTH, ahead


def test_all_items_come_in_order_and_the_error_that_they_ended_with_after_them() -> None:
    def broken() -> Iterator[int]:
        yield from range(3)
        raise LookupError("the fourth")

    found = ahead(broken())
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(LookupError, match="the fourth"):
        next(found)
    assert list(ahead([])) == []


def test_the_thread_is_a_few_items_ahead_and_closing_ends_it_and_what_it_reads() -> None:
    begun, states = 0, []

    def endless() -> Iterator[int]:
        nonlocal begun
        try:
            while True:
                begun += 1
                yield begun
        finally:
            states.append(threading.current_thread().name)

    found = ahead(endless())
    assert next(found) == 1
    found.close()
    assert begun <= 1 + DEPTH
    assert [name.startswith("ahead") for name in states] == [True]
