"""Why a day's figures changed, from manifests written by hand: one cause, several, and where batches are purged."""

import io
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from user_behaviour.lake.local import LocalLake
from user_behaviour.lake.manifests import DataFile, Manifest, Source
from user_behaviour.restatement import FILES_NAMED, NO_BATCH_CHANGED, causes
from user_behaviour.tables.schemas import (
    CLASSIFIED_REVIEWS,
    MOVIE_REVIEW_CLEAN_STAGE,
    RAW_PURCHASES,
    RAW_REVIEWS,
    STAGED_PURCHASES,
    USER_PURCHASE_STAGING,
)
from user_behaviour.tables.table import Table

DAY = date(2011, 1, 3)
LINES = [5, 4, 3]
RULE, VERSION = "quantity > 2 from 2010-12-01", "3f86"
FILE = Source("movie_review_2011-01-03.csv", 70, "v1")
PLANNED = {"quantity > 5 from 2011-01-01": "2011-02-01T09:00:00Z  ann: pairs (plan p7)", "77aa": "ben: better"}


def batch(
    table: Table, batch_id: str, *, rows: int = 10, size: int = 900, sources: tuple[Source, ...] = ()
) -> Manifest:
    files = (DataFile("part-00000.parquet", rows, size),)
    return Manifest(table.name, DAY, batch_id, as_of=batch_id, written_at=batch_id, files=files, sources=sources)


def made(table: Table, landed: Manifest, batch_id: str, **facts: str) -> Manifest:
    return replace(batch(table, batch_id, sources=(Source(landed.dataset, landed.rows, landed.batch_id),)), facts=facts)


@pytest.fixture
def lake(tmp_path: Path) -> LocalLake:
    """With a first batch of everything."""
    lake = LocalLake(root=str(tmp_path))
    lines, reviews = landed(lake, "1", LINES), batch(RAW_REVIEWS, "1", sources=(FILE,))
    staged = made(STAGED_PURCHASES, lines, "1", rule=RULE)
    scored = made(CLASSIFIED_REVIEWS, reviews, "1", classifier_version=VERSION)
    publish(lake, lines, reviews, staged, scored)
    return lake


def landed(lake: LocalLake, batch_id: str, quantities: Sequence[int]) -> Manifest:
    """Purchase lines that differ in no more than their quantities."""
    line = {
        "invoice_number": "5",
        "stock_code": "A",
        "detail": "",
        "invoice_date": datetime.combine(DAY, time()),
        "country": "",
    }
    line |= {"unit_price": Decimal(1), "customer_id": 7, "batch_id": batch_id}
    lines = [{**line, "quantity": quantity} for quantity in quantities]
    content = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(lines, RAW_PURCHASES.arrow_schema()), content)
    manifest = batch(RAW_PURCHASES, batch_id, rows=len(lines), size=content.tell())
    path = f"{lake.dataset(RAW_PURCHASES).batch_directory(DAY, batch_id)}/{manifest.files[0].name}"
    lake.write(path, content.getvalue())
    return manifest


def publish(lake: LocalLake, *manifests: Manifest) -> None:
    tables = {table.name: table for table in (RAW_PURCHASES, RAW_REVIEWS, STAGED_PURCHASES, CLASSIFIED_REVIEWS)}
    for manifest in manifests:
        assert lake.dataset(tables[manifest.dataset]).publish(manifest)


def staged_anew(lake: LocalLake, lines: Manifest, rule: str = RULE) -> None:
    publish(lake, *([lines] if lines.batch_id != "1" else []), made(STAGED_PURCHASES, lines, "2", rule=rule))


def scored_anew(lake: LocalLake, reviews: Manifest, version: str = VERSION) -> None:
    scored = made(CLASSIFIED_REVIEWS, reviews, "2", classifier_version=version)
    publish(lake, *([reviews] if reviews.batch_id != "1" else []), scored)


