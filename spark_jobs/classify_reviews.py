"""Spark program: classifies the reviews of many days in one job.

Spark's SQL and the standard library alone (Python 3.9, Spark 3.5 or 4), and the scoring as a module, so that
spark-submit runs it unchanged, by hand, locally or on EMR:

    spark-submit --py-files user_behaviour/classifier/review_scoring.py classify_reviews.py --job s3://bucket/jobs/42.json

A day is one file; a large one is cut by its keys into files that Redshift Spectrum likes, each sorted by file and line.
It knows locations, not the lake: which batch of a day is current, and when the output is published, its caller decides.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F  # noqa: N812  (the name that every Spark program gives it)

INPUT_SCHEMA = "cid string, review_str string, source_file string, line_number int, insert_date string"
MEASURES = ("tokens", "unknown_tokens", "characters")  # of a text that a model has read
SCORED = (
    "cid string, probability double, tokens int, unknown_tokens int, characters int, source_file string, "
    "line_number int, insert_date string"
)
PROBABILITY = "decimal(7,6)"
BASELINE, BASELINE_VERSION = "token_good", "1"
# Left and right of it the text ends, or there is one of Java's white spaces: blank, tab, and four line ends.
GOOD = r"(?i)(?<!\S)good(?!\S)"
# 7 bytes a row were measured: files of about 140 MB, for which Redshift Spectrum asks (64 MB to 1 GB).
ROWS_PER_FILE = 20_000_000
TEXTS = ("cid", "classifier", "classifier_version", "source_file", "batch_id")


class BadJob(ValueError):
    """The job's JSON object is not what this program needs."""


@dataclass(frozen=True)
class Job:
    """What to classify and where the result goes.

    `locations` are directories of Parquet files below `base`, one a day. Below `output` lie the rows, below `result`
    JSON lines, the `summary` of each day. `model` is the directory of a model, of `card.json` and `terms.parquet`.
    """

    locations: tuple[str, ...]
    base: str
    output: str
    result: str
    batch_id: str
    model: str | None = None
    rows_per_file: int = ROWS_PER_FILE


def classify(reviews: DataFrame, model: str | None = None) -> DataFrame:
    """The reviews with `positive_review` boolean, `classifier`, `classifier_version` and `probability` decimal(7,6).

    Positive when the model says so with a probability above one half; its `MEASURES` are columns as well. Without a
    model, by the baseline: when `good`, in any case, is one of the words of the review between white space; that knows
    no probability (null).
    """
    if model:
        return _by_model(reviews, model)
    verdict = {
        "positive_review": F.col("review_str").rlike(GOOD),
        "classifier": F.lit(BASELINE),
        "classifier_version": F.lit(BASELINE_VERSION),
        "probability": F.lit(None).cast(PROBABILITY),
    }
    return reviews.withColumns(verdict)


def _by_model(reviews: DataFrame, directory: str) -> DataFrame:
    """By the model in a directory, which is read once and sent to every worker; without the texts.

    By an RDD, since a function in SQL would have PySpark import pandas, which EMR does not promise.
    """
    from review_scoring import CLASSIFIER, REMEDY, ModelError, model_of  # here, since the baseline does without

    spark = reviews.sparkSession
    try:
        card = "".join(row.value for row in spark.read.text(f"{directory}/card.json", wholetext=True).collect())
        weights = spark.read.parquet(f"{directory}/terms.parquet").select("term", "length", "pull").collect()
        model = model_of(json.loads(card), weights)
    except (PySparkException, Py4JJavaError, json.JSONDecodeError) as error:
        reason = str(error).strip().partition("\n")[0][:200]
        raise ModelError(f"The model at {directory} cannot be read ({reason}). {REMEDY}") from error
    everywhere = spark.sparkContext.broadcast(model)

    def scored(rows: Iterable[Row]) -> Iterator[tuple[object, ...]]:
        read = everywhere.value.read
        for row in rows:
            text = row.review_str
            yield (row.cid, *read(text), len(text), row.source_file, row.line_number, row.insert_date)

    verdict = {
        "positive_review": F.col("probability") > 0.5,
        "classifier": F.lit(CLASSIFIER),
        "classifier_version": F.lit(model.version),
        "probability": F.col("probability").cast(PROBABILITY),
    }
    return spark.createDataFrame(reviews.rdd.mapPartitions(scored), SCORED, verifySchema=False).withColumns(verdict)


