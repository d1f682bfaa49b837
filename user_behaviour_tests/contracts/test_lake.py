"""The contract of the lake's verbs."""

import io
import os
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO, cast

import pytest

from user_behaviour.lake.lake import Lake


class _Broken(io.RawIOBase):
    """A stream that breaks after its first bytes."""

    def __init__(self) -> None:
        self._begun = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if self._begun:
            raise ConnectionResetError("gone")
        self._begun = True
        return b"half"


def test_what_was_written_is_read_with_a_version(lake: Lake) -> None:
    lake.write("a/b/object.json", b"one")

    found = lake.read("a/b/object.json")

    assert found is not None
    assert found[0] == b"one"
    assert found == lake.read("a/b/object.json")


def test_what_is_not_there_is_none_when_read_and_an_error_when_opened(lake: Lake) -> None:
    lake.write("a/object", b"")

    assert lake.read("a/other") is None
    assert lake.read("b/object") is None
    with pytest.raises(FileNotFoundError):
        lake.open("nowhere")
    with pytest.raises(FileNotFoundError):
        lake.at_once(lake.open, ["nowhere"])


def test_another_content_has_another_version(lake: Lake) -> None:
    versions = set()
    for content in (b"one", b"two", b"six"):
        lake.write("object", content)
        found = lake.read("object")
        assert found is not None
        versions.add(found[1])
    assert len(versions) == 3


def test_a_stream_is_written_whole(lake: Lake) -> None:
    content = os.urandom(3 << 20)

    lake.write("a/large", io.BytesIO(content))

    with lake.open("a/large") as stream:
        assert stream.read() == content


def test_a_stream_that_breaks_leaves_what_was_there_and_no_trace(lake: Lake) -> None:
    lake.write("a/object", b"before")

    with pytest.raises(ConnectionResetError):
        lake.write("a/object", cast(BinaryIO, _Broken()))

    assert lake.read("a/object") == (b"before", (lake.read("a/object") or (b"", ""))[1])
    assert lake.list("a") == ["object"]


def test_an_object_may_bear_the_longest_name_that_a_vendor_may_choose(lake: Lake) -> None:
    """A temporary name of the object's own plus a suffix was too long for the file system."""
    name = "movie_review_2010-12-01" + "x" * 228 + ".csv"
    assert len(name) == 255

    lake.write(f"a/{name}", b"cid,review_str\n")

    assert lake.list("a") == [name]


def test_a_swap_replaces_the_version_that_it_expects(lake: Lake) -> None:
    lake.write("pointer", b"one")
    found = lake.read("pointer")
    assert found is not None

    assert lake.swap("pointer", b"two", expected=found[1])
    assert not lake.swap("pointer", b"three", expected=found[1])

    assert (lake.read("pointer") or [b""])[0] == b"two"


def test_a_swap_is_refused_where_something_or_nothing_is_expected_and_the_other_is_there(lake: Lake) -> None:
    assert not lake.swap("a/pointer", b"none", expected="4711")
    assert lake.read("a/pointer") is None

    assert lake.swap("a/pointer", b"one", expected=None)
    assert not lake.swap("a/pointer", b"two", expected=None)
    assert (lake.read("a/pointer") or [b""])[0] == b"one"


def test_of_many_swaps_at_once_each_counts_once(lake: Lake) -> None:
    lake.write("counter", b"0")

    def count(_: int) -> None:
        for _ in range(25):
            while True:
                content, version = lake.read("counter") or (b"", "")
                if lake.swap("counter", str(int(content) + 1).encode(), expected=version):
                    break

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, range(4)))

    assert (lake.read("counter") or [b""])[0] == b"100"


def test_a_list_names_what_is_directly_below_in_order(lake: Lake) -> None:
    for path in ("a/z", "a/b/c", "a/b/d", "a/m"):
        lake.write(path, b"")

    assert lake.list("a") == ["b", "m", "z"]
    assert lake.list("a/b") == ["c", "d"]
    assert lake.list("nowhere") == []


def test_delete_takes_an_object_or_all_below_a_path_and_does_not_mind_nothing(lake: Lake) -> None:
    for path in ("a/b/c", "a/b/d", "a/bc", "e"):
        lake.write(path, b"")

    lake.delete("a/b")
    lake.delete("e")
    lake.delete("nowhere")

    assert lake.read("a/b/c") is None
    assert lake.list("a") == ["bc"]
    assert lake.read("e") is None


def test_delete_spares_what_only_begins_with_the_same_letters(lake: Lake) -> None:
    for path in ("d/p=1/part", "d/p=1-2/part", "d/p=10/part", "d/p=1.json"):
        lake.write(path, b"")

    lake.delete("d/p=1")

    assert lake.list("d") == ["p=1-2", "p=1.json", "p=10"]
    assert lake.read("d/p=1/part") is None


def test_abandoning_a_place_leaves_nothing_there(lake: Lake) -> None:
    for path in ("a/b/part", "a/c"):
        lake.write(path, b"")

    lake.abandon("a/b")
    lake.abandon("a/nowhere")

    assert lake.list("a") == ["c"]


def test_what_is_asked_of_many_at_once_comes_in_their_order(lake: Lake) -> None:
    for number in range(40):
        lake.write(f"a/{number}", str(number).encode())

    found = lake.at_once(lake.read, [f"a/{number}" for number in reversed(range(41))])

    assert [content and content[0] for content in found] == [None, *(str(n).encode() for n in reversed(range(40)))]


def test_move_takes_the_object_along(lake: Lake) -> None:
    lake.write("staging/part.parquet", b"rows")

    lake.move("staging/part.parquet", "a/b/part-00000.parquet")

    assert (lake.read("a/b/part-00000.parquet") or [b""])[0] == b"rows"
    assert lake.read("staging/part.parquet") is None


def test_the_file_system_sees_the_same_objects(lake: Lake) -> None:
    lake.write("a/object", b"bytes")
    lake.make_directory("c")

    with lake.filesystem().open_output_stream("c/file") as stream:
        stream.write(b"more")

    assert lake.filesystem().open_input_stream("a/object").read() == b"bytes"
    assert (lake.read("c/file") or [b""])[0] == b"more"


def test_an_address_begins_with_a_scheme_and_has_no_slash_at_its_end(lake: Lake) -> None:
    uri = lake.uri("a/b")

    assert "://" in uri
    assert uri.endswith("/a/b")
