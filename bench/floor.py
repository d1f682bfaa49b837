"""The benchmark's floor: the project's work as one plain script, without Dagster, checks, manifests or re-runs.

COPY out of the shop, one Parquet file per day and data set, the project's own Spark program (without an archive of
classes), COPY into the warehouse's schema `floor`, the metric in SQL. Rows are streamed: memory holds a day.
"""

import argparse
import csv
import gzip
import json
import os
import re
import runpy
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import IO, Any

import psycopg2
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from user_behaviour.spark.local_config import SPARK_CONFIG

TEXT, INT = pa.string(), pa.int32()
PURCHASES = pa.schema(
    {"invoice_number": TEXT, "stock_code": TEXT, "detail": TEXT, "quantity": INT, "invoice_date": pa.timestamp("us")}
    | {"unit_price": pa.decimal128(8, 3), "customer_id": INT, "country": TEXT}
)
REVIEWS = pa.schema({"cid": TEXT, "review_str": TEXT, "source_file": TEXT, "line_number": INT, "batch_id": TEXT})
SQL_NULLS = {"null_values": [""], "strings_can_be_null": True, "quoted_strings_can_be_null": False}
BATCH = "floor"
PROGRAM = Path(__file__).parents[1] / "spark_jobs" / "classify_reviews.py"
TABLES = """
    drop schema if exists floor cascade; create schema floor; create table floor.user_purchase_staging (
        invoice_number varchar(10), stock_code varchar(20), detail varchar(1000), quantity int, invoice_date timestamp,
        unit_price decimal(8, 3), customer_id int, country varchar(20), insert_date date);
    create table floor.movie_review_clean_stage (
        cid varchar(10), positive_review boolean, classifier varchar(64), classifier_version varchar(16),
        source_file varchar(255), line_number int, batch_id varchar(64), probability decimal(7, 6), insert_date date);
"""
METRIC = """
    create table floor.user_behavior_metric as with spent as (
        select customer_id, insert_date, sum(quantity * unit_price)::decimal(18, 5) as amount_spent
        from floor.user_purchase_staging where customer_id is not null group by 1, 2
    ), reviewed as (
        select cid::int as customer_id, insert_date, sum(positive_review::int) as review_score, count(*) as review_count
        from floor.movie_review_clean_stage group by 1, 2
    )
    select customer_id as customerid, amount_spent, review_score::int, review_count::int, insert_date
    from spent inner join reviewed using (customer_id, insert_date)
"""


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Prints the time that what happens inside takes."""
    start = time.perf_counter()
    yield
    print(f"{name:16}{time.perf_counter() - start:7.2f} s")


@contextmanager
def piped(produce: Callable[[IO[bytes]], object]) -> Iterator[IO[bytes]]:
    """The bytes that `produce` writes in a thread of its own, to be read here while it writes."""
    reading, writing = os.pipe()

    def work() -> None:
        with os.fdopen(writing, "wb") as sink:
            produce(sink)

    thread = threading.Thread(target=work)
    thread.start()
    with os.fdopen(reading, "rb") as source:
        yield source
    thread.join()


def partition(lake: Path, dataset: str, day: date) -> Path:
    """The file to be of one day, in its new directory."""
    path = lake / dataset / f"insert_date={day}" / BATCH
    path.mkdir(parents=True)
    return path / "part-0.parquet"


def days_of(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[date, pa.Table]]:
    """One table a day, out of batches that are ordered by `invoice_date`."""
    current: Any = None
    pending: list[pa.RecordBatch] = []
    for batch in batches:
        column = batch.column("invoice_date").cast(pa.date32())
        for day in column.unique():
            if pending and day != current:
                yield current.as_py(), pa.Table.from_batches(pending)
                pending.clear()
            current = day
            pending.append(batch.filter(pc.equal(column, day)))
    if pending:
        yield current.as_py(), pa.Table.from_batches(pending)


def land_and_stage_purchases(connection: Any, lake: Path, days: tuple[date, date]) -> None:
    """The shop's lines of the range, as one file a day, whole and (quantity > 2) staged."""
    columns, until = ", ".join(PURCHASES.names), days[1] + timedelta(days=1)
    lines = f"from retail.user_purchase where invoice_date >= '{days[0]}' and invoice_date < '{until}'"
    copy = f"copy (select {columns} {lines} order by invoice_date) to stdout with (format csv, header)"
    with connection, connection.cursor() as cursor, piped(lambda sink: cursor.copy_expert(copy, sink)) as source:
        batches = pacsv.open_csv(
            source,
            parse_options=pacsv.ParseOptions(newlines_in_values=True),
            convert_options=pacsv.ConvertOptions(**SQL_NULLS, column_types=PURCHASES),
        )
        for day, table in days_of(batches):
            staged = table.filter(pc.field("quantity") > 2)
            for dataset, found in (("raw_purchases", table), ("staged_purchases", staged)):
                pq.write_table(found, partition(lake, dataset, day))


