"""The rows of many days, read in a thread of their own while those of the days before them are written."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import Any, Generic, TypeVar

from user_behaviour.lake.held_back import HeldBackError
from user_behaviour.tables.ahead import ahead

T = TypeVar("T")
_END: Any = object()


class ReadAhead(Generic[T]):
    """What `read` gives of each of the days, one day after the other; a `HeldBackError` of it is that of its day."""

    def __init__(self, days: Sequence[date], read: Callable[[date], Iterable[T]]) -> None:
        self._found = ahead(_found(days, read))

    def of(self, day: date) -> Iterator[T]:
        """What is read of the day. The days are asked for in order; one need not be used to its end."""
        for found, item in self._found:
            if found != day:
                continue
            if isinstance(item, HeldBackError):
                raise item
            if item is _END:
                return
            yield item
        raise LookupError(f"{day} is asked for after the reading ended: out of order, or after an error.")

    def close(self) -> None:
        """Ends the thread."""
        self._found.close()


def _found(days: Sequence[date], read: Callable[[date], Iterable[T]]) -> Iterator[tuple[date, Any]]:
    for day in days:
        try:
            for item in read(day):
                yield day, item
            yield day, _END
        except HeldBackError as error:
            yield day, error
