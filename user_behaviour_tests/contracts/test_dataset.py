"""The contract of a data set: how days are written, published, read, rejected and superseded, on every lake."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from user_behaviour.lake.dataset import CURRENT, MANIFEST, REJECTED, BatchInForceError, Dataset
from user_behaviour.lake.held_back import MissingPartitionError, UnreadableRecordError
from user_behaviour.lake.manifests import Manifest, Rejection, Source
from user_behaviour.lake.restoration import restore, unreadable
from user_behaviour.tables.table import Column, Table

DAY = date(2010, 12, 1)
EARLY, LATE = "2010-12-02T06:00:00.000000Z", "2010-12-02T07:00:00.000000Z"
BATCH = Column("batch_id", "varchar(64)", "the batch", nullable=False)
PARCELS = Table(
    "parcels",
    "One row a parcel.",
    (Column("code", "varchar(4)", "its code", nullable=False), Column("grams", "int", "its weight"), BATCH),
    partition_column="sent_on",
)


def parcels(*rows: tuple[str | None, int | None]) -> pa.RecordBatch:
    codes, grams = zip(*rows, strict=True) if rows else ((), ())
    return pa.record_batch({"code": pa.array(codes, pa.string()), "grams": pa.array(grams, pa.int32())})


def publish(dataset: Dataset, batch_id: str, *rows: tuple[str, int | None], as_of: str = EARLY) -> bool:
    with dataset.write(DAY, batch_id) as writer:
        writer.write(parcels(*rows))
        manifest = writer.manifest(as_of=as_of)
    return dataset.publish(manifest) is not None


def stored(dataset: Dataset) -> list[tuple[str | int | None, ...]]:
    return [tuple(row.values()) for batch in dataset.read(dataset.current(DAY)) for row in batch.to_pylist()]


def test_rows_bear_the_batch_that_wrote_them(dataset: Dataset) -> None:
    publish(dataset, "batch-1", ("a", 1), ("b", None))

    assert stored(dataset) == [("a", 1, "batch-1"), ("b", None, "batch-1")]


def test_nothing_is_seen_before_it_is_published(dataset: Dataset) -> None:
    publish(dataset, "batch-1", ("a", 1))

    with dataset.write(DAY, "batch-2") as writer:
        writer.write(parcels(("b", 2)))
        manifest = writer.manifest(as_of=LATE)
        assert stored(dataset) == [("a", 1, "batch-1")]

    dataset.publish(manifest)
    assert stored(dataset) == [("b", 2, "batch-2")]


def test_a_manifest_tells_what_a_reader_finds(dataset: Dataset) -> None:
    with dataset.write(DAY, "batch-1") as writer:
        writer.write(parcels(("é", 1)))
        writer.write(parcels(("b", 2), ("c", 3)))
        source = Source("parcels of “Øst”.csv", 10, "1", "here")
        manifest = writer.manifest(as_of=EARLY, sources=(source,), facts={"files": 1, "rule": "x > 2"})
    dataset.publish(manifest)

    found = dataset.current(DAY)
    assert found == manifest
    assert found.longest_texts == {"code": 2, "batch_id": 7}  # bytes
    assert found.rows == sum(batch.num_rows for batch in dataset.read(found)) == 3
    path = f"{dataset.batch_directory(DAY, 'batch-1')}/{found.files[0].name}"
    assert found.files[0].size == dataset.lake.filesystem().get_file_info(path).size


def test_a_text_with_the_character_0_is_not_said_to_be_storable(dataset: Dataset) -> None:
    with dataset.write(DAY, "batch-1") as writer:
        writer.write(parcels(("a\0b", 1)))
        writer.write(parcels(("b", 2)))
        manifest = writer.manifest(as_of=EARLY)

    assert manifest.longest_texts == {"batch_id": 7}


def test_a_day_without_rows_is_there_and_empty(dataset: Dataset) -> None:
    with dataset.write(DAY, "batch-1") as writer:
        manifest = writer.manifest(as_of=EARLY)
    dataset.publish(manifest)

    assert stored(dataset) == []
    assert dataset.locations([DAY]).by_day[DAY].manifest.rows == 0


def test_a_missing_day_is_named_and_so_is_the_place(dataset: Dataset) -> None:
    with pytest.raises(MissingPartitionError) as caught:
        dataset.current(DAY)

    sentence = "Partition 2010-12-01 of parcels is not in the lake at {}; materialise it first."
    assert str(caught.value) == sentence.format(dataset.lake.uri("parcels"))
    assert str(dataset.locations([DAY]).missing[DAY]) == str(caught.value)


def test_a_batch_with_an_older_view_never_replaces_a_newer_one(dataset: Dataset) -> None:
    assert publish(dataset, "new", ("n", 1), as_of=LATE)
    assert not publish(dataset, "old", ("o", 1), as_of=EARLY)

    assert stored(dataset) == [("n", 1, "new")]


def test_a_batch_with_the_same_view_replaces_the_one_before(dataset: Dataset) -> None:
    assert publish(dataset, "first", ("a", 1), as_of=EARLY)
    assert publish(dataset, "again", ("b", 1), as_of=EARLY)

    assert stored(dataset) == [("b", 1, "again")]


def test_a_batch_in_force_is_never_written_again(dataset: Dataset) -> None:
    """A run that is resumed under its own id would have cleared the files that readers were in."""
    publish(dataset, "batch-1", ("a", 1))

    with pytest.raises(BatchInForceError, match="Batch batch-1 of parcels, 2010-12-01, is in force"):
        dataset.write(DAY, "batch-1")

    assert stored(dataset) == [("a", 1, "batch-1")]


def test_what_a_dead_attempt_left_is_not_in_the_next_one(dataset: Dataset) -> None:
    directory = dataset.batch_directory(DAY, "batch-1")
    dataset.lake.write(f"{directory}/part-00007.parquet", b"torn")

    publish(dataset, "batch-1", ("a", 1))

    assert [name for name in dataset.lake.list(directory) if not name.startswith("_")] == ["part-00000.parquet"]


def test_a_reader_in_an_old_batch_reads_it_to_its_end(dataset: Dataset) -> None:
    publish(dataset, "batch-1", ("a", 1))
    reading: Iterator[pa.RecordBatch] = dataset.read(dataset.current(DAY))
    publish(dataset, "batch-2", ("b", 2))

    assert [batch["code"].to_pylist() for batch in reading] == [["a"]]


def test_files_of_another_program_are_taken_over_as_they_are(dataset: Dataset) -> None:
    table = pa.Table.from_batches([parcels(("a", 1), ("b", 2))]).append_column("batch_id", pa.array(["x", "x"]))
    dataset.lake.make_directory("staging")
    for name in ("one.parquet", "two.parquet"):
        pq.write_table(table, f"staging/{name}", filesystem=dataset.lake.filesystem())

    files = dataset.adopt(DAY, "x", ["staging/one.parquet", "staging/two.parquet"])
    dataset.publish(Manifest("parcels", DAY, "x", EARLY, EARLY, files))

    assert [(file.name, file.rows) for file in files] == [("part-00000.parquet", 2), ("part-00001.parquet", 2)]
    assert stored(dataset) == [("a", 1, "x"), ("b", 2, "x")] * 2
    assert dataset.lake.list("staging") == []


FUTURE = "2199-12-31T23:59:59.000000Z"


@pytest.mark.parametrize(
    ("in_force", "rejected", "stands", "later", "stands_then"),
    [
        (EARLY, LATE, True, LATE, False),
        (LATE, EARLY, False, LATE, False),
        (FUTURE, LATE, True, EARLY, True),
        (EARLY, FUTURE, True, LATE, False),
    ],
    ids=["newer", "older", "after a clock that was ahead", "of a clock that was ahead"],
)
def test_a_rejection_stands_until_a_batch_as_new_is_in_force(
    dataset: Dataset, in_force: str, rejected: str, stands: bool, later: str, stands_then: bool
) -> None:
    """One whose clock is ahead is no newer than any; such a rejection stands until the next batch is published."""
    publish(dataset, "before", ("a", 1), as_of=in_force)
    source = Source("f", 1, "v", "k")
    rejection = Rejection("parcels", DAY, "batch", rejected, ("line 7: “torn”",), (source,), in_force="before")
    dataset.reject(rejection)
    assert dataset.rejection(DAY) == (rejection if stands else None)
    assert stored(dataset) == [("a", 1, "before")]

    publish(dataset, "after", ("b", 1), as_of=later)
    assert dataset.rejection(DAY) == (rejection if stands_then else None)


def cut_off(dataset: Dataset, name: str, *, keep: int = 40) -> None:
    """What a machine that loses its power leaves of an object of the day."""
    path = f"{dataset.directory(DAY)}/{name}"
    found = dataset.lake.read(path)
    assert found
    dataset.lake.write(path, found[0][:keep])


@pytest.mark.parametrize("keep", [0, 40], ids=["empty", "half"])
def test_a_pointer_that_is_cut_off_names_day_and_remedy_and_is_restored(dataset: Dataset, keep: int) -> None:
    """A bare JSONDecodeError once came out of every command and run that met the day."""
    publish(dataset, "newest", ("n", 1), as_of=LATE)
    assert not publish(dataset, "overtaken", ("o", 1), as_of=EARLY)
    cut_off(dataset, CURRENT, keep=keep)

    place = f"{dataset.lake.uri(dataset.directory(DAY))}/_current.json"
    with pytest.raises(UnreadableRecordError) as caught:
        dataset.current(DAY)
    assert str(caught.value).startswith(
        f"Partition 2010-12-01 of parcels: {place} cannot be read: {keep} bytes that are no such record (Invalid JSON"
    )
    assert str(caught.value).endswith("; `user-behaviour reconcile --repair` restores the day.")
    assert dataset.manifests([DAY]) == {}
    assert str(dataset.locations([DAY]).missing[DAY]) == str(unreadable(dataset, DAY)) == str(caught.value)

    restore(dataset, DAY)
    assert unreadable(dataset, DAY) is None
    assert stored(dataset) == [("n", 1, "newest")]


def test_a_day_whose_batch_in_force_is_not_known_is_neither_written_nor_purged(dataset: Dataset) -> None:
    publish(dataset, "batch-1", ("a", 1))
    cut_off(dataset, CURRENT)

    for act in (
        lambda: publish(dataset, "batch-2", ("b", 1)),
        lambda: dataset.publish(Manifest("parcels", DAY, "batch-3", LATE, LATE)),
        lambda: dataset.superseded(DAY, before=datetime.fromisoformat(LATE)),
        lambda: dataset.unpublished(DAY),
    ):
        with pytest.raises(UnreadableRecordError):
            act()


def test_a_batch_whose_manifest_is_cut_off_is_never_put_in_force(dataset: Dataset) -> None:
    publish(dataset, "whole", ("w", 1), as_of=EARLY)
    publish(dataset, "torn", ("t", 1), as_of=LATE)
    cut_off(dataset, f"torn/{MANIFEST}")
    cut_off(dataset, CURRENT)

    restore(dataset, DAY)

    assert stored(dataset) == [("w", 1, "whole")]
    assert dataset.unpublished(DAY) == ["torn"]


def test_a_day_without_a_batch_to_restore_is_missing_and_can_be_made_again(dataset: Dataset) -> None:
    publish(dataset, "purged", ("p", 1))
    cut_off(dataset, CURRENT)
    dataset.lake.delete(dataset.batch_directory(DAY, "purged"))

    restore(dataset, DAY)

    with pytest.raises(MissingPartitionError, match="materialise it first"):
        dataset.current(DAY)
    assert publish(dataset, "again", ("a", 1))


def test_a_rejection_that_is_cut_off_is_named_and_removed(dataset: Dataset) -> None:
    publish(dataset, "batch-1", ("a", 1))
    dataset.reject(Rejection("parcels", DAY, "batch-2", LATE, ("torn",)))
    cut_off(dataset, REJECTED)

    with pytest.raises(UnreadableRecordError, match=r"_rejected\.json cannot be read"):
        dataset.rejection(DAY)
    restore(dataset, DAY)
    assert dataset.rejection(DAY) is None
    assert stored(dataset) == [("a", 1, "batch-1")]


def test_a_batch_of_a_clock_that_was_ahead_does_not_hide_later_ones(dataset: Dataset) -> None:
    """Every delivery until that day was landed in green runs, and never seen."""
    publish(dataset, "ahead", ("a", 1), as_of=FUTURE)

    assert publish(dataset, "later", ("b", 1), as_of=LATE)
    assert not publish(dataset, "slow", ("c", 1), as_of=EARLY)
    assert stored(dataset) == [("b", 1, "later")]


def test_a_batch_of_a_clock_that_was_ahead_is_not_the_one_that_is_restored(dataset: Dataset) -> None:
    publish(dataset, "ahead", ("a", 1), as_of=FUTURE)
    publish(dataset, "later", ("b", 1), as_of=LATE)
    dataset.lake.write(f"{dataset.directory(DAY)}/_current.json", b"{")

    restore(dataset, DAY)

    assert stored(dataset) == [("b", 1, "later")]


def test_quarantined_rows_lie_beside_their_batch_and_are_no_data(dataset: Dataset) -> None:
    rows = pa.record_batch({"reason": ["torn"], "raw": pa.array([b"\x00\xff\n"])})
    with dataset.write(DAY, "batch-1") as writer:
        writer.write(parcels(("a", 1)))
        writer.quarantine(rows)
        manifest = writer.manifest(as_of=EARLY)
    dataset.publish(manifest)

    assert list(dataset.quarantine(manifest)) == [rows]
    assert [batch.to_pylist() for batch in dataset.quarantine(manifest, "reason")] == [[{"reason": "torn"}]]
    assert stored(dataset) == [("a", 1, "batch-1")]
    publish(dataset, "batch-2", ("a", 1))
    assert list(dataset.quarantine(dataset.current(DAY))) == []


def test_superseded_batches_are_those_that_were_replaced_before_the_moment(dataset: Dataset) -> None:
    for batch in ("one", "two", "three"):
        publish(dataset, batch, ("a", 1))
    third = datetime.fromisoformat(dataset.current(DAY).written_at)

    assert dataset.superseded(DAY, before=third) == ["one"]
    assert dataset.superseded(DAY, before=third + timedelta(seconds=1)) == ["one", "two"]
    assert stored(dataset) == [("a", 1, "three")]


def test_a_batch_without_a_manifest_is_unpublished_unless_it_holds_the_newest_quarantine(dataset: Dataset) -> None:
    publish(dataset, "in force", ("a", 1))
    for batch in ("crashed", "rejected"):
        with dataset.write(DAY, batch) as writer:
            writer.write(parcels(("b", 2)))
    dataset.reject(Rejection("parcels", DAY, "rejected", LATE, ("torn",)))

    assert dataset.unpublished(DAY) == ["crashed"]


def test_going_back_to_a_superseded_batch_moves_the_pointer_only(dataset: Dataset) -> None:
    publish(dataset, "one", ("a", 1))
    good = dataset.current(DAY)
    publish(dataset, "two", ("b", 1))

    assert dataset.publish(good)

    assert stored(dataset) == [("a", 1, "one")]
