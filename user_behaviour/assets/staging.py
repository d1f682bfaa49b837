"""Stage staging: landed rows that the business rule lets in, and reviews with a verdict."""

import inspect
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from functools import partial
from pathlib import Path

import dagster as dg
import pyarrow as pa

from user_behaviour.assets.classifier import live_review_classifier
from user_behaviour.assets.declaration import declared
from user_behaviour.classifier import review_scoring
from user_behaviour.classifier.models import Models
from user_behaviour.deployments import SPARK_JOBS
from user_behaviour.lake.held_back import HeldBackError
from user_behaviour.lake.lake import Lake
from user_behaviour.lake.locations import Locations, PartitionStreams
from user_behaviour.lake.manifests import Manifest, Source
from user_behaviour.lake.read_ahead import ReadAhead
from user_behaviour.recipes import Closing, DayBatch, HeldBack, PerDay, SparkFiles
from user_behaviour.rules import QuantityRule, QuantityRules, Rules
from user_behaviour.spark.spark import SparkRunner
from user_behaviour.tables.schemas import CLASSIFIED_REVIEWS, STAGED_PURCHASES

GROUP = "staging"
CLASSIFIER_PROGRAM = "classify_reviews.py"
_SCORED_BY = [SPARK_JOBS / CLASSIFIER_PROGRAM, Path(review_scoring.__file__)]


@dg.asset(
    group_name=GROUP,
    kinds={"parquet", "python"},
    io_manager_key="lake_io_manager",
    **declared(STAGED_PURCHASES, made_by=inspect.getsource(QuantityRule.let_in)),
)
def staged_purchases(raw_purchases: PartitionStreams, quantity_rules: QuantityRules) -> PerDay:
    """A row is a purchase line of the day that the business rule in force on that day lets in."""
    return PerDay(_staged(raw_purchases, quantity_rules.current()))


@dg.asset(
    deps=[live_review_classifier],
    group_name=GROUP,
    kinds={"parquet", "spark"},
    io_manager_key="lake_io_manager",
    pool="spark",
    **declared(CLASSIFIED_REVIEWS, made_by="".join(file.read_text(encoding="utf-8") for file in _SCORED_BY)),
)
def classified_reviews(raw_reviews: Locations, lake: Lake, spark: SparkRunner) -> SparkFiles:
    """A row is a review of the day: was it positive, and which classifier said so.

    By the model that is live when the run begins; by the baseline, the word `good`, where there is none.
    """
    return scoring(raw_reviews, lake, spark, Models(lake).live())


def scoring(raw_reviews: Locations, lake: Lake, spark: SparkRunner, version: str) -> SparkFiles:
    """The recipe by which a version of the classifier scores reviews; the `BASELINE` does where that is it."""
    run = partial(spark.run, CLASSIFIER_PROGRAM, modules=[review_scoring.__file__])
    return SparkFiles.of(raw_reviews, run, {"model": lake.uri(Models(lake).directory(version))} if version else {})


def _staged(purchases: PartitionStreams, rules: Rules) -> Iterator[DayBatch | HeldBack]:
    known: dict[date, tuple[Manifest, QuantityRule]] = {}
    held_back: dict[date, HeldBackError] = {}
    for day in purchases.days:
        try:
            known[day] = purchases.manifest(day), rules.in_force(day)
        except HeldBackError as error:
            held_back[day] = error
    with closing(ReadAhead(list(known), lambda day: _let_in(purchases, *known[day]))) as rows:
        for day in purchases.days:
            if day in known:
                yield DayBatch(day, known[day][0].as_of, rows.of(day))
            else:
                yield HeldBack(day, held_back[day])


def _let_in(purchases: PartitionStreams, landed: Manifest, rule: QuantityRule) -> Iterator[pa.RecordBatch | Closing]:
    for batch in purchases.read(landed):
        yield rule.let_in(batch)
    yield Closing((Source(landed.dataset, landed.rows, landed.batch_id),), {"rule": rule.name})
