"""The built wheel in an environment that has no checkout: everything that a run needs is in it."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from user_behaviour.migrations.migrations import MigrationError, Migrations
from user_behaviour.project_files import PROJECT_FILES as CHECKOUT
from user_behaviour_tests.command_line import Home, temporary_installation

BESIDE = ("sql", "spark_jobs", "deploy")

pytestmark = pytest.mark.slow  # half a minute: a build, two installations, a run


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


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the wheel is installed, alone: what it depends on is that of the tests."""
    directory = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(directory), str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    return directory


def partitions(home: Home, **variables: str) -> str:
    (line,) = [line for line in home.call("status", **variables).stdout.splitlines() if line.startswith("partitions:")]
    return line.removeprefix("partitions:").strip()


def test_the_demo_runs_from_the_wheel_ends_the_calendar_and_changes_nothing_a_second_time(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It trains by the sample's labels, and what was trained scores.

    The calendar ended with the sample under `make`, and 5,460 days later under the command that its hint named.
    """
    first_day = {"USER_BEHAVIOUR_FIRST_DAY": "2011-12-09"}
    with temporary_installation() as home:

        def from_the_wheel(*call: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-m", "user_behaviour", *call],
                cwd=tmp_path, env={**home.environment, **first_day, "PYTHONPATH": str(site)},
                capture_output=True, text=True, check=False,
            )  # fmt: skip

        assert home.call("generate", "--from", "2011-12-09", "--to", "2011-12-09", "--scale", "0.1").returncode == 0
        assert partitions(home) == "2010-12-01 to yesterday"
        first = from_the_wheel("demo")
        assert (first.returncode, first.stderr) == (0, ""), first.stdout
        assert "2011-12-09 to 2011-12-09, 14 assets" in first.stdout
        assert partitions(home) == "2010-12-01 to 2011-12-09"
        assert partitions(home, USER_BEHAVIOUR_LAST_DAY="2011-12-31") == "2010-12-01 to 2011-12-31"
        second = home.process("demo", **first_day)
        assert "Nothing is missing from 2011-12-09 to 2011-12-09." in second.stdout
        shown = [
            call.stdout.split("that has some:")[1].split(" s in all")[0].splitlines()[:-1] for call in (first, second)
        ]
        assert shown[0] == shown[1]
        (version,) = re.findall(r"^(\w{12}) scores from the next run on\.", first.stdout, re.MULTILINE)
        assert home.rows("select distinct classifier_version from spectrum.movie_review_clean_stage") == [(version,)]
        found = (
            rf"([\d.]+)% by the baseline `good`, ([\d.]+)% by version {version} of the classifier, which scored every"
        )
        ((baseline, classifier),) = re.findall(found, second.stdout)
        assert 60 < float(baseline) < 80 < 88 < float(classifier) < 97
        without_a_classifier(home, monkeypatch, **first_day)
        assert 2 + min(10, len(home.rows("select * from user_behavior_metric"))) < len(shown[0])
        assert from_the_wheel("migrate", "--check").returncode == 0
        code = "import user_behaviour; print(user_behaviour.__file__)"
        where = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env={**home.environment, "PYTHONPATH": str(site)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert where.stdout.startswith(str(site))


def without_a_classifier(home: Home, monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    """Where scikit-learn is not installed the demo says so, and by what reviews are scored."""
    shutil.rmtree(home.path / "lake" / "review_classifier")
    monkeypatch.setitem(sys.modules, "sklearn", None)
    third = home.call("demo", **variables)
    assert third.returncode == 0
    assert "A classifier of reviews:\nIt is not trained without scikit-learn: pip install" in third.stdout
    assert "Reviews are scored by the baseline: positive is one that has the word `good`." in third.stdout


def test_migrations_that_are_missing_are_not_none(tmp_path: Path) -> None:
    """`No drift: 0 migrations`, with exit status 0, was what an incomplete installation said."""
    deployed = Home(tmp_path / "home").deployment()
    with pytest.raises(MigrationError, match="is missing, and the migrations with it; install the project whole"):
        Migrations(deployed.warehouse, tmp_path / "migrations").files()
