"""Spark program: reads the vendor's review files of many days in one job, each file by one task.

Spark's SQL and RDDs and the standard library alone (Python 3.9, Spark 3.5 or 4), and the strict reader as a module, so
that spark-submit runs it unchanged, by hand, locally or on EMR:

    spark-submit --py-files user_behaviour/vendor/review_file.py land_reviews.py --job s3://bucket/jobs/42.json

Files come by Spark's own sources, since executors have no other way to a store: what is not named .gz as a stream of
lines, of which the bytes are put together again; what is named so as a whole, packed. It knows no lake and judges no
day: rows, bad rows and what was counted of each file go out, and its caller decides.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple
from urllib.parse import unquote

from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  (the name that every Spark program gives it)
from review_file import LONGEST_RECORD, ReviewRow, Tally, UnreadableFile

# A row is landed, or bad (it has `raw`), or what was counted of its file (`tally`, JSON).
READ = "insert_date string, source_file string, line_number int, cid string, review_str string, reason string, "
READ += "raw binary, tally string"
LANDED = ("cid", "review_str", "source_file", "line_number", "batch_id")
QUARANTINED = ("source_file", "line_number", "reason", "raw")
TEXTS = ("cid", "review_str", "source_file", "batch_id")
BYTES_PER_FILE = 512 << 20  # of the vendor's text, for Parquet files of 64 MB to 1 GB
BYTES_PER_TASK = 64 << 20  # at the most, where small files share one
# Hadoop leaves out a line that is longer, and so never holds more of one; the reader takes a quarter of it.
LONGEST_LINE = 4 * LONGEST_RECORD


class File(NamedTuple):
    """A vendor's file: where it lies, its size, and how many bytes, unpacked, and bad rows it may have."""

    insert_date: str
    name: str
    uri: str
    size: int
    file_bytes: int
    most_bad: int


