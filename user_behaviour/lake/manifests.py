"""What is recorded about a partition: the manifest of a published batch, and the record of a rejected one.

Values only. The lake keeps them as JSON objects beside the data, the warehouse as rows of `audit.published_partition`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

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


class _Record:
    """What is kept as a JSON object."""

    def to_json(self) -> bytes:
        content = json.dumps(self._values(), default=date.isoformat, ensure_ascii=False, separators=(",", ":"))
        return content.encode()

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Raises `RecordError`."""
        try:
            record: Self = _reader(cls).validate_json(text)  # type: ignore[arg-type]  # a class is hashable
        except ValidationError as error:
            found = error.errors(include_url=False)[0]
            raise RecordError(f"{len(text)} bytes that are no such record ({found['msg']})") from error
        return record

    def _values(self) -> dict[str, Any]:
        return asdict(self)  # type: ignore[call-overload,no-any-return]  # each record is a dataclass


@cache
def _reader(record: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(record)


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
class Manifest(_Record):
    """What a published partition holds and where it came from.

    `as_of` is the moment of the outside world that the data shows (the snapshot of the source database, the look at
    the vendor's files); derived data inherits it. `written_at` is when the batch was written. `facts` are counts and
    names that checks and people ask for. `longest_texts` has, for each text column without a character of number 0,
    the bytes of its longest value or a bound of them; batches of release 0.3.0 and before have none.
    """

    dataset: str
    day: date
    batch_id: str
    as_of: str
    written_at: str
    files: tuple[DataFile, ...] = ()
    sources: tuple[Source, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)
    longest_texts: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    def _values(self) -> dict[str, Any]:
        return {**super()._values(), "rows": self.rows}


Judge = Callable[[Manifest, Manifest], Manifest]  # given what is in force and what is to be


@dataclass(frozen=True)
class Rejection(_Record):
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


@dataclass(frozen=True)
class Approval(_Record):
    """Somebody's word that a delivery may take the place of the batch `in_force`; `said` is why it was held back."""

    dataset: str
    day: date
    delivery: str
    in_force: str
    by: str
    at: str
    why: str
    said: tuple[str, ...]
