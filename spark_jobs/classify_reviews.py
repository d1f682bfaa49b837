"""Spark program: classifies the reviews of many days in one job.

Plain pyspark and the standard library, so that spark-submit runs it unchanged, by hand, locally or on EMR:

    spark-submit classify_reviews.py --job s3://bucket/jobs/42.json

It knows locations, not the lake: which batch of a day is current, and when the output is published, its caller decides.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.ml.feature import StopWordsRemover, Tokenizer
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  (the name that every Spark program gives it)

INPUT_SCHEMA = "cid string, review_str string, source_file string, line_number int, insert_date string"
CLASSIFIER, VERSION = "token_good", "1"


class BadJob(ValueError):
    """The job's JSON object is not what this program needs."""


@dataclass(frozen=True)
class Job:
    """What to classify (directories of Parquet files, one or more a day, below `base`) and where the result goes."""

    locations: tuple[str, ...]
    base: str
    output: str
    batch_id: str


def classify(reviews: DataFrame) -> DataFrame:
    """The reviews with `positive_review` boolean, `classifier` string and `classifier_version` string added.

    Positive when the token `good` is left of the lower-cased review, split on white space, without stop words.
    """
    tokenizer = Tokenizer(inputCol="review_str", outputCol="tokens")
    remover = StopWordsRemover(
        inputCol="tokens", outputCol="left", stopWords=StopWordsRemover.loadDefaultStopWords("english")
    )
    verdict = {
        "positive_review": F.array_contains("left", "good"),
        "classifier": F.lit(CLASSIFIER),
        "classifier_version": F.lit(VERSION),
    }
    return remover.transform(tokenizer.transform(reviews)).withColumns(verdict).drop("tokens", "left")


def read_job(spark: SparkSession, uri: str) -> Job:
    """Reads the job through Hadoop's file systems: any scheme that Spark knows, or a plain path."""
    text = "".join(row.value for row in spark.read.text(uri, wholetext=True).collect())
    try:
        found = json.loads(text)
        return Job(
            locations=tuple(day["location"] for day in found["inputs"]),
            base=found["base"],
            output=found["output"],
            batch_id=found["batch_id"],
        )
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise BadJob(
            f"{uri} is not a job ({type(error).__name__}: {error}); write a JSON object with `inputs` (a list of "
            "objects with `insert_date` and `location`), `base`, `output` and `batch_id`."
        ) from error


def run(spark: SparkSession, job: Job) -> None:
    """Reads every location, classifies, writes one file a day and `_SUCCESS` last."""
    reviews = spark.read.schema(INPUT_SCHEMA).option("basePath", job.base).parquet(*job.locations)
    rows = classify(reviews).select(
        "cid",
        "positive_review",
        "classifier",
        "classifier_version",
        "source_file",
        "line_number",
        F.lit(job.batch_id).alias("batch_id"),
        "insert_date",
    )
    (
        # With a number: Spark merges the small partitions of a repartition without one, and one task would write all.
        rows.repartition(spark.sparkContext.defaultParallelism, "insert_date")
        .sortWithinPartitions("insert_date", "source_file", "line_number")
        .write.partitionBy("insert_date")
        .mode("overwrite")
        .parquet(job.output)
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one job in the process's Spark session; starts one if there is none, and leaves it running."""
    parser = argparse.ArgumentParser(description="Classifies the reviews of many days in one Spark job.")
    parser.add_argument("--job", required=True, help="URI of the job, a JSON object")
    arguments = parser.parse_args(argv)
    spark = SparkSession.builder.getOrCreate()
    run(spark, read_job(spark, arguments.job))
    return 0


if __name__ == "__main__":
    status = main()
    SparkSession.builder.getOrCreate().stop()
    sys.exit(status)
