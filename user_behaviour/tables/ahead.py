"""Takes items from an iterator in a thread of its own, a few ahead of whoever uses them."""

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
DEPTH = 3
_END: Any = object()


def ahead(items: Iterable[T]) -> Generator[T]:
    """The items, and the error that they end with; `DEPTH` of them are held. Closing it closes a generator of items."""
    iterator = iter(items)
    with ThreadPoolExecutor(1, "ahead") as thread:
        coming = deque(thread.submit(next, iterator, _END) for _ in range(DEPTH))
        try:
            while (item := coming.popleft().result()) is not _END:
                coming.append(thread.submit(next, iterator, _END))
                yield item
        finally:
            for future in coming:
                future.cancel()
            if isinstance(iterator, Generator):
                thread.submit(iterator.close).result()