def cause(lake: LocalLake, *, purchases: str = "1", reviews: str = "1") -> str:
    """Why the day is another one, which was made of the batches 1 before."""
    before = {USER_PURCHASE_STAGING.name: "1", MOVIE_REVIEW_CLEAN_STAGE.name: "1"}
    now = {USER_PURCHASE_STAGING.name: purchases, MOVIE_REVIEW_CLEAN_STAGE.name: reviews}
    return causes(lake, lambda name: PLANNED.get(name, ""), {DAY: (before, now)})[DAY]


LANDED = {
    "late rows of the shop, 2 lines more": [*LINES, 3, 3],
    "1 line less in the shop": LINES[1:],
    "lines corrected in the shop": [6, *LINES[1:]],
}


@pytest.mark.parametrize("expected", LANDED)
def test_purchases_that_were_landed_anew(lake: LocalLake, expected: str) -> None:
    staged_anew(lake, landed(lake, "2", LANDED[expected]))
    assert cause(lake, purchases="2") == expected


def test_a_rule_with_its_plan_and_a_version_are_named_and_what_is_landed_alike_is_not(lake: LocalLake) -> None:
    """Lines in another order, in a file of another size: that of an equal day has differed by the batch's id alone."""
    staged_anew(lake, landed(lake, "2" * 30, LINES[::-1]), "quantity > 5 from 2011-01-01")
    scored_anew(lake, batch(RAW_REVIEWS, "2", sources=(FILE,)), "77aa")
    rule = f"rule `{RULE}` → `quantity > 5 from 2011-01-01` (2011-02-01T09:00:00Z ann: pairs (plan p7))"
    version = "classifier version `3f86` → `77aa` (ben: better)"
    assert cause(lake, purchases="2") == rule
    assert cause(lake, reviews="2") == version
    assert cause(lake, purchases="2", reviews="2") == f"{rule}; {version}"


def test_the_files_of_the_vendor_are_named_and_many_are_counted(lake: LocalLake) -> None:
    late = tuple(Source(f"late_{number}.csv", 1, "v1") for number in range(FILES_NAMED + 2))
    scored_anew(lake, batch(RAW_REVIEWS, "2", sources=(replace(FILE, version="v2"), *late)))
    assert cause(lake, reviews="2") == (
        f"late file of the vendor: late_0.csv, late_1.csv, late_2.csv and 2 more; re-delivery: {FILE.name}"
    )


def test_where_batches_are_purged_the_cause_is_unknown_as_far_as_they_are(lake: LocalLake) -> None:
    staged_anew(lake, landed(lake, "2", [*LINES, 3, 3]), "quantity > 3 from 2011-01-01")
    shutil.rmtree(Path(lake.root, "raw_purchases", f"insert_date={DAY}", "1"))
    assert cause(lake, purchases="2") == (
        f"rule `{RULE}` → `quantity > 3 from 2011-01-01`; unknown, batches of raw_purchases were purged"
    )
    shutil.rmtree(Path(lake.root, "staged_purchases", f"insert_date={DAY}", "1"))
    assert cause(lake, purchases="2") == "unknown, batches of staged_purchases were purged"
    assert cause(lake, reviews="unknown") == "unknown, batches of classified_reviews were purged"


@pytest.mark.parametrize("left", [b"", b"no Parquet", None], ids=["emptied", "damaged", "gone"])
def test_a_file_of_the_past_that_cannot_be_read_keeps_no_day_from_being_published(
    lake: LocalLake, left: bytes | None
) -> None:
    staged_anew(lake, landed(lake, "2", LINES))
    (file,) = Path(lake.root, "raw_purchases", f"insert_date={DAY}", "1").glob("*.parquet")
    file.unlink()
    if left is not None:
        file.write_bytes(left)
    assert cause(lake, purchases="2") == "unknown, batches of raw_purchases cannot be read"


def test_where_nothing_of_it_changed_it_was_not_the_data(lake: LocalLake) -> None:
    assert cause(lake) == NO_BATCH_CHANGED
    scored_anew(lake, batch(RAW_REVIEWS, "2", sources=(FILE,)))
    assert cause(lake, reviews="2") == NO_BATCH_CHANGED
