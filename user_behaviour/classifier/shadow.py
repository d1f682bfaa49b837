"""What a version of the classifier would change: its verdicts beside those in force, and what follows in the metric.

Rows pass as streams, in the order of file and line that the Spark program gives them; what is kept is what changes.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import zip_longest
from typing import Any

import pyarrow.parquet as pq

from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.manifests import Manifest
from user_behaviour.lake.objects import Objects
from user_behaviour.lake.parquet_part import batches_of
from user_behaviour.spark.output import SparkOutput, SparkOutputError

MOST_CHANGED = 10
FIGURES = ("reviews", "to_positive", "to_negative", "metric_rows", "changed_rows", "review_score", "would_be")
ALL = "all"


@dataclass(frozen=True)
class Review:
    """A review, the verdict in force, and what the version says of it."""

    day: date
    source_file: str
    line_number: int
    customer: int
    in_force: bool
    positive: bool
    probability: float


class Changes:
    """By month, and of `ALL`: the `FIGURES`, and customers whose rows change; the reviews that change most."""

    def __init__(self) -> None:
        self.figures: dict[str, Counter[str]] = defaultdict(Counter)
        self.customers: dict[str, set[int]] = defaultdict(set)
        self.most_changed: list[Review] = []  # the farthest first
        self._of_row: Counter[tuple[date, int]] = Counter()

    def add_reviews(self, reviews: Iterable[Review]) -> None:
        """Counts reviews, and how their verdicts change."""
        for review in reviews:
            change = review.positive - review.in_force
            self._count(review.day, reviews=1, to_positive=change > 0, to_negative=change < 0)
            if change:
                self._of_row[review.day, review.customer] += change
                found = (*self.most_changed, review)
                self.most_changed = heapq.nlargest(MOST_CHANGED, found, lambda one: abs(one.probability - one.in_force))

    def add_metric(self, rows: Iterable[tuple[date, int, int]]) -> None:
        """Counts rows of the metric (day, customer, review_score), after the reviews of their days."""
        for day, customer, score in rows:
            change = self._of_row[day, customer]
            self._count(day, metric_rows=1, changed_rows=change != 0, review_score=score, would_be=score + change)
            if change:
                self.customers[f"{day:%Y-%m}"].add(customer)
                self.customers[ALL].add(customer)

    def _count(self, day: date, **figures: int) -> None:
        for name in (f"{day:%Y-%m}", ALL):
            self.figures[name].update(figures)


def reviews_beside(output: SparkOutput, verdicts: Iterable[Manifest]) -> Iterator[Review]:
    """The reviews of the days whose verdicts in force are given, with what the program wrote of each.

    Raises `SparkOutputError` where the two are not of the same reviews.
    """
    lake = output.dataset.lake
    nothing: tuple[Any, ...] = (None,) * 4
    for manifest in verdicts:
        directory = output.dataset.batch_directory(manifest.day, manifest.batch_id)
        in_force = _rows(lake, [f"{directory}/{file.name}" for file in manifest.files], "cid", "positive_review")
        scored = output.written(output.job.output, manifest.day)
        new = _rows(lake, scored, "positive_review", "probability")
        for live, said in zip_longest(in_force, new, fillvalue=nothing):
            if live[:2] != said[:2]:
                raise SparkOutputError(f"{manifest.day}: {said[:2]} was scored where {live[:2]} has a verdict.")
            yield Review(manifest.day, live[0], live[1], int(live[2]), live[3], said[2], float(said[3]))


def texts(raw: Dataset, landed: Mapping[date, Manifest], reviews: Sequence[Review]) -> list[str]:
    """The texts of the reviews, in their order."""
    found = {(one.day, one.source_file, one.line_number): "" for one in reviews}
    for day in {one.day for one in reviews}:
        for row in (row for batch in raw.read(landed[day]) for row in batch.to_pylist()):
            if (key := (day, row["source_file"], row["line_number"])) in found:
                found[key] = row["review_str"]
    return list(found.values())


def _rows(lake: Objects, paths: Sequence[str], *columns: str) -> Iterator[tuple[Any, ...]]:
    """Source file, line and the columns of the rows of files that are each sorted by file and line, in that order."""
    names = ("source_file", "line_number", *columns)

    def of(path: str) -> Iterator[tuple[Any, ...]]:
        with lake.store_errors("Reading", path), lake.filesystem().open_input_file(path) as file:
            for batch in batches_of(pq.ParquetFile(file), names):
                yield from zip(*(batch[name].to_pylist() for name in names), strict=True)

    return heapq.merge(*map(of, paths))
