"""What the stand-in saw and did, kept in memory: for the tests, and as the source of the system views.

The fields of queries and errors are named as the columns of the views SYS_….
"""

import itertools
from collections.abc import Iterator
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
    """A statement under execution, or executed."""

    query_id: int
    session_id: int
    query_label: str
    query_text: str
    status: str = "running"


@dataclass(frozen=True)
class LoadError:
    """Why a COPY failed."""

    session_id: int
    file_name: str
    line_number: int
    column_name: str
    column_type: str
    column_length: str
    error_code: int
    error_message: str
    raw_field_value: str
    start_time: datetime = field(default_factory=now)


@dataclass(frozen=True)
class ScanError:
    """Why the scan of a file failed. `rowid` -1: Redshift names no row."""

    query_id: int
    session_id: int
    file_location: str
    column_name: str
    error_code: int
    message: str
    rowid: str = "-1"
    eventtime: datetime = field(default_factory=now)


@dataclass(frozen=True)
class Scan:
    """One reading of an external table by a statement: `qualified` of its partitions were scanned, the rest pruned."""

    table: str
    qualified: tuple[date | str, ...]


@dataclass
class Journal:
    """Grows as long as the stand-in runs, or until it is cleared."""

    statements: list[Statement] = field(default_factory=list)
    queries: list[Query] = field(default_factory=list)
    load_errors: list[LoadError] = field(default_factory=list)
    scan_errors: list[ScanError] = field(default_factory=list)
    scans: list[Scan] = field(default_factory=list)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1000))

    def clear(self) -> None:
        for kept in (self.statements, self.queries, self.load_errors, self.scan_errors, self.scans):
            kept.clear()

    def begin(self, session_id: int, *, label: str, text: str) -> Query:
        query = Query(next(self._ids), session_id, label, text[:4000])
        self.queries.append(query)
        return query
