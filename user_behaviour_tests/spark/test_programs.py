"""The Spark program on rows written by hand: in a session of this process, and as spark-submit would start it."""

import json
import os
import runpy
import shlex
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from user_behaviour.classifier import review_scoring
from user_behaviour.classifier.models import Models
from user_behaviour.classifier.review_scoring import Model
from user_behaviour.lake.local import LocalLake
from user_behaviour.spark.class_archive import with_archive
from user_behaviour.spark.java import java_home
from user_behaviour.spark.local_config import SPARK_CONFIG

pytestmark = pytest.mark.takes(25)

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
        ("probability", pa.decimal128(7, 6)),
    ]
)
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
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """What the program's file defines, with a small Spark session for it to find."""
    from pyspark.sql import SparkSession

    with pytest.MonkeyPatch.context() as environment:
        home = java_home(tmp_path_factory.mktemp("java"), environ=os.environ)
        environment.setenv("JAVA_HOME", str(home))
        session = SparkSession.builder.config(map=with_archive(SPARK_CONFIG, home)).getOrCreate()
        yield SimpleNamespace(**runpy.run_path(str(PROGRAM)))
        session.stop()


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


def write_job(root: Path, locations: dict[str, str], *, output: str | None = None, model: Path | None = None) -> Path:
    """The JSON object that names the days; its path."""
    job = {
        "inputs": [{"insert_date": day, "location": location} for day, location in locations.items()],
        "base": str(root / "in"),
        "output": output or str(root / "out"),
        "result": str(root / "result"),
        "batch_id": "batch-2",
        "settings": {"model": str(model)} if model else {},
    }
    path = root / "job.json"
    path.write_text(json.dumps(job))
    return path


def expected(rows: list[tuple[str, str, str, int]], verdicts: list[bool]) -> list[dict[str, Any]]:
    """The rows that must come out, in their order, from rows in any order."""
    made = [
        dict(zip(OUTPUT_SCHEMA.names, (cid, verdict, "token_good", "1", file, line, "batch-2", None), strict=True))
        for (cid, _, file, line), verdict in zip(rows, verdicts, strict=True)
    ]
    return sorted(made, key=lambda row: (row["source_file"], row["line_number"]))


def read_output(output: Path) -> dict[str, list[dict[str, Any]]]:
    """Every row of every day, exactly one file a day, each with exactly the promised schema."""
    found = {}
    for directory in sorted(output.glob("insert_date=*")):
        (file,) = directory.glob("part-*.parquet")
        table = pq.ParquetFile(file).read()
        assert pq.ParquetFile(file).schema.column(7).physical_type == "FIXED_LEN_BYTE_ARRAY"  # Redshift reads no other
        # Names and types: Spark writes literals as required columns, and what it has read as optional ones.
        assert [(field.name, field.type) for field in table.schema] == [(f.name, f.type) for f in OUTPUT_SCHEMA]
        found[directory.name.removeprefix("insert_date=")] = table.to_pylist()
    return found


