"""The built wheel in an environment that has no checkout: everything that a run needs is in it."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from user_behaviour.migrations.migrations import MigrationError, Migrations
from user_behaviour.project_files import PROJECT_FILES as CHECKOUT
from user_behaviour_tests.command_line import Home

BESIDE = ("sql", "spark_jobs", "deploy")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built of a copy: setuptools leaves its work beside what it builds."""
    work = tmp_path_factory.mktemp("wheel")
    for name in ("user_behaviour", *BESIDE):
        shutil.copytree(CHECKOUT / name, work / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, work / name)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(work / "dist"),
        str(work),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = (work / "dist").glob("*.whl")
    return built


def test_the_wheel_holds_every_file_that_is_beside_the_package(wheel: Path) -> None:
    there = {path for name in BESIDE for path in (CHECKOUT / name).rglob("*") if path.is_file()}
    names = {f"user_behaviour/files/{path.relative_to(CHECKOUT)}" for path in there if "__pycache__" not in path.parts}
    assert names <= set(zipfile.ZipFile(wheel).namelist())


def test_a_day_runs_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """Only `--target` and the path tell this environment from another: its dependencies are those of the tests."""
    site = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    home = Home(tmp_path / "home")
    try:
        calls = (("up",), ("generate", "--to", "2010-12-01", "--scale", "0.02"), ("run",), ("migrate", "--check"))
        for call in (*calls, ("query", "--csv", "select count(*) > 0 as some from user_behavior_metric")):
            done = subprocess.run(
                [sys.executable, "-m", "user_behaviour", *call],
                cwd=tmp_path, env={**home.environment, "PYTHONPATH": str(site)},
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout == "some\nTrue\n"
        code = "import json, user_behaviour as u; print(json.dumps(u.__file__))"
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path, env={**home.environment, "PYTHONPATH": str(site)}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert json.loads(done.stdout).startswith(str(site))
    finally:
        home.discard()


def test_migrations_that_are_missing_are_not_none(tmp_path: Path) -> None:
    """`No drift: 0 migrations`, with exit status 0, was what an incomplete installation said."""
    deployed = Home(tmp_path / "home").deployment()
    with pytest.raises(MigrationError, match="is missing, and the migrations with it; install the project whole"):
        Migrations(deployed.warehouse, tmp_path / "migrations").files()
