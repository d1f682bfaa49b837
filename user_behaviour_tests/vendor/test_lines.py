"""Unpacking and bounding a vendor's file: what makes it unreadable as a whole, and that memory does not grow."""

import gzip
import io
import random
import tracemalloc

import pytest

from user_behaviour.vendor.review_file import LONGEST_RECORD, BadRow, ReviewRow, UnreadableFile, read_rows
from user_behaviour_tests.vendor.files import FIRST, HEADER, rows_of

MAX_BYTES = 64 << 20
UNREADABLE = [
    (b"", None, "the file is empty"),
    (b"\xef\xbb\xbf", None, "the file is empty"),
    (gzip.compress(b"", mtime=0), None, "the file is empty"),
    (b"1,good\n", 1, r"the header cid,review_str was expected, '1,good\n' was found"),
    (b"CID,review_str\n1,good\n", 1, "header"),
    (b"cid;review_str\n1;good\n", 1, "header"),
    (b"cid, review_str\n1,good\n", 1, "header"),
    (b"cid,review_str,lang\n1,good,en\n", 1, "header"),
    (b'cid,review_str,"lang\n1,good"\n', 1, "header"),
    (b"\ncid,review_str\n1,good\n", 1, r"'\n' was found"),
    (b"cid,review_str\r1,good\r2,bad\r", 1, r"'cid,review_str\r1,good\r2,bad\r' was found"),
    (b"\x89PNG\r\n\x1a\n", 1, r"'\\x89PNG\r\n' was found"),
    ("cid,review_str\n".encode("utf-16"), 1, "NUL byte"),
    (HEADER + b"1,good\n2,b\0d\n", 3, "NUL byte"),
    (HEADER + b"1,good\n" + b"\0" * 5000, 3, "NUL byte"),
    (HEADER + b'1,good\n2,"cut o', 3, "ends inside a quoted field"),
    (HEADER + b'1,good\n2,"cut\n\noff""\n', 3, "ends inside a quoted field"),
    (HEADER + b"1,good\n2," + b"x" * LONGEST_RECORD, 3, f"longer than {LONGEST_RECORD} bytes"),
    (HEADER + b"1,good\n2," + b"x" * LONGEST_RECORD * 3 + b"\n3,good\n", 3, f"longer than {LONGEST_RECORD} bytes"),
    (gzip.compress(HEADER + b"1,good\n", mtime=0)[:-3], 3, "the gzip data ends early"),
    (gzip.compress(HEADER, mtime=0)[:5], 1, "the gzip data ends early"),
    (gzip.compress(HEADER + b"1,good\n", mtime=0)[:-8] + b"\0" * 8, 3, "the gzip data is damaged (CRC"),
    (gzip.compress(HEADER + b"1,good\n", mtime=0) + b"tail", 3, "the gzip data is damaged (Not a gzipped file"),
    (b"\x1f\x8bnothing that gzip made", 1, "the gzip data is damaged"),
]


def failure_of(content: bytes, *, max_bytes: int = MAX_BYTES) -> UnreadableFile:
    with pytest.raises(UnreadableFile) as caught:
        rows_of(content, max_bytes=max_bytes)
    assert caught.value.file == FIRST
    return caught.value


def test_several_gzip_members_are_one_file() -> None:
    packed = gzip.compress(HEADER + b'1,"a\n') + gzip.compress(b"") + gzip.compress(b'b"\n2,c\n') + b"\0" * 9
    assert rows_of(packed) == [ReviewRow("1", "a\nb", 2), ReviewRow("2", "c", 4)]


@pytest.mark.parametrize(("content", "line", "reason"), UNREADABLE)
def test_an_unreadable_file_says_file_line_and_reason(content: bytes, line: int | None, reason: str) -> None:
    failure = failure_of(content)
    assert failure.line == line
    assert reason in failure.reason
    assert str(failure).startswith(f"Vendor file {FIRST}{'' if line is None else f', line {line}'}: {failure.reason}; ")
    assert str(failure).isprintable()
    assert len(str(failure)) < 250


def test_rows_before_the_damage_come_through_and_the_line_is_the_one_reached() -> None:
    rng = random.Random(1)
    texts = [rng.randbytes(300).hex() for _ in range(2000)]
    packed = gzip.compress(HEADER + b"".join(b"%d,%s\n" % (n, text.encode()) for n, text in enumerate(texts)))
    rows: list[ReviewRow | BadRow] = []
    with pytest.raises(UnreadableFile, match="ends early") as caught:
        rows.extend(read_rows(io.BufferedReader(io.BytesIO(packed[: len(packed) // 2])), FIRST, max_bytes=MAX_BYTES))
    assert all(isinstance(row, ReviewRow) for row in rows_of(packed))
    assert caught.value.line is not None
    assert 900 < caught.value.line < 1100


def test_the_size_limit_counts_unpacked_bytes_and_names_the_line_that_passes_it() -> None:
    content = HEADER + b"1,good\n" * 10
    assert len(rows_of(content, max_bytes=len(content))) == 10
    for delivered in (content, gzip.compress(content)):
        failure = failure_of(delivered, max_bytes=len(content) - 1)
        assert (failure.reason, failure.line) == (f"the file has more than {len(content) - 1} bytes, unpacked", 11)


def test_a_zip_bomb_is_refused_before_it_fills_the_memory() -> None:
    bomb = gzip.compress(HEADER + (b"1," + b"x" * 997 + b"\n") * 100_000)
    tracemalloc.start()
    try:
        failure = failure_of(bomb, max_bytes=1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
    assert failure.line is not None
    assert failure.line < 1002


def test_a_damaged_gzip_file_is_unreadable_or_unharmed() -> None:
    """A flipped bit or a cut at any place: where gzip does not notice, nothing was harmed."""
    unreadable = 0
    for seed in range(3000):
        rng = random.Random(seed)
        content = HEADER + b"".join(b"%d,%s\n" % (n, rng.randbytes(n).hex().encode()) for n in range(1, 12))
        packed = bytearray(gzip.compress(content, mtime=0))
        if rng.random() < 0.3:
            del packed[rng.randrange(2, len(packed)) :]
        else:
            packed[rng.randrange(2, len(packed))] ^= 1 << rng.randrange(8)
        try:
            assert rows_of(bytes(packed)) == rows_of(content), seed
        except UnreadableFile:
            unreadable += 1
    assert unreadable > 2500
