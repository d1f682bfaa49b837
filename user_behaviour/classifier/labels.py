"""Labelled reviews: what people say of texts, as files bring it, kept in the lake as versions.

A version is `labelled_reviews/<version>/`: `labels.parquet`, `quarantine.parquet` and `manifest.json`. It is named
after the bytes of its files and never changes; `labelled_reviews/_current.json` says which one training takes.
"""

import csv
import gzip
import hashlib
import io
import json
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from user_behaviour.classifier.near_duplicates import groups, normal
from user_behaviour.lake.manifests import timestamp
from user_behaviour.lake.objects import Objects

ROOT = "labelled_reviews"
HEADER = ["review_str", "positive_review"]
MOST_BYTES = 1 << 28  # of a file, unpacked
MOST_BAD = 0.1  # of the rows; more is another kind of file
TEST_SHARE = 10  # one in so many groups is kept from training
_CURRENT = f"{ROOT}/_current.json"
_LABELS = {"true": True, "1": True, "false": False, "0": False}


class LabelsError(ValueError):
    """Files of labels cannot be taken; nothing was kept of them."""


@dataclass(frozen=True)
class Label:
    """A text, and whether people call it positive. Texts of the same `group` are nearly the same."""

    review_str: str
    positive_review: bool
    source_file: str
    line_number: int
    group: str

    @property
    def is_test(self) -> bool:
        """Whether training never sees it; all of a group are on one side."""
        return int(self.group[:8], 16) % TEST_SHARE == 0


@dataclass(frozen=True)
class BadLabel:
    """A row that cannot be used."""

    source_file: str
    line_number: int
    reason: str


@dataclass(frozen=True)
class LabelVersion:
    """What is known of a version; `duplicates` are rows that repeat a text and its label, of which one counts."""

    version: str
    rows: int
    positives: int
    quarantined: int
    duplicates: int
    files: Sequence[str]
    landed_at: str


class Labels:
    """The versions in a lake."""

    def __init__(self, lake: Objects) -> None:
        self._lake = lake

    def land(self, files: Sequence[Path]) -> LabelVersion:
        """Keeps what the files say, all of them together, and has training take it. Raises `LabelsError`."""
        contents = {file.name: file.read_bytes() for file in files}
        if len(contents) != len(files):
            raise LabelsError("Two of the files have the same name; rename one.")
        digests = sorted(hashlib.sha256(content).hexdigest() for content in contents.values())
        version = hashlib.sha256("".join(digests).encode()).hexdigest()[:12]
        if (known := self._version(version)) is None:
            known = self._written(version, contents)
        content = json.dumps({"version": version}).encode()
        while True:
            found, seen = self._lake.read(_CURRENT) or (None, None)
            if found == content or self._lake.swap(_CURRENT, content, expected=seen):
                return known

    def current(self) -> LabelVersion | None:
        """The version that training takes; None before the first."""
        found = self._lake.read(_CURRENT)
        return self._version(json.loads(found[0])["version"]) if found else None

    def loaded(self) -> LabelVersion:
        """The version that training takes. Raises `LabelsError` before the first."""
        if (found := self.current()) is None:
            raise LabelsError("There are no labels; load some: `user-behaviour load-labels FILE…`.")
        return found

    def directory(self, version: str) -> str:
        """Where a version lies."""
        return f"{ROOT}/{version}"

    def read(self, version: str) -> list[Label]:
        """The rows of a version, in the order of files and lines."""
        return [Label(**row) for row in self._rows(f"{self.directory(version)}/labels.parquet")]

    def quarantine(self, version: str) -> list[BadLabel]:
        """The rows that were kept out of a version."""
        return [BadLabel(**row) for row in self._rows(f"{self.directory(version)}/quarantine.parquet")]

    def _rows(self, path: str) -> list[dict[str, Any]]:
        with self._lake.open(path) as file:
            # Not by threads: Arrow's let go of the file so late that a process which ends just then is aborted.
            read = pq.ParquetFile(pa.BufferReader(file.read())).read(use_threads=False)
        return list(read.to_pylist())

    def _version(self, version: str) -> LabelVersion | None:
        found = self._lake.read(f"{self.directory(version)}/manifest.json")
        return LabelVersion(**json.loads(found[0])) if found else None

    def _written(self, version: str, contents: dict[str, bytes]) -> LabelVersion:
        read = [row for name in sorted(contents) for row in _rows(name, contents[name])]
        labels, bad, duplicates = _usable(read)
        if len(bad) > MOST_BAD * len(read):
            raise LabelsError(
                f"{len(bad)} of {len(read)} rows cannot be used, which is more than {MOST_BAD:.0%}: "
                f"{bad[0].source_file}, line {bad[0].line_number}: {bad[0].reason}. Correct it, and load all again."
            )
        positives = sum(label.positive_review for label in labels)
        sides = {(label.is_test, label.positive_review) for label in labels}
        if len(sides) < 4:
            raise LabelsError(
                f"{positives} of {len(labels)} labels are positive; there must be both kinds, among those that are "
                f"learnt from and in the tenth that judges. Load more, all at once."
            )
        directory, moment = self.directory(version), timestamp(datetime.now(UTC))
        known = LabelVersion(version, len(labels), positives, len(bad), duplicates, sorted(contents), moment)
        self._lake.write(f"{directory}/labels.parquet", _parquet(labels, Label))
        self._lake.write(f"{directory}/quarantine.parquet", _parquet(bad, BadLabel))
        self._lake.write(f"{directory}/manifest.json", json.dumps(asdict(known), indent=2).encode())  # last
        return known


