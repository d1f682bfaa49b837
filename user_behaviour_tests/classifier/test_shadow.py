"""Two sets of verdicts beside each other: large days in several files, and which reviews are named."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from user_behaviour.classifier.shadow import ALL, Changes, Review, reviews_beside
from user_behaviour.lake.local import LocalLake
from user_behaviour.lake.manifests import DataFile, Manifest
from user_behaviour.spark.job import SparkJob
from user_behaviour.spark.output import SparkOutput
from user_behaviour.tables.schemas import CLASSIFIED_REVIEWS

DAY = date(2011, 1, 1)


def write(path: Path, rows: dict[int, Decimal]) -> None:
    """Verdicts of one vendor file, by their lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    verdicts = [{"cid": f"{n}", "positive_review": p > Decimal("0.5"), "probability": p} for n, p in rows.items()]
    where = [{"source_file": "a.csv", "line_number": number} for number in rows]
    schema = pa.schema([CLASSIFIED_REVIEWS.arrow_schema().field(name) for name in (*verdicts[0], *where[0])])
    found = [{**verdict, **at} for verdict, at in zip(verdicts, where, strict=True)]
    pq.write_table(pa.Table.from_pylist(found, schema=schema), path)


def test_a_day_of_several_files_is_compared_in_the_order_of_its_lines(tmp_path: Path) -> None:
    dataset = LocalLake(root=str(tmp_path)).dataset(CLASSIFIED_REVIEWS)
    output = SparkOutput(dataset, SparkJob("_staging/job", "shadow", "", {}))
    yes, no = Decimal("0.900000"), Decimal("0.100000")
    write(tmp_path / dataset.batch_directory(DAY, "v") / "part-0.parquet", {2: yes, 4: no, 5: no})
    write(tmp_path / dataset.batch_directory(DAY, "v") / "part-1.parquet", {3: yes, 10: yes})
    write(tmp_path / output.job.output / f"insert_date={DAY}" / "part-a.parquet", {3: yes, 4: yes})
    write(tmp_path / output.job.output / f"insert_date={DAY}" / "part-b.parquet", {2: yes, 5: no, 10: no})
    files = tuple(DataFile(f"part-{number}.parquet", 1, 1) for number in range(2))

    found = reviews_beside(output, [Manifest(CLASSIFIED_REVIEWS.name, DAY, "v", "t", "t", files)])

    assert [(one.line_number, one.customer, one.in_force, one.positive) for one in found] == [
        (2, 2, True, True), (3, 3, True, True), (4, 4, False, True), (5, 5, False, False), (10, 10, True, False),
    ]  # fmt: skip


def test_ten_reviews_are_named_the_farthest_first_and_none_that_keeps_its_verdict() -> None:
    changes = Changes()
    changes.add_reviews(Review(DAY, "a.csv", n, n, False, n > 5, n / 20) for n in range(18))

    assert [one.line_number for one in changes.most_changed] == [*range(17, 7, -1)]
    assert changes.figures[ALL] == {"reviews": 18, "to_positive": 12, "to_negative": 0}
