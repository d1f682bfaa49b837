"""The Spark program on rows written by hand: in a session of this process, and as spark-submit would start it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

PROGRAM = Path(__file__).parents[2] / "spark_jobs" / "classify_reviews.py"
OUTPUT_SCHEMA = pa.schema(
    [
        ("cid", pa.string()),
        ("positive_review", pa.bool_()),
        ("classifier", pa.string()),
        ("classifier_version", pa.string()),
        ("source_file", pa.string()),
        ("line_number", pa.int32()),
        ("batch_id", pa.string()),
    ]
)
LOCAL_CONF = {
    "spark.master": "local[2]",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
}
FIRST = [
    ("1", "A good film", "a.csv", 2),
    ("2", "Good! But long", "a.csv", 3),
    ("3", "It was good.", "a.csv", 4),
    ("4", "the was is and", "a.csv", 5),
    ("5", "Simply\tGOOD\nstuff", "a.csv", 6),
    ("6", "goods and goodness", "b.csv", 2),
]
SECOND = [("1", "not so good", "c.csv", 2), ("1", "bad", "c.csv", 3)]
VERDICTS = {
    "2010-12-01": [True, False, False, False, True, False],
    "2010-12-02": [True, False],
}


@pytest.fixture(scope="module")
def program() -> Iterator[ModuleType]:
    """The program, imported from its file, with a small Spark session for it to find."""
    import importlib.util

    from pyspark.sql import SparkSession

    spec = importlib.util.spec_from_file_location("classify_reviews", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    session = SparkSession.builder.config(map=LOCAL_CONF).getOrCreate()
    yield module
    session.stop()
    del sys.modules[spec.name]


def write_day(base: Path, day: str, rows: list[tuple[str, str, str, int]], *, extra: bool = False) -> str:
    """One day's raw reviews as the lake has them, with a manifest beside the data; the location."""
    location = base / f"insert_date={day}" / "batch-1"
    location.mkdir(parents=True, exist_ok=True)
    names = ["cid", "review_str", "source_file", "line_number", "batch_id"]
    types = [pa.string(), pa.string(), pa.string(), pa.int32(), pa.string()]
    columns = [*([row[i] for row in rows] for i in range(4)), ["raw-1"] * len(rows)]
    table = pa.table([pa.array(column, kind) for column, kind in zip(columns, types, strict=True)], names)
    if extra:
        table = table.append_column("stars", pa.array([None] * len(rows), pa.int32()))
    pq.write_table(table, location / "part-0.parquet")
    (location / "_manifest.json").write_text("{}")
    return str(location)


def write_job(root: Path, locations: dict[str, str], *, output: str | None = None) -> Path:
    """The JSON object that names the days; its path."""
    job = {
        "inputs": [{"insert_date": day, "location": location} for day, location in locations.items()],
        "base": str(root / "in"),
        "output": output or str(root / "out"),
        "batch_id": "batch-2",
    }
    path = root / "job.json"
    path.write_text(json.dumps(job))
    return path


def expected(rows: list[tuple[str, str, str, int]], verdicts: list[bool]) -> list[dict[str, Any]]:
    """The rows that must come out, in their order, from rows in any order."""
    made = [
        dict(zip(OUTPUT_SCHEMA.names, (cid, verdict, "token_good", "1", file, line, "batch-2"), strict=True))
        for (cid, _, file, line), verdict in zip(rows, verdicts, strict=True)
    ]
    return sorted(made, key=lambda row: (row["source_file"], row["line_number"]))


def read_output(output: Path) -> dict[str, list[dict[str, Any]]]:
    """Every row of every day, exactly one file a day, each with exactly the promised schema."""
    found = {}
    for directory in sorted(output.glob("insert_date=*")):
        (file,) = directory.glob("part-*.parquet")
        table = pq.ParquetFile(file).read()
        # Names and types: Spark writes literals as required columns, and what it has read as optional ones.
        assert [(field.name, field.type) for field in table.schema] == [(f.name, f.type) for f in OUTPUT_SCHEMA]
        found[directory.name.removeprefix("insert_date=")] = table.to_pylist()
    return found


def test_two_days_come_out_whole_one_file_a_day_in_the_order_of_the_vendor_files(
    program: ModuleType, tmp_path: Path
) -> None:
    base = tmp_path / "in"
    locations = {
        "2010-12-01": write_day(base, "2010-12-01", FIRST[::-1]),
        "2010-12-02": write_day(base, "2010-12-02", SECOND, extra=True),
    }
    (base / "insert_date=2010-12-03" / "batch-1").mkdir(parents=True)

    assert program.main(["--job", str(write_job(tmp_path, locations))]) == 0

    assert read_output(tmp_path / "out") == {
        "2010-12-01": expected(FIRST, VERDICTS["2010-12-01"]),
        "2010-12-02": expected(SECOND, VERDICTS["2010-12-02"]),
    }
    assert (tmp_path / "out" / "_SUCCESS").exists()


def test_main_leaves_the_session_that_it_found_running(program: ModuleType, tmp_path: Path) -> None:
    from pyspark.sql import SparkSession

    locations = {"2010-12-02": write_day(tmp_path / "in", "2010-12-02", SECOND)}
    program.main(["--job", write_job(tmp_path, locations).as_uri()])

    assert SparkSession.builder.getOrCreate().range(3).count() == 3


def test_a_job_without_its_fields_is_refused_with_a_sentence(program: ModuleType, tmp_path: Path) -> None:
    job = tmp_path / "job.json"
    job.write_text('{"inputs": []}')

    with pytest.raises(program.BadJob, match=r"job\.json is not a job .*'base'.*write a JSON object with `inputs`"):
        program.main(["--job", str(job)])


def test_the_program_runs_by_itself_as_spark_submit_starts_it(tmp_path: Path) -> None:
    locations = {"2010-12-01": write_day(tmp_path / "in", "2010-12-01", FIRST)}
    job = write_job(tmp_path, locations, output=(tmp_path / "out").as_uri())
    submit = " ".join(f"--conf {key}={value}" for key, value in LOCAL_CONF.items())
    environment = os.environ | {"PYSPARK_SUBMIT_ARGS": f"{submit} pyspark-shell"}

    done = subprocess.run(
        [sys.executable, str(PROGRAM), "--job", str(job)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert read_output(tmp_path / "out") == {"2010-12-01": expected(FIRST, VERDICTS["2010-12-01"])}
