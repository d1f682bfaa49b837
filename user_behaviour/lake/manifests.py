"""What is recorded about a partition: the manifest of a published batch, and the record of a rejected one.

Values only. The lake keeps them as JSON objects beside the data, the warehouse as rows of `audit.published_partition`.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self

Fact = int | float | str
CLOCKS_DIFFER = timedelta(seconds=10)  # at the most, as far as they are right


class RecordError(ValueError):
    """A text is not what was recorded: it is cut off, or something else."""


def timestamp(moment: datetime) -> str:
    """The moment in UTC with six digits of seconds, so that the order of texts is the order of moments."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def lies_ahead(moment: str) -> bool:
    """Whether a timestamp is of the future: the clock that gave it was ahead, or this machine's is behind."""
    return moment > timestamp(datetime.now(UTC) + CLOCKS_DIFFER)


@dataclass(frozen=True)
class Source:
    """A file or batch that a partition was made from. `kept_at` is where the lake keeps an original, if it does."""

    name: str
    size: int
    version: str
    kept_at: str = ""


@dataclass(frozen=True)
class DataFile:
    """One Parquet file of a batch; `name` is relative to the batch's directory, `size` in bytes."""

    name: str
    rows: int
    size: int


@dataclass(frozen=True)
class Manifest:
    """What a published partition holds and where it came from.

    `as_of` is the moment of the outside world that the data shows (the snapshot of the source database, the look at
    the vendor's files); derived data inherits it. `written_at` is when the batch was written. `facts` are counts and
    names that checks and people ask for.
    """

    dataset: str
    day: date
    batch_id: str
    as_of: str
    written_at: str
    files: tuple[DataFile, ...] = ()
    sources: tuple[Source, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    def to_json(self) -> bytes:
        return _dump({**asdict(self), "day": self.day.isoformat(), "rows": self.rows})

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Raises `RecordError`."""
        with _record_errors(text):
            values = json.loads(text)
            del values["rows"]
            values["day"] = date.fromisoformat(values["day"])
            values["files"] = tuple(DataFile(**file) for file in values["files"])
            values["sources"] = tuple(Source(**source) for source in values["sources"])
            return cls(**values)


Judge = Callable[[Manifest, Manifest], Manifest]  # given what is in force and what is to be


@dataclass(frozen=True)
class Rejection:
    """Why a batch was not published: the reasons, and the sources that it was made from.

    `in_force` is the batch that stayed, empty where there was none; `awaits` is what an approval would let in.
    """

    dataset: str
    day: date
    batch_id: str
    as_of: str
    reasons: tuple[str, ...]
    sources: tuple[Source, ...] = ()
    in_force: str = ""
    awaits: str = ""

    def is_overtaken_by(self, current: Manifest) -> bool:
        """Whether the batch in force is at least as new; of a rejection of the future, whether it came since."""
        if current.as_of >= self.as_of and not lies_ahead(current.as_of):
            return True
        return lies_ahead(self.as_of) and current.batch_id != self.in_force

    def to_json(self) -> bytes:
        return _dump({**asdict(self), "day": self.day.isoformat()})

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Raises `RecordError`."""
        with _record_errors(text):
            values = json.loads(text)
            values["day"] = date.fromisoformat(values["day"])
            values["reasons"] = tuple(values["reasons"])
            values["sources"] = tuple(Source(**source) for source in values["sources"])
            return cls(**values)


@dataclass(frozen=True)
class Approval:
    """Somebody's word that a delivery may take the place of the batch `in_force`; `said` is why it was held back."""

    dataset: str
    day: date
    delivery: str
    in_force: str
    by: str
    at: str
    why: str
    said: tuple[str, ...]

    def to_json(self) -> bytes:
        return _dump({**asdict(self), "day": self.day.isoformat()})

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Raises `RecordError`."""
        with _record_errors(text):
            values = json.loads(text)
            return cls(**{**values, "day": date.fromisoformat(values["day"]), "said": tuple(values["said"])})


@contextmanager
def _record_errors(text: bytes) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise RecordError(f"{len(text)} bytes that are no such record ({error!r})") from error


def _dump(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
