"""The conservation law of vendor files, on thousands of files made by seed: no byte is lost, and none is read twice."""

import csv
import io
import random
from collections.abc import Iterator
from typing import Any

from user_behaviour.vendor.review_file import BadRow, ReviewRow, UnreadableFile, read_rows
from user_behaviour_tests.vendor.files import FIRST, rows_of

PIECES = ["good", "bad ", '"', '""', ",", "\n", "\r\n", "\r", "<br />", "ü", "漢", "12", "7,x\n", "\x1c", "\u2028"]


class Trickle(io.BytesIO):
    """A stream that hands out a few bytes at a time, as a slow socket does."""

    def readinto(self, buffer: Any, /) -> int:
        return super().readinto(memoryview(buffer)[:7])


def reviews(rng: random.Random) -> list[tuple[str, str]]:
    def text() -> str:
        return "x" + "".join(rng.choices(PIECES, k=rng.randrange(12)))

    return [(str(rng.randrange(100_000)), text()) for _ in range(rng.randrange(12))]


def written(rows: list[tuple[str, str]], rng: random.Random) -> bytes:
    """The rows as RFC 4180 has them: quoted where they must be, and sometimes where they need not be."""
    line_end, always = rng.choice(["\n", "\r\n"]), rng.random() < 0.5

    def field(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if always or set(text) & set('",\r\n') else text

    lines = [f"{field(cid)},{field(review)}" for cid, review in [("cid", "review_str"), *rows]]
    text = line_end.join(lines) + rng.choice(["", line_end, line_end, line_end])
    return rng.choice([b"", b"\xef\xbb\xbf"]) + text.encode()


def mutated(content: bytes, rng: random.Random) -> bytes:
    """The content with a few bytes of its body replaced, inserted or removed, or its end cut off."""
    header, _, rest = content.partition(b"\n")
    body = bytearray(rest)
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(body) + 1)
        junk = rng.choice([b'"', b'"', b",", b"\n", b"\r", b"\xff", b" ", b'\n1,"', b"\n\n", b"3,y\n", b""])
        body[at : at + rng.randrange(3)] = junk
    return header + b"\n" + bytes(body)[: rng.choice([None, None, None, -1, -5])]


def spans(content: bytes, rows: list[ReviewRow | BadRow]) -> Iterator[tuple[ReviewRow | BadRow | None, bytes]]:
    """The content after the header, cut where rows start; what lies before the first row comes with None."""
    lines = io.BytesIO(content).readlines()
    starts = [2, *(row.line for row in rows), len(lines) + 1]
    for row, start, end in zip([None, *rows], starts[:-1], starts[1:], strict=True):
        yield row, b"".join(lines[start - 1 : end - 1])


def is_blank(span: bytes) -> bool:
    return not span.replace(b"\r\n", b"\n").strip(b"\n")


def parsed(span: bytes) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(span.decode(), newline=""), strict=True) if row]


def test_well_formed_files_read_as_they_were_written_and_as_the_csv_module_reads_them() -> None:
    for seed in range(3000):
        rng = random.Random(seed)
        rows = reviews(rng)
        content = written(rows, rng)
        found = rows_of(content)
        assert [(row.cid, row.review) for row in found if isinstance(row, ReviewRow)] == rows, seed
        assert len(found) == len(rows), seed
        assert parsed(content.removeprefix(b"\xef\xbb\xbf"))[1:] == [list(row) for row in rows], seed
        assert list(read_rows(io.BufferedReader(Trickle(content)), FIRST, max_bytes=1 << 20)) == found, seed


def test_every_byte_of_a_damaged_file_is_in_one_landed_row_or_one_bad_row_or_a_blank_line() -> None:
    cut_off = 0
    for seed in range(6000):
        rng = random.Random(seed)
        content = mutated(written(reviews(rng), rng), rng)
        try:
            found = rows_of(content)
        except UnreadableFile:
            cut_off += 1
            continue
        for row, span in spans(content, found):
            if isinstance(row, ReviewRow):
                assert parsed(span) == [[row.cid, row.review]], seed
            else:
                raw = b"" if row is None else row.raw
                assert span.startswith(raw), seed
                assert is_blank(span[len(raw) :]), seed
    assert 100 < cut_off < 3000