def parse_reviews(file: Path) -> Iterator[tuple[str, str, str, int, str]]:
    """The rows of one vendor file, with the line on which each starts."""
    opened: Any = gzip.open if file.suffix == ".gz" else open
    with opened(file, "rt", encoding="utf-8-sig", errors="replace", newline="") as text:
        reader, line = csv.reader(text), 2
        next(reader)
        for row in reader:
            if len(row) == 2 and row[0].isdigit() and len(row[0]) <= 10 and row[1].strip():
                yield row[0], row[1], file.name, line, BATCH
            line = reader.line_num + 1


def land_reviews(vendor: Path, lake: Path, days: tuple[date, date]) -> None:
    """The vendor's files of the range, parsed, as one Parquet file a day."""
    files: dict[date, list[Path]] = defaultdict(list)
    for file in sorted(vendor.iterdir()):
        if match := re.fullmatch(r"movie_review_(\d{4}-\d\d-\d\d).*\.csv(\.gz)?", file.name):
            files[date.fromisoformat(match.group(1))].append(file)
    for day in sorted(day for day in files if days[0] <= day <= days[1]):
        columns = zip(*(row for file in files[day] for row in parse_reviews(file)), strict=True)
        arrays = [pa.array(column, kind) for column, kind in zip(columns, REVIEWS.types, strict=True)]
        table = pa.table(arrays or [[]] * len(REVIEWS), schema=REVIEWS)
        pq.write_table(table, partition(lake, "raw_reviews", day))


def classify(lake: Path) -> None:
    """One Spark job over every day of raw reviews: the project's own program, in this process."""
    base, output, job = lake / "raw_reviews", lake / "classified_reviews", lake / "job.json"
    inputs = [{"insert_date": day.name[-10:], "location": str(day / BATCH)} for day in sorted(base.iterdir())]
    places = {"base": str(base), "output": str(output), "result": str(lake / "result")}
    job.write_text(json.dumps({"inputs": inputs, **places, "batch_id": BATCH}))
    runpy.run_path(str(PROGRAM))["main"](["--job", str(job)])


def load(cursor: Any, dataset: Path, table: str) -> None:
    """Copies every day's file into the warehouse's table, as one stream."""

    def write(sink: IO[bytes]) -> None:
        for file in sorted(dataset.glob("insert_date=*/**/*.parquet")):
            day = file.relative_to(dataset).parts[0].removeprefix("insert_date=")
            found = pq.ParquetFile(file).read()
            found = found.append_column("insert_date", pa.repeat(day, found.num_rows))
            pacsv.write_csv(found, sink, pacsv.WriteOptions(include_header=False))

    with piped(write) as source:
        cursor.copy_expert(f"copy floor.{table} from stdin with (format csv)", source)


def run(arguments: argparse.Namespace) -> None:
    """Everything, phase by phase."""
    days, lake = (arguments.first, arguments.last), arguments.lake
    lake.mkdir(parents=True)
    shop, warehouse = psycopg2.connect(arguments.shop_url), psycopg2.connect(arguments.warehouse_url)
    with phase("purchases"):
        land_and_stage_purchases(shop, lake, days)
    with phase("reviews"):
        land_reviews(arguments.vendor, lake, days)
    with phase("spark session"):
        from pyspark.sql import SparkSession  # here, because its import is part of what a session costs

        session = SparkSession.builder.config(map=SPARK_CONFIG).getOrCreate()
    with phase("spark job"):
        classify(lake)
    with phase("spark stop"):
        session.stop()
    with warehouse, warehouse.cursor() as cursor:
        with phase("load warehouse"):
            cursor.execute(TABLES)
            load(cursor, lake / "staged_purchases", "user_purchase_staging")
            load(cursor, lake / "classified_reviews", "movie_review_clean_stage")
        with phase("metric"):
            cursor.execute(METRIC)
    print(f"{cursor.rowcount:,} rows in the metric")


def main() -> None:
    """Runs the floor and prints what each phase took."""
    parser = argparse.ArgumentParser(description="The benchmark's floor: the same work, without Dagster.")
    for url in ("--shop-url", "--warehouse-url"):
        parser.add_argument(url, required=True)
    parser.add_argument("--vendor", type=Path, required=True, help="directory of the vendor's files")
    parser.add_argument("--lake", type=Path, required=True, help="directory to write to; must not exist")
    for option, name in (("--from", "first"), ("--to", "last")):
        parser.add_argument(option, dest=name, type=date.fromisoformat, required=True)
    run(parser.parse_args())


if __name__ == "__main__":
    main()
