"""Contract of landing reviews: read in the process or by the Spark program, the same files become the same days.

The files are those of the tests of the reader, and some that only Spark could get wrong.
"""

import gzip
import json
import os
import runpy
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain, repeat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from user_behaviour.assets.landing import ReviewLimits, raw_reviews
from user_behaviour.io_managers.lake import LakeIOManager
from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.local import LocalLake
from user_behaviour.project_files import PROJECT_FILES as CHECKOUT
from user_behaviour.spark.local import LocalSpark
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.schemas import RAW_REVIEWS
from user_behaviour.vendor import review_file
from user_behaviour.vendor.local import LocalVendorDrop
from user_behaviour_tests.vendor.files import BAD_ROW, D1, GOOD, HEADER
from user_behaviour_tests.vendor.test_lines import UNREADABLE
from user_behaviour_tests.vendor.test_reviews import UNUSABLE

PROGRAM = CHECKOUT / "spark_jobs" / "land_reviews.py"
BOM = b"\xef\xbb\xbf"
# Each a day of its own.
CONTENTS = [
    *(content for content, _, _ in UNREADABLE),
    *(HEADER + b'1,"two\nlines"\n' + raw + b"2,after\n" for raw, _ in UNUSABLE),
    *(bom + GOOD[:end] for bom in (BOM, BOM * 2) for end in (len(GOOD), -1)),
    BOM + b"\n",
    b"\n",
    GOOD + b"\n\r\n\n",
    HEADER[:-1],
    GOOD + BAD_ROW,
    GOOD + b"3," + b"x" * 60_000 + b"\xff\r\n4,\x01" + bytes(range(128, 256)) + b"\n",
    gzip.compress(BOM + GOOD.replace(b"\n", b"\r\n")),
]
OF_ONE_DAY = {" T10:30 %41 [x]{y}*?,\\ä.csv": GOOD, "_A.csv": GOOD, "_%41.csv": GOOD, ".csv.gz": gzip.compress(GOOD)}
OF_ONE_DAY |= {"_plain.csv.gz": GOOD + BAD_ROW, "_late.csv": HEADER + b'5,"a ""late"" one"\n6,\n'}


class SparkElsewhere(LocalSpark):
    """Spark in this process, that lands reviews as EMR does."""

    is_elsewhere = True


@dataclass(frozen=True)
class Landed:
    """What one way of landing made of the files, and the lake that it is in."""

    dataset: Dataset

    def day(self, day: date) -> dict[str, Any]:
        manifest, rejection = self.dataset.manifests([day]).get(day), self.dataset.rejection(day)
        found = manifest or rejection
        assert found
        batches = [] if manifest is None else self.dataset.read(manifest)
        rows = [row for batch in batches for row in batch.drop_columns(["batch_id"]).to_pylist()]
        return {
            "reasons": rejection.reasons if rejection else (),
            "rows": rows,
            "quarantine": [row for batch in self.dataset.quarantine(found) for row in batch.to_pylist()],
            "sources": found.sources,
            "facts": manifest and manifest.facts,
            "longest": manifest and {name: manifest.longest_texts.get(name) for name in ("cid", "review_str")},
        }


def land(root: Path, spark: LocalSpark, last: date) -> Landed:
    lake = LocalLake(root=str(root / type(spark).__name__))
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize(
            [raw_reviews],
            instance=instance,
            resources={
                "lake": lake,
                "lake_io_manager": LakeIOManager(lake=lake),
                "vendor_drop": LocalVendorDrop(directory=str(root / "vendor")),
                "spark": spark,
            },
            run_config=dg.RunConfig({"raw_reviews": ReviewLimits(bad_row_share=0.4, file_bytes=1 << 23)}),
            tags=DayRange(D1, last).tags(),
            raise_on_error=False,
        )
    return Landed(lake.dataset(RAW_REVIEWS))


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Landed, Landed]]:
    from pyspark.sql import SparkSession

    root = tmp_path_factory.mktemp("landing")
    (root / "vendor").mkdir()
    days = [D1 + timedelta(n) for n in range(len(CONTENTS) + 2)]
    files = dict(zip((f"{day}.csv" for day in days), CONTENTS, strict=False))
    files |= {f"{days[-1]}{name}": content for name, content in OF_ONE_DAY.items()}
    for name, content in files.items():
        (root / "vendor" / f"movie_review_{name}").write_bytes(content)
    home, programs = str(root / "home"), str(PROGRAM.parent)
    with pytest.MonkeyPatch.context() as environment:
        for variable in ("JAVA_HOME", "SPARK_LOCAL_IP"):  # to be as they were afterwards
            environment.setenv(variable, os.environ.get(variable, ""))
        yield (
            land(root, LocalSpark(programs=programs, home=home), days[-1]),
            land(root, SparkElsewhere(programs=programs, home=home), days[-1]),
        )
        if session := SparkSession.getActiveSession():
            session.stop()


def test_every_file_becomes_the_same_rows_quarantine_counts_and_reasons(twins: tuple[Landed, Landed]) -> None:
    here, elsewhere = twins
    days = here.dataset.days()
    assert len(days) == len(CONTENTS) + 2

    found = {day: elsewhere.day(day) for day in days}

    assert found == {day: here.day(day) for day in days}
    assert 15 < sum(bool(of_day["reasons"]) for of_day in found.values()) < 40
    assert sum(len(of_day["rows"]) for of_day in found.values()) > 90
    assert len(found[days[-1]]["sources"]) == len(OF_ONE_DAY)


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    monkeypatch.syspath_prepend(str(Path(review_file.__file__).parent))
    return SimpleNamespace(**runpy.run_path(str(PROGRAM)))


def test_a_plain_file_of_any_size_is_a_stream(program: SimpleNamespace) -> None:
    line = b"1," + b"x" * 60_000
    lines = chain([b"cid,review_str"], repeat(line, 1_500))
    file = program.File("2010-12-01", "a.csv", "", 15 + 1_500 * (len(line) + 1), 1 << 30, 0)

    tracemalloc.start()
    try:
        *rows, tally = ((row[2], row[-1]) for row in program.rows_of(file, lines))
        assert tracemalloc.get_traced_memory()[1] < 8_000_000  # of 90 MB
    finally:
        tracemalloc.stop()

    assert [number for number, _ in rows] == [*range(2, 1_502)]
    assert json.loads(tally[1])["unreadable"] == ""


def test_a_line_that_hadoop_left_out_makes_its_file_unreadable(program: SimpleNamespace) -> None:
    file = program.File("2010-12-01", "a.csv", "", 5 << 20, 1 << 30, 0)

    for lines in ([], [b"cid,review_str", b"1,good"]):
        *_, tally = program.rows_of(file, iter(lines))
        reason = (
            f"a line is longer than {review_file.LONGEST_RECORD} bytes; deliver the file again, whole and corrected."
        )
        assert json.loads(tally[-1])["unreadable"] == f"Vendor file a.csv: {reason}"


def test_reading_ends_where_too_many_rows_are_bad(program: SimpleNamespace) -> None:
    file = program.File("2010-12-01", "a.csv", "", 15 + 9 * 2, 1 << 30, 3)

    *rows, tally = program.rows_of(file, iter([b"cid,review_str", *[b"x"] * 9]))

    assert len(rows) == 4
    assert json.loads(tally[-1])["is_hopeless"]


def test_what_the_reader_lets_in_fits_the_columns() -> None:
    longest = {column.name: column.max_bytes for column in RAW_REVIEWS.columns}
    assert (longest["cid"], longest["review_str"]) == (review_file.LONGEST_CID, review_file.LONGEST_REVIEW)