def read_job(spark: SparkSession, uri: str) -> Job:
    """Reads the job through Hadoop's file systems: any scheme that Spark knows, or a plain path."""
    text = "".join(row.value for row in spark.read.text(uri, wholetext=True).collect())
    try:
        found = json.loads(text)
        return Job(
            locations=tuple(day["location"] for day in found["inputs"]),
            base=found["base"],
            output=found["output"],
            result=found["result"],
            batch_id=found["batch_id"],
            model=found.get("settings", {}).get("model"),
        )
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise BadJob(
            f"{uri} is not a job ({type(error).__name__}: {error}); write a JSON object with `inputs` (a list of "
            "objects with `insert_date` and `location`), `base`, `output`, `result` and `batch_id`."
        ) from error


def run(spark: SparkSession, job: Job) -> None:
    """Reads every location, classifies, writes the rows by day and `_SUCCESS`, and a summary of each day."""
    reviews = spark.read.schema(INPUT_SCHEMA).option("basePath", job.base).parquet(*job.locations)
    scored = classify(reviews, job.model)
    measures = [name for name in MEASURES if name in scored.columns]
    rows = scored.select(
        "cid",
        "positive_review",
        "classifier",
        "classifier_version",
        "source_file",
        "line_number",
        F.lit(job.batch_id).alias("batch_id"),
        "probability",
        "insert_date",
        *measures,
    )
    rows = rows.persist()  # small by now, without the texts: written, and summed up
    summarised = rows.groupBy("insert_date").agg(*summary(measures)).select(F.to_json(F.struct("*")))
    summaries = [row[0] for row in summarised.collect()]
    counted = {day["insert_date"]: day["rows"] for day in map(json.loads, summaries)}
    large = {day: -(-number // job.rows_per_file) for day, number in counted.items() if number > job.rows_per_file}
    # A large day is cut by its keys, so that none of its tasks has more than a file to write.
    files = F.create_map(*(F.lit(part) for day in large.items() for part in day))[F.col("insert_date")]
    cut = [F.pmod(F.hash("source_file", "line_number"), F.coalesce(files, F.lit(1)))] if large else []
    # Decimals as bytes of a fixed length, as the other writers of the lake have them for Redshift Spectrum.
    spark.conf.set("spark.sql.parquet.writeLegacyFormat", "true")
    (
        # With a number: Spark merges the small partitions of a repartition without one, and one task would write all.
        rows.drop(*measures)
        .repartition(max(spark.sparkContext.defaultParallelism, sum(large.values())), "insert_date", *cut)
        .sortWithinPartitions("insert_date", "source_file", "line_number")
        .write.partitionBy("insert_date")
        .option("maxRecordsPerFile", job.rows_per_file)
        .mode("overwrite")
        .parquet(job.output)
    )
    spark.range(1).select(F.lit("\n".join(summaries))).write.mode("overwrite").text(job.result)
    rows.unpersist()


def summary(measures: Sequence[str] = ()) -> list[Column]:
    """What is said of a day: `rows`, its `facts`, and the bytes of the longest value of each text column.

    By a model the facts have the sums of its `measures` besides, and in `probability_tenths` the numbers of reviews
    with a probability from 0 to 0.1, from 0.1 to 0.2, and so on.
    """
    tenth = F.least(F.floor(F.col("probability") * 10), F.lit(9))
    tenths = F.concat_ws(" ", *(F.count_if(tenth == at).cast("string") for at in range(10)))
    by_model = [tenths.alias("probability_tenths"), *(F.sum(name).alias(name) for name in measures)] if measures else []
    key = F.crc32(F.concat_ws(":", "source_file", "line_number"))
    return [
        F.count("*").alias("rows"),
        F.struct(
            F.sum(key).alias("review_keys"),
            F.sum(F.col("positive_review").cast("int")).alias("positive_reviews"),
            F.first("classifier").alias("classifier"),
            F.first("classifier_version").alias("classifier_version"),
            *by_model,
        ).alias("facts"),
        F.struct(*(F.max(F.octet_length(name)).alias(name) for name in TEXTS)).alias("longest_texts"),
    ]


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
