"""The terminal: a console for the user, rows as a table on it, and how to silence all else that writes to it."""

import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from numbers import Number
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDE = 10_000


def console(stream: Any = None) -> Console:
    """A console on standard output. Where that is no terminal, lines are as long as they are, and plain."""
    stream = stream or sys.stdout
    if stream.isatty():
        return Console(file=stream, highlight=False)
    return Console(file=stream, highlight=False, width=_WIDE, color_system=None, soft_wrap=True)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Rows as a table; numbers to the right, null as nothing. Two columns may have the same name."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, name in enumerate(columns):
        figures = all(row[number] is None or isinstance(row[number], Number) for row in rows)
        table.add_column(Text(str(name)), justify="right" if figures and rows else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if value is None else str(value)) for value in row))
    if columns:
        console().print(table)


def one_line(text: str, most: int) -> str:
    """A text as a line of at most so many characters; what would steer the terminal is shown as an escape."""
    line = " ".join(text.split())
    cut = line if len(line) <= most else f"{line[: most - 1]}…"
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in cut)


@contextmanager
def own_console(*, alone: bool) -> Iterator[Console]:
    """A console that stays on the terminal while Dagster turns standard output and error to its own files.

    `alone`: what anybody else writes to the terminal meanwhile is dropped. Dagster mirrors there what it keeps of
    Spark's log, and the mirror is a process of its own, so the file descriptors are turned and not `sys.stdout`.
    """
    with ExitStack() as stack:
        try:
            shown = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", buffering=1)
        except io.UnsupportedOperation:  # not a file, as in a test
            yield console()
            return
        stack.enter_context(shown)
        if alone:
            for stream in (sys.stdout, sys.stderr):
                stack.enter_context(_silenced(stream))
        yield console(shown)


@contextmanager
def _silenced(stream: Any) -> Iterator[None]:
    stream.flush()
    kept = os.dup(stream.fileno())
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())
    try:
        yield
    finally:
        stream.flush()
        os.dup2(kept, stream.fileno())
        os.close(kept)
