"""The reviews whose verdicts a version of the classifier changes most, compared day by day with those in force."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import chain
from operator import itemgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.manifests import Manifest
from user_behaviour.lake.parquet_part import batches_of
from user_behaviour.spark.output import SparkOutput

MOST_CHANGED = 10
_PLACE = ["source_file", "line_number"]
_VERDICTS = "not positive", "positive"


def scored(output: SparkOutput, day: date, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Columns of the rows that the Spark program wrote of a day."""
    lake = output.dataset.lake
    for path in output.written(output.job.output, day):
        with lake.store_errors("Reading", path), lake.filesystem().open_input_file(path) as file:
            yield from batches_of(pq.ParquetFile(file), columns)


def most_changed(output: SparkOutput, raw: Dataset, landed: Mapping[date, Manifest]) -> list[dict[str, Any]]:
    """At most `MOST_CHANGED` reviews of the days, those first whose probability is farthest from the verdict in force.

    A row has `day`, `customer`, `in_force`, `probability` and `review`, its text.
    """
    in_force = output.dataset.manifests([*landed]).values()
    of_days = output.dataset.lake.at_once(lambda manifest: _changed(output, manifest), in_force)
    rows = heapq.nlargest(MOST_CHANGED, chain.from_iterable(of_days), key=itemgetter("distance"))
    texts = _texts(raw, [landed[day] for day in sorted({row["day"] for row in rows})])
    return [
        {
            "day": f"{row['day']}",
            "customer": row["cid"],
            "in_force": _VERDICTS[row["positive_review"]],
            "probability": f"{row['probability']:.6f}",
            "review": texts[row["day"], row["source_file"], row["line_number"]],
        }
        for row in rows
    ]


def _changed(output: SparkOutput, in_force: Manifest) -> list[dict[str, Any]]:
    """The reviews of a day that change most, each with its `distance` from the verdict in force."""
    live = [
        batch
        for file in output.dataset.files(in_force)
        for batch in batches_of(file, [*_PLACE, "cid", "positive_review"])
    ]
    wanted = [*scored(output, in_force.day, [*_PLACE, "positive_review", "probability"])]
    if not (live and wanted):
        return []
    new = pa.Table.from_batches(wanted).rename_columns([*_PLACE, "wanted", "probability"])
    both = pa.Table.from_batches(live).join(new, _PLACE, join_type="inner")
    both = both.filter(pc.not_equal(both["positive_review"], both["wanted"]))
    distance = pc.abs(pc.subtract(both["probability"].cast(pa.float64()), both["positive_review"].cast(pa.float64())))
    order = [("distance", "descending"), *((name, "ascending") for name in _PLACE)]
    most = both.append_column("distance", distance).sort_by(order).slice(0, MOST_CHANGED)
    return [{"day": in_force.day, **row} for row in most.to_pylist()]


def _texts(raw: Dataset, landed: Iterable[Manifest]) -> dict[tuple[date, str, int], str]:
    """The texts of the reviews of some days."""
    return {
        (manifest.day, row["source_file"], row["line_number"]): row["review_str"]
        for manifest in landed
        for batch in raw.read(manifest)
        for row in batch.select(["source_file", "line_number", "review_str"]).to_pylist()
    }
