"""Spark's classes in a file: Java takes them from there, and without a word from its jars where it cannot."""

import os
import subprocess
import sys
from pathlib import Path

import pyspark
import pytest

from user_behaviour.spark import class_archive
from user_behaviour.spark.class_archive import archive_of, make_archive, make_in_background, with_archive
from user_behaviour.spark.java import java_home
from user_behaviour_tests.ui.dev_server import eventually

_OPTIONS = "spark.driver.extraJavaOptions"
CONFIG = {_OPTIONS: "-Xmx1g"}
PROGRAM = Path("classify_reviews.py")


def _submit_itself(options: str, work: Path) -> str:
    """What Spark's launcher says of itself, started with Java's options."""
    command = [Path(pyspark.__path__[0]) / "bin" / "spark-submit", "--version"]
    own = {"JAVA_HOME": str(java_home(work, environ=os.environ)), "SPARK_LOCAL_IP": "127.0.0.1"}
    environment = {**os.environ, **own, "SPARK_SUBMIT_OPTS": options}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def test_java_takes_the_classes_from_the_archive_that_the_set_up_made(tmp_path: Path) -> None:
    home = java_home(tmp_path, environ=os.environ)
    assert archive_of(home).exists(), "`make setup` says why there is none"
    options = with_archive(CONFIG, home)[_OPTIONS]
    loaded = tmp_path / "loaded"
    _submit_itself(f"{options} -Xlog:class+load:file={loaded}", tmp_path)
    (line,) = [line for line in loaded.read_text().splitlines() if "org.apache.spark.deploy.SparkSubmit " in line]
    assert "source: shared objects file" in line


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A JAVA_HOME whose `java` writes the archive that it is asked for; the environment has none yet."""
    monkeypatch.setattr(class_archive, "ARCHIVES", tmp_path / "archives")
    home = tmp_path / "java"
    for directory in ("bin", "lib/server"):
        (home / directory).mkdir(parents=True)
    (home / "lib" / "server" / "classes.jsa").touch()
    (home / "release").write_text('JAVA_VERSION="17.0.1"')
    java = home / "bin" / "java"
    java.write_text(_FAKE.format(home=home))
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(home))
    return home


# Spark's scripts ask Java's class Main for the command that they then execute: a zero, a line end, words with zeros.
_FAKE = r"""#!/bin/sh
case "$*" in
*-version*) printf '    java.specification.version = 17\n    java.home = {home}\n' >&2 ;;
*) file=$(echo "$*" | sed 's/.*ArchiveClassesAtExit="\([^"]*\)".*/\1/')
   printf '\0\nsh\0-c\0echo classes > "%s"\0' "$file" ;;
esac
"""


def test_an_archive_serves_the_java_and_the_spark_that_made_it_and_is_replaced_by_that_of_the_next(fake: Path) -> None:
    assert with_archive(CONFIG, fake) == CONFIG
    assert make_archive(PROGRAM) == ""
    of_17_0_1 = archive_of(fake)
    assert with_archive(CONFIG, fake) == {_OPTIONS: f'-Xmx1g -XX:SharedArchiveFile="{of_17_0_1}" -Xlog:disable'}

    (fake / "release").write_text('JAVA_VERSION="17.0.2"')
    assert with_archive(CONFIG, fake) == CONFIG
    assert make_archive(PROGRAM) == ""
    assert [archive.read_text() for archive in class_archive.ARCHIVES.glob("*-*")] == ["classes\n"]
    assert archive_of(fake).exists()
    assert not of_17_0_1.exists()


def test_a_java_without_an_archive_of_its_own_classes_keeps_sparks_in_the_form_that_needs_none(fake: Path) -> None:
    (fake / "lib" / "server" / "classes.jsa").unlink()
    archive = archive_of(fake)
    archive.parent.mkdir()
    archive.touch()
    assert with_archive(CONFIG, fake) == {_OPTIONS: f'-Xmx1g -XX:AOTCache="{archive}" -Xlog:disable'}


def test_it_is_made_in_the_background_once_and_not_again_where_java_cannot(
    fake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, python = tmp_path / "started", tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "$JAVA_HOME" "$@" >> {started}\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    (fake / "bin" / "java").write_text(_FAKE.format(home=fake).replace("echo classes >", "true"))
    assert make_archive(PROGRAM) == "this Java cannot write one."
    make_in_background(PROGRAM, fake)  # not begun: the next one writes the only line

    (fake / "release").write_text('JAVA_VERSION="17.0.2"')
    make_in_background(PROGRAM, fake)

    said = eventually(lambda: started.read_text() if started.exists() else "", within=60)
    assert said == f"{fake} -m user_behaviour.spark.class_archive {PROGRAM}\n"


def test_an_archive_that_java_cannot_use_is_passed_over_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(class_archive, "ARCHIVES", tmp_path)
    home = java_home(tmp_path, environ=os.environ)
    archive_of(home).write_bytes(b"?" * 5000)
    options = with_archive(CONFIG, home)[_OPTIONS]
    assert str(archive_of(home)) in options
    assert _submit_itself(options, tmp_path) == _submit_itself("", tmp_path)
