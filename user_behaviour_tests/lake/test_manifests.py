"""Manifests as they are written and read again; rejections are in the contract of data sets."""

import json
from datetime import UTC, date, datetime, timedelta, timezone

from user_behaviour.lake.manifests import DataFile, Manifest, Source, timestamp

MANIFEST = Manifest(
    dataset="raw_reviews",
    day=date(2010, 12, 1),
    batch_id="run-2",
    as_of="2010-12-02T06:00:00.000000Z",
    written_at="2010-12-02T06:00:01.000000Z",
    files=(DataFile("part-00000.parquet", 2, 300), DataFile("part-00001.parquet", 3, 400)),
    sources=(Source("ø “1”.csv", 10, "v1", "here/ø “1”.csv"),),
    facts={"files": 1, "share": 0.5, "rule": "quantity > 2"},
    longest_texts={"cid": 5},
)


def test_a_manifest_is_read_as_it_was_written() -> None:
    assert Manifest.from_json(MANIFEST.to_json()) == MANIFEST


def test_a_manifest_says_its_rows_to_whoever_reads_the_json() -> None:
    written = json.loads(MANIFEST.to_json())

    assert (written["rows"], written["day"], written["sources"][0]["name"]) == (5, "2010-12-01", "ø “1”.csv")


def test_the_order_of_timestamps_is_the_order_of_moments() -> None:
    noon = datetime(2010, 12, 1, 12, tzinfo=UTC)
    moments = [noon, noon + timedelta(microseconds=1), noon + timedelta(seconds=1), noon + timedelta(days=365)]

    written = [timestamp(moment) for moment in moments]

    assert written == sorted(written)
    assert written[0] == "2010-12-01T12:00:00.000000Z"
    assert timestamp(noon.astimezone(timezone(timedelta(hours=5, minutes=30)))) == written[0]


def test_a_manifest_of_a_former_release_is_read() -> None:
    """Releases up to 0.3.0 did not record how long texts are."""
    former = json.loads(MANIFEST.to_json())
    del former["longest_texts"]

    assert Manifest.from_json(json.dumps(former).encode()).longest_texts == {}
