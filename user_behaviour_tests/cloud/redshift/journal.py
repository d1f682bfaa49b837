"""What the stand-in saw and did, kept in memory: for the tests, and as the source of the system views."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass(frozen=True)
class Statement:
    """A statement as it was received. `in_transaction`: whether a transaction block was open by then."""

    session: int
    in_transaction: bool
    text: str


@dataclass
class Query:
    """A statement under execution, or executed: a row of sys_query_history."""

    query_id: int
    session_id: int
    user: str
    query_type: str
    query_label: str
    query_text: str
    start_time: datetime
    status: str = "running"
    end_time: datetime | None = None
    error_message: str = ""


@dataclass(frozen=True)
class LoadError:
    """Why a COPY failed: a row of sys_load_error_detail and of stl_load_errors."""

    query_id: int
    session_id: int
    table_id: int
    start_time: datetime
    file_name: str
    line_number: int
    column_name: str
    column_type: str
    column_length: str
    position: int
    error_code: int
    error_message: str
    raw_field_value: str
    raw_line: str


@dataclass(frozen=True)
class ScanError:
    """Why a scan of an external table failed: a row of svl_s3log and of sys_external_query_error."""

    query_id: int
    session_id: int
    eventtime: datetime
    file_location: str
    column_name: str
    code: int
    message: str


@dataclass(frozen=True)
class Scan:
    """One reading of an external table by a statement: `qualified` of its partitions were scanned, the rest pruned."""

    query_id: int
    table: str
    total: int
    qualified: tuple[date | str, ...]
    files: int


@dataclass
class Journal:
    """Grows as long as the stand-in runs, or until it is cleared."""

    statements: list[Statement] = field(default_factory=list)
    queries: list[Query] = field(default_factory=list)
    load_errors: list[LoadError] = field(default_factory=list)
    scan_errors: list[ScanError] = field(default_factory=list)
    scans: list[Scan] = field(default_factory=list)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1000))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def clear(self) -> None:
        for kept in (self.statements, self.queries, self.load_errors, self.scan_errors, self.scans):
            kept.clear()

    def begin(self, session_id: int, user: str, *, label: str, text: str) -> Query:
        query = Query(self._next(), session_id, user, query_type(text), label, text, now())
        self.queries.append(query)
        return query

    def _next(self) -> int:
        with self._lock:
            return next(self._ids)


def query_type(text: str) -> str:
    """The kind of a statement, in the words of SYS_QUERY_HISTORY."""
    word = text.split(None, 1)[0].lower() if text.strip() else ""
    return _TYPES.get(word, "UTILITY")


def _types(kinds: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {word: kind for kind, words in kinds for word in words.split()}


_TYPES = _types(
    [
        ("SELECT", "select with"),
        ("INSERT", "insert"),
        ("DELETE", "delete"),
        ("UPDATE", "update"),
        ("COPY", "copy"),
        ("UNLOAD", "unload"),
        ("DDL", "create alter drop truncate"),
    ]
)
