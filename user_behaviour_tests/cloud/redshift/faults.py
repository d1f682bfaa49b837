"""Faults on demand: the next statements that match end in an error of Redshift's, or with the connection.

Loaded faults are used up one statement at a time, in the order in which they were asked for.
"""

import re
import threading
from dataclasses import dataclass, field

from user_behaviour_tests.cloud.redshift.errors import SqlError

# https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation.html gives the detail; the primary message is 1023.
ERRORS = {
    "1023": SqlError(
        "1023",
        "XX000",
        "Serializable isolation violation on table - 100, transactions forming the cycle are: 1, 2 (pid:3)",
    ),
    "conflict": SqlError("could not complete because of conflict with concurrent transaction", "XX000"),
    "oid": SqlError("could not open relation with OID 100", "XX000"),
    "deadlock": SqlError(
        "deadlock detected",
        "40P01",
        "Process 1 waits for ShareRowExclusiveLock on relation 100 of database 1; blocked by process 2.",
    ),
    "expired credentials": SqlError(
        "S3ServiceException:The provided token has expired.,Status 400,Error ExpiredToken,Rid 0,CanRetry 0",
        "XX000",
    ),
}


@dataclass
class Fault:
    """What shall happen to statements that match; `after` says whether they are executed first."""

    matching: re.Pattern[str]
    error: SqlError | None
    after: bool
    times: int


@dataclass
class Faults:
    """The faults still to come."""

    pending: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fail_next(self, *, matching: str, error: str | SqlError = "1023", times: int = 1) -> None:
        """The next statements that match the pattern (anywhere, case ignored) fail, and abort their transaction.

        `error` is one of the keys of ERRORS, or an error of the test's own. A COMMIT that fails rolls back.
        """
        found = ERRORS[error] if isinstance(error, str) else error
        self._add(Fault(re.compile(matching, re.IGNORECASE), found, after=False, times=times))

    def lose_connection(self, *, matching: str, times: int = 1, after: bool = False) -> None:
        """The connection ends at the next statements that match: before they are executed, or after, unanswered."""
        self._add(Fault(re.compile(matching, re.IGNORECASE), None, after=after, times=times))

    def clear(self) -> None:
        with self._lock:
            self.pending.clear()

    def take(self, text: str) -> Fault | None:
        """The fault that is due for this statement."""
        with self._lock:
            for fault in self.pending:
                if fault.matching.search(text):
                    fault.times -= 1
                    if not fault.times:
                        self.pending.remove(fault)
                    return fault
        return None

    def _add(self, fault: Fault) -> None:
        with self._lock:
            self.pending.append(fault)