def run(spark: SparkSession, job: Mapping[str, Any]) -> None:
    """Reads every file once, writes rows and bad rows by day, and says of each file what was counted."""
    spark = spark.newSession()  # whose settings are its own
    days = [[File(day["insert_date"], **file, **day["limits"]) for file in day["files"]] for day in job["inputs"]]
    files = [file for of_day in days for file in of_day]
    parts = max(1, *(-(-sum(file.size for file in of_day) // BYTES_PER_FILE) for of_day in days))
    rows = spark.createDataFrame(_read(spark, files), READ, verifySchema=False).persist(StorageLevel.DISK_ONLY)
    landed = rows.where("cid is not null").withColumn("batch_id", F.lit(job["batch_id"]))
    _write(landed, LANDED, job["output"], parts=parts)
    _write(rows.where("raw is not null"), QUARANTINED, job["quarantine"])
    said = {row[:2]: row.tally for row in rows.where("tally is not null").collect()}
    longest = landed.groupBy("insert_date", "source_file").agg(*(F.max(F.octet_length(name)) for name in TEXTS))
    texts = {row[:2]: row[2:] for row in longest.collect()}
    lines = []
    for file in files:
        # Spark gives no line of a file that is empty, or one endless line.
        tally = said.get(file[:2]) or [*rows_of(file, iter(()))][-1][-1]
        longest_texts = dict(zip(TEXTS, texts.get(file[:2], ())))  # noqa: B905  (`strict` came with Python 3.10)
        lines.append({"insert_date": file.insert_date, "tally": json.loads(tally), "longest_texts": longest_texts})
    content = F.lit("\n".join(map(json.dumps, lines)))
    spark.range(1).select(content).write.mode("overwrite").text(job["result"])
    rows.unpersist()


def _write(rows: DataFrame, columns: Sequence[str], place: str, *, parts: int = 1) -> None:
    """A day as one file, or as so many parts, each in the order of files and lines."""
    part = [F.pmod(F.hash("source_file", "line_number"), F.lit(parts))] if parts > 1 else []
    (
        rows.select(*columns, "insert_date")
        .repartition(max(rows.sparkSession.sparkContext.defaultParallelism, parts), "insert_date", *part)
        .sortWithinPartitions("insert_date", "source_file", "line_number")
        .write.partitionBy("insert_date")
        .option("parquet.statistics.truncate.length", 64)  # else footers say nothing of columns with long texts
        .mode("overwrite")
        .parquet(place)
    )


def _read(spark: SparkSession, files: Sequence[File]) -> Any:
    """The RDD of what was read, as READ."""
    largest, total = (how(file.size for file in files) for how in (max, sum))
    share = min(total // spark.sparkContext.defaultParallelism, BYTES_PER_TASK)
    # No file is cut, since a quoted field may hold line ends; small ones are packed together.
    spark.conf.set("spark.sql.files.maxPartitionBytes", max(largest, share, 1))
    spark.conf.set("spark.sql.files.minPartitionNum", 1)
    spark.conf.set("spark.sql.files.openCostInBytes", 0)
    longest = "mapreduce.input.linerecordreader.line.maxlength"
    plain = spark.read.format("text").option("lineSep", "\n").option(longest, LONGEST_LINE)
    found = []
    for ends, reader, column in ((".csv", plain, "value"), (".gz", spark.read.format("binaryFile"), "content")):
        # By their directories, each of one version: Hadoop takes an address for a pattern, and a name may be none.
        paths = sorted({file.uri.rpartition("/")[0] for file in files if file.name.endswith(ends)})
        if paths:
            lines = reader.option("pathGlobFilter", f"*{ends}").option("recursiveFileLookup", value=True).load(paths)
            found.append(lines.select(F.col(column).cast("binary"), "_metadata.file_path").rdd.map(tuple))
    by_place = {_place(file.uri): file for file in files}
    return spark.sparkContext.union(found).mapPartitions(partial(_read_files, by_place))


def _place(uri: str) -> str:
    """The address without its scheme, which file systems write in different ways."""
    return re.sub(r"^\w+:/+", "", uri)


def _read_files(files: Mapping[str, File], lines: Iterable[tuple[bytes, str]]) -> Iterator[tuple[Any, ...]]:
    for uri, of_file in groupby(lines, key=itemgetter(1)):
        # Beside it may lie the same bytes under a name that the day has no more.
        if file := files.get(_place(unquote(uri))):
            yield from rows_of(file, (line for line, _ in of_file))


def rows_of(file: File, lines: Iterator[bytes]) -> Iterator[tuple[Any, ...]]:
    """The rows of one file, and last what was counted of it."""
    whole, tally, day = Whole(lines, file.size), Tally(file.name), (file.insert_date, file.name)
    for row in tally.rows(io.BufferedReader(whole, 1 << 20), max_bytes=file.file_bytes, most_bad=file.most_bad):
        if isinstance(row, ReviewRow):
            yield (*day, row.line, row.cid, row.review, None, None, None)
        else:
            yield (*day, row.line, None, None, row.reason, row.raw, None)
    if not tally.is_hopeless and whole.lacks_lines():
        tally.unreadable = str(UnreadableFile(file.name, f"a line is longer than {LONGEST_RECORD} bytes"))
    yield (*day, None, None, None, None, None, json.dumps(asdict(tally)))


class Whole(io.RawIOBase):
    """A file's bytes again, as a stream, from its lines without their ends; a packed file is one such line.

    What Hadoop does not say: whether the last line has an end, which the size tells, and that it took a BOM away.
    """

    def __init__(self, lines: Iterator[bytes], size: int) -> None:
        self._pieces = self._joined(lines)
        self._missing = size  # bytes that were not seen yet
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        filled = 0
        while filled < len(buffer):
            if not self._left:
                self._left = memoryview(next(self._pieces, b""))
            if not self._left:
                break
            take = min(len(buffer) - filled, len(self._left))
            buffer[filled : filled + take] = self._left[:take]
            self._left = self._left[take:]
            filled += take
        return filled

    def lacks_lines(self) -> bool:
        """Reads to the end: whether lines were left out for their length."""
        for _ in self._pieces:
            pass
        return self._missing not in (0, 3)  # 3 is the BOM

    def _joined(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        last = next(lines, b"")
        for line in lines:
            self._missing -= len(last) + 1
            yield last + b"\n"
            last = line
        end = b"\n" if self._missing - len(last) in (1, 4) else b""
        self._missing -= len(last) + len(end)
        yield last + end


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one job in the process's Spark session; starts one if there is none, and leaves it running."""
    parser = argparse.ArgumentParser(description="Reads the vendor's review files of many days in one Spark job.")
    parser.add_argument("--job", required=True, help="URI of the job, a JSON object")
    arguments = parser.parse_args(argv)
    spark = SparkSession.builder.getOrCreate()
    run(spark, json.loads(spark.read.text(arguments.job, wholetext=True).collect()[0].value))
    return 0


if __name__ == "__main__":
    status = main()
    SparkSession.builder.getOrCreate().stop()
    sys.exit(status)