def test_two_days_come_out_whole_one_file_a_day_in_the_order_of_the_vendor_files(
    program: SimpleNamespace, tmp_path: Path
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


def test_what_was_written_of_each_day_is_said(program: SimpleNamespace, tmp_path: Path) -> None:
    locations = {"2010-12-02": write_day(tmp_path / "in", "2010-12-02", SECOND)}

    program.main(["--job", str(write_job(tmp_path, locations))])

    keys = zlib.crc32(b"c.csv:2") + zlib.crc32(b"c.csv:3")
    longest = {"cid": 1, "classifier": 10, "classifier_version": 1, "source_file": 5, "batch_id": 7}
    facts = {"review_keys": keys, "positive_reviews": 1, "classifier": "token_good", "classifier_version": "1"}
    assert said(tmp_path) == [{"insert_date": "2010-12-02", "rows": 2, "facts": facts, "longest_texts": longest}]


def said(root: Path) -> list[dict[str, Any]]:
    """What the program says of each day."""
    return [json.loads(line) for file in (root / "result").glob("part-*") for line in file.read_text().splitlines()]


def small_model(root: Path) -> tuple[Path, Model]:
    """A model of a few terms, and its directory."""
    weights = {"good": (2.0, 3.0), "not NOT_so": (1.5, -4.0), "bad": (1.0, -1.0), "was NOT_good .": (9.0, 1.0)}
    models = Models(LocalLake(root=str(root)))
    version = models.add(Model("", weights, intercept=-0.25, slope=2.0, offset=0.5), {})
    return root / models.directory(version), models.model(version)


def test_with_a_model_the_verdicts_are_those_of_plain_python(program: SimpleNamespace, tmp_path: Path) -> None:
    from pyspark.sql import SparkSession

    SparkSession.builder.getOrCreate().sparkContext.addPyFile(review_scoring.__file__)
    directory, model = small_model(tmp_path)
    locations = {"2010-12-01": write_day(tmp_path / "in", "2010-12-01", FIRST + SECOND)}

    program.main(["--job", str(write_job(tmp_path, locations, model=directory))])

    (rows,) = read_output(tmp_path / "out").values()
    assert {(row["classifier"], row["classifier_version"]) for row in rows} == {("terms", directory.name)}
    by_line = {(row["source_file"], row["line_number"]): row for row in rows}
    probabilities = {line: float(row["probability"]) for line, row in by_line.items()}
    assert probabilities == {(file, line): model.probability(text) for _, text, file, line in FIRST + SECOND}
    assert {line: row["positive_review"] for line, row in by_line.items()} == {
        line: probability > 0.5 for line, probability in probabilities.items()
    }
    assert [by_line[file, line]["positive_review"] for _, _, file, line in SECOND] == [False, False]
    assert by_line["a.csv", 2]["positive_review"]
    # Of 8 texts, for the checks of drift: `good` is known four times, `bad` once, `NOT_good` is not.
    facts = said(tmp_path)[0]["facts"]
    assert (facts["tokens"], facts["unknown_tokens"], facts["characters"]) == (25, 20, 100)
    assert facts["probability_tenths"] == "1 1 0 0 0 2 0 0 0 4"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"format": 2}, "has format 2 and token rules 1; this version scores by 1 and 1. `user-behaviour train`"),
        ({"terms": 5}, "has 4 terms; its card says 5"),
        ({"slope": None}, "A model cannot be read"),
        ("card.json", r"The model at .* cannot be read \(Expecting property name"),
        ("terms.parquet", r"The model at .* cannot be read .* `user-behaviour train`, then `promote`"),
    ],
)
def test_a_model_that_cannot_be_read_fails_the_job_before_a_row_is_written(
    program: SimpleNamespace, tmp_path: Path, changed: dict[str, Any] | str, says: str
) -> None:
    """Of what a file is cut off, or of what its card says."""
    directory, _ = small_model(tmp_path)
    if isinstance(changed, str):
        (directory / changed).write_text("{")
    else:
        card = json.loads((directory / "card.json").read_text())
        (directory / "card.json").write_text(json.dumps(card | changed))
    locations = {"2010-12-01": write_day(tmp_path / "in", "2010-12-01", FIRST)}

    with pytest.raises(ValueError, match=says):
        program.main(["--job", str(write_job(tmp_path, locations, model=directory))])
    assert not (tmp_path / "out").exists()


def test_a_large_day_comes_out_in_several_files_and_a_small_one_in_one(
    program: SimpleNamespace, tmp_path: Path
) -> None:
    from pyspark.sql import SparkSession

    base, large = tmp_path / "in", [("1", "good", "a.csv", line) for line in range(2, 102)]
    locations = {"2010-12-01": write_day(base, "2010-12-01", large), "2010-12-02": write_day(base, "2010-12-02", FIRST)}
    spark = SparkSession.builder.getOrCreate()
    job = program.read_job(spark, str(write_job(tmp_path, locations)))

    program.run(spark, replace(job, rows_per_file=30))

    files = {day: [pq.read_table(f, partitioning=None) for f in written(tmp_path, day)] for day in locations}
    sizes = [table.num_rows for table in files["2010-12-01"]]
    assert len(sizes) >= 4
    assert max(sizes) <= 30
    assert sorted(line for table in files["2010-12-01"] for line in table["line_number"].to_pylist()) == [
        *range(2, 102)
    ]
    assert [table.num_rows for table in files["2010-12-02"]] == [len(FIRST)]


