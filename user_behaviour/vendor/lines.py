"""The physical lines of a delivered file: unpacked, numbered, bounded in length and number, one at a time.

Here: gzip or plain, truncation, size limits, NUL bytes. Not here: what the lines mean (that is in `reviews`).
"""

import gzip
import io
import zlib
from collections import deque
from collections.abc import Sequence

LONGEST_RECORD = 1024 * 1024  # bytes; sixteen of the longest reviews. What is longer is a missing quote, or no CSV

_GZIP_MAGIC = b"\x1f\x8b"


class UnreadableFile(Exception):
    """A vendor file that cannot be read as a whole: permanent, until the vendor delivers it again.

    `line` is the line reached, or the one on which the damage begins; None where no line is to blame.
    """

    def __init__(self, file: str, reason: str, *, line: int | None = None) -> None:
        super().__init__(file, reason)
        self.file = file
        self.reason = reason
        self.line = line

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}, line {self.line}"
        return f"Vendor file {where}: {self.reason}; deliver the file again, whole and corrected."


class Lines:
    """The physical lines of a file, unpacked, one at a time and numbered; lines can be given back."""

    def __init__(self, stream: io.BufferedReader, name: str, *, max_bytes: int) -> None:
        self.number = 0  # of the line taken last
        self._name = name
        self._bytes_left = self._max_bytes = max_bytes
        packed = stream.peek(2).startswith(_GZIP_MAGIC)
        self._source = gzip.GzipFile(fileobj=stream) if packed else stream
        self._given_back: deque[bytes] = deque()

    def take(self) -> bytes:
        """The next line with its line end; empty at the end of the file."""
        line = self._given_back.popleft() if self._given_back else self._read()
        if line:
            self.number += 1
        return line

    def give_back(self, lines: Sequence[bytes]) -> None:
        """Lets the lines taken last be taken again."""
        self._given_back.extendleft(reversed(lines))
        self.number -= len(lines)

    def unreadable(self, reason: str, *, line: int) -> UnreadableFile:
        """The file's name to a reason and a line; to be raised."""
        return UnreadableFile(self._name, reason, line=line)

    def _read(self) -> bytes:
        number = self.number + 1
        try:
            line = self._source.readline(LONGEST_RECORD + 1)
        except EOFError as error:
            raise self.unreadable("the gzip data ends early: the file is cut off", line=number) from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise self.unreadable(f"the gzip data is damaged ({error})", line=number) from error
        self._bytes_left -= len(line)
        if self._bytes_left < 0:
            raise self.unreadable(f"the file has more than {self._max_bytes} bytes, unpacked", line=number)
        if len(line) > LONGEST_RECORD:
            raise self.unreadable(f"the line is longer than {LONGEST_RECORD} bytes", line=number)
        if b"\0" in line:
            raise self.unreadable("the line holds a NUL byte: the file is binary, or not UTF-8", line=number)
        return line