def _rows(name: str, content: bytes) -> Iterator[Label | BadLabel]:
    try:
        if name.endswith(".gz"):
            content = gzip.GzipFile(fileobj=io.BytesIO(content)).read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise LabelsError(
                f"{name} has more than {MOST_BYTES:,} bytes, unpacked; look whether it is the right file, or split it."
            )
        text = content.decode("utf-8-sig")
    except (UnicodeDecodeError, OSError, EOFError, zlib.error) as error:
        raise LabelsError(f"{name} cannot be read: {error}. Deliver it as CSV in UTF-8, plain or as .gz.") from error
    lines, start = csv.reader(io.StringIO(text, newline=""), strict=True), 1
    try:
        if (header := next(lines, [])) != HEADER:
            raise LabelsError(f"{name} begins with {', '.join(header)[:80]!r}; expected is {', '.join(HEADER)!r}.")
        start = lines.line_num + 1
        for row in lines:
            yield _row(name, start, row)
            start = lines.line_num + 1
    except csv.Error as error:
        raise LabelsError(
            f"{name}, the row that begins on line {start}: {error}. Correct the file, and load it again."
        ) from error


def _row(name: str, line: int, row: Sequence[str]) -> Label | BadLabel:
    if len(row) != len(HEADER):
        return BadLabel(name, line, f"{len(HEADER)} fields expected, {len(row)} found")
    text, said = row[0], row[1].strip().lower()
    if not (letters := normal(text)):
        return BadLabel(name, line, "the text has no letter and no digit")
    if said not in _LABELS:
        return BadLabel(name, line, f"the label is {said[:20]!r}, and not true or false")
    return Label(text, _LABELS[said], name, line, group=letters)  # until all are known


def _usable(read: Sequence[Label | BadLabel]) -> tuple[list[Label], list[BadLabel], int]:
    """The labels that count, the rows that cannot be used, and how many rows repeat another."""
    said = defaultdict[str, set[bool]](set)
    for row in read:
        if isinstance(row, Label):
            said[row.group].add(row.positive_review)
    labels, bad, times = list[Label](), list[BadLabel](), Counter[str]()
    for row in read:
        if isinstance(row, BadLabel):
            bad.append(row)
        elif len(said[row.group]) > 1:
            bad.append(BadLabel(row.source_file, row.line_number, "the same text has both labels"))
        else:
            times[row.review_str] += 1
            if times[row.review_str] == 1:
                labels.append(row)
    named = zip(labels, groups([row.group for row in labels]), strict=True)
    return [replace(row, group=group) for row, group in named], bad, times.total() - len(labels)


def _parquet(rows: Sequence[Label] | Sequence[BadLabel], kind: type) -> bytes:
    """The rows as a file, with the columns of their class."""
    types = {bool: pa.bool_(), int: pa.int32(), str: pa.string()}
    schema = pa.schema([(name, types[of]) for name, of in kind.__annotations__.items()])
    written = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist([asdict(row) for row in rows], schema), written, compression="zstd")
    return bytes(written.getvalue())
