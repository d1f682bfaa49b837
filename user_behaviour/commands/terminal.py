"""The terminal: a console for the user, and silence for whoever else writes to it."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from rich.console import Console

_WIDE = 10_000


def console(stream: Any = None) -> Console:
    """A console on standard output. Where that is no terminal, lines are as long as they are, and plain."""
    stream = stream or sys.stdout
    if stream.isatty():
        return Console(file=stream, highlight=False)
    return Console(file=stream, highlight=False, width=_WIDE, color_system=None, soft_wrap=True)


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
            nowhere = os.open(os.devnull, os.O_WRONLY)
            stack.callback(os.close, nowhere)
            for stream in (sys.stdout, sys.stderr):
                stack.enter_context(_turned(stream.fileno(), nowhere))
        yield console(shown)


@contextmanager
def _turned(descriptor: int, target: int) -> Iterator[None]:
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(descriptor)
    os.dup2(target, descriptor)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(kept, descriptor)
        os.close(kept)