def written(root: Path, day: str) -> list[Path]:
    return sorted((root / "out" / f"insert_date={day}").glob("part-*.parquet"))


def test_the_verdict_is_that_of_spark_s_own_tokenizer_without_stop_words(program: SimpleNamespace) -> None:
    """The rule was first written with pyspark.ml, which imports numpy; EMR does not promise it."""
    from pyspark.ml.feature import StopWordsRemover, Tokenizer
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as F  # noqa: N812

    texts = [
        "good",
        "a GOOD\x0bone",
        "good.",
        "\u00a0good",
        "x\u2003good\u2003y",
        "go\u0130od",
        "not\rgood\n",
        "",
        " ",
        "goods",
    ]
    texts += ["g\u00f6od good", "good\x85", "\x1cgood", "a\tgood\tb", "g\u041eod", "\ufb00 good", "good\x00"]
    reviews = SparkSession.builder.getOrCreate().createDataFrame([(text,) for text in texts], "review_str string")
    words = StopWordsRemover(inputCol="words", outputCol="left").transform(
        Tokenizer(inputCol="review_str", outputCol="words").transform(program.classify(reviews))
    )

    found = words.select("positive_review", F.array_contains("left", "good")).collect()

    assert [ours for ours, _ in found] == [theirs for _, theirs in found]
    assert sum(ours for ours, _ in found) == 6
    # And of the baseline in Python, by which versions of the classifier are judged.
    assert [review_scoring.baseline(text) for text in texts] == [ours for ours, _ in found]
    assert review_scoring.BASELINE_VERSION == program.BASELINE_VERSION


def test_main_leaves_the_session_that_it_found_running(program: SimpleNamespace, tmp_path: Path) -> None:
    from pyspark.sql import SparkSession

    locations = {"2010-12-02": write_day(tmp_path / "in", "2010-12-02", SECOND)}
    program.main(["--job", write_job(tmp_path, locations).as_uri()])

    assert SparkSession.builder.getOrCreate().range(3).count() == 3


def test_a_job_without_its_fields_is_refused_with_a_sentence(program: SimpleNamespace, tmp_path: Path) -> None:
    job = tmp_path / "job.json"
    job.write_text('{"inputs": []}')

    with pytest.raises(program.BadJob, match=r"job\.json is not a job .*'base'.*write a JSON object with `inputs`"):
        program.main(["--job", str(job)])


@pytest.mark.slow
def test_the_program_runs_by_itself_as_spark_submit_starts_it_also_on_the_java_of_the_wheel(tmp_path: Path) -> None:
    """The wheel's is for a machine without any Java; the other tests take the machine's where it has one."""
    home = java_home(tmp_path / "with a space", environ={"PATH": ""})
    locations = {"2010-12-01": write_day(tmp_path / "in", "2010-12-01", FIRST)}
    job = write_job(tmp_path, locations, output=(tmp_path / "out").as_uri())
    options = shlex.join(part for name, value in SPARK_CONFIG.items() for part in ("--conf", f"{name}={value}"))
    environment = os.environ | {"JAVA_HOME": str(home), "PYSPARK_SUBMIT_ARGS": f"{options} pyspark-shell"}

    command = [sys.executable, str(PROGRAM), "--job", str(job)]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300)

    assert done.returncode == 0, done.stderr
    assert read_output(tmp_path / "out") == {"2010-12-01": expected(FIRST, VERDICTS["2010-12-01"])}
