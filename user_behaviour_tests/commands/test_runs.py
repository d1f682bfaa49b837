"""`user-behaviour run` on a small shop: what it publishes and says, how it ends, and what it makes good again."""

import shlex
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import psycopg2
import pytest

from user_behaviour.commands.run import RunRequest
from user_behaviour.local.stack import Stack
from user_behaviour.project_files import PROJECT_FILES
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.marts import MARTS
from user_behaviour_tests.command_line import Home, errors, temporary_installation

pytestmark = pytest.mark.takes(85)

METRIC = (
    "select insert_date, customerid, amount_spent, review_score, review_count from user_behavior_metric order by 1, 2"
)
README = (PROJECT_FILES / "README.md").read_text(encoding="utf-8")
WITHOUT_SPARK = "raw_purchases,raw_reviews,staged_purchases"
NOTHING_MISSING = [("run", "--missing", *more) for more in ((), ("--select", WITHOUT_SPARK), ("--per-day",))]
NO_ASSET = "matches no asset; the assets are: classified_reviews, "
NO_PARTITION = "is not a partition; the partitions are 2010-12-01 to "
REFUSALS = {
    ("run", "--select", "nothing"): (2, f"--select 'nothing' {NO_ASSET}"),
    ("run", "--select", "review_classifier"): (
        2,
        "--select 'review_classifier' matches no asset of days; `user-behaviour train` makes it.",
    ),
    ("run", "--select", "shop/user_purchase"): (2, f"--select 'shop/user_purchase' {NO_ASSET}"),
    ("run", "--select", "user_behavior_metric"): (
        2,
        "--select 'user_behavior_metric' matches no asset; did you mean public/user_behavior_metric?",
    ),
    ("run", "--day", "2010-11-30"): (2, f"2010-11-30 {NO_PARTITION}"),
    ("run", "--to", "2199-12-31"): (2, f"2199-12-31 {NO_PARTITION}"),
    ("report", "--day", "2010-12-04"): (
        1,
        "The metric of 2010-12-04 is not published, so there is nothing to report; run it first: `user-behaviour run "
        "--day 2010-12-04`.",
    ),
    ("run", "--from", "2011-12-01"): (1, "Neither the shop nor the vendor has anything from 2011-12-01 on; "),
}


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    """A home with three days of a small shop."""
    with temporary_installation() as made:
        assert made.call("generate", "--to", "2010-12-03", "--scale", "0.01").returncode == 0
        yield made


@pytest.fixture(scope="module")
def first_run(home: Home) -> str:
    """What the first run of everything printed."""
    call = home.process("run")
    assert call.returncode == 0, call.stdout + call.stderr
    return call.stdout


@pytest.fixture(scope="module")
def not_begun(home: Home, first_run: str) -> dict[tuple[str, ...], subprocess.CompletedProcess[str]]:
    """What the calls answered that begin no run: where nothing is missing, and where a call makes no sense."""
    calls, before = [*NOTHING_MISSING, *REFUSALS], run_statuses(home)
    answers = home.processes(*calls)
    assert run_statuses(home) == before
    return dict(zip(calls, answers, strict=True))


def run_statuses(home: Home) -> list[str]:
    """The states of Dagster's runs, in the order in which they began."""
    with closing(psycopg2.connect(Stack(home.path).endpoints().dagster)) as storage, storage.cursor() as cursor:
        cursor.execute("select status from runs order by id")
        return [status for (status,) in cursor.fetchall()]


def test_a_run_shows_each_stage_the_checks_and_where_the_seconds_went(first_run: str) -> None:
    lines = first_run.splitlines()
    assert lines[0] == "2010-12-01 to 2010-12-03, 14 assets"
    stages = [line.split() for line in lines[1:14]]
    assert [stage[0] for stage in stages[:7]] == [
        "raw_purchases",
        "raw_reviews",
        "staged_purchases",
        "classified_reviews",
        "spectrum/user_purchase_staging",
        "spectrum/movie_review_clean_stage",
        "public/user_behavior_metric",
    ]
    assert {stage[0] for stage in stages[7:]} == {table.name.replace(".", "/") for table in MARTS}
    assert {tuple(stage[1:3]) for stage in stages} == {("3", "days")}
    assert lines[14].split()[:3] == ["daily_report", "1", "page"]
    assert "Checks: " in first_run
    assert "  passed  public/user_behavior_metric: " in first_run
    assert "Dagster and start-up" in first_run
    assert lines[-1].startswith("3 days, 2010-12-01 to 2010-12-03, run ")
    assert lines[-1].endswith("every asset is published, no blocking check failed.")


def test_a_run_prints_nothing_of_dagsters_and_sparks_logs(first_run: str) -> None:
    assert not [word for word in ("DEBUG", "INFO", "WARN", "Spark", "STEP_") if word in first_run]


def test_when_nothing_is_missing_a_run_of_what_is_missing_ends_well_without_one(
    not_begun: dict[tuple[str, ...], subprocess.CompletedProcess[str]],
) -> None:
    for call in map(not_begun.__getitem__, NOTHING_MISSING):
        assert (call.returncode, call.stdout) == (0, "Nothing is missing from 2010-12-01 to 2010-12-03.\n")


@pytest.mark.usefixtures("first_run")
def test_the_report_of_a_day_is_made_and_its_path_printed(home: Home) -> None:
    made = home.path / "lake" / "reports" / "insert_date=2010-12-01" / "report.html"
    assert not made.exists()  # the run was of three days, and made the page of the last
    call, last = home.processes(("report", "--day", "2010-12-01"), ("report",))
    assert (call.returncode, call.stdout, call.stderr) == (0, f"{made}\n", "")
    assert last.stdout == f"{made.parents[1] / 'insert_date=2010-12-03' / made.name}\n"
    assert "<h1>Wednesday, 1 December 2010</h1>" in made.read_text(encoding="utf-8")


@pytest.mark.usefixtures("first_run")
def test_a_killed_run_harms_nothing_and_the_next_one_makes_it_whole(home: Home) -> None:
    metric = home.rows(METRIC)
    status, _ = home.signalled("run", after="staged_purchases", number=signal.SIGKILL)
    assert status == -signal.SIGKILL
    assert home.rows(METRIC) == metric != []
    (again,) = home.processes(("run",))
    assert again.returncode == 0, again.stdout + again.stderr
    assert "Unfinished runs of processes that are gone, now marked as failed: 1." in again.stdout
    assert run_statuses(home)[-2:] == ["FAILURE", "SUCCESS"]
    assert home.rows(METRIC) == metric


def test_a_run_that_is_interrupted_exits_with_130_and_leaves_the_stack_up(home: Home) -> None:
    status, output = home.signalled("run", "--select", WITHOUT_SPARK, after="raw_purchases ", number=signal.SIGINT)
    assert status == 130, output
    assert output.splitlines()[-1] == "Interrupted. What was published stays, and the stack is left as it is."
    assert "Traceback" not in output
    assert home.call("query", "select 1").returncode == 0


def test_one_run_a_day_is_one_line_a_day(home: Home) -> None:
    before = len(run_statuses(home))
    days = ("--from", "2010-12-02", "--to", "2010-12-03")
    (call,) = home.processes(("run", *days, "--per-day", "--select", "raw_purchases+"))
    assert call.returncode == 0, call.stdout + call.stderr
    days = [line.split()[:2] for line in call.stdout.splitlines()[:2]]
    assert days == [["2010-12-02", "done"], ["2010-12-03", "done"]]
    assert "2 days, 2010-12-02 to 2010-12-03, 2 runs" in call.stdout
    assert run_statuses(home)[before:] == ["SUCCESS", "SUCCESS"]


def test_a_year_is_one_run_and_a_longer_range_is_done_in_several() -> None:
    year, longer = DayRange(date(2010, 12, 1), date(2011, 12, 9)), DayRange(date(2010, 12, 1), date(2012, 1, 6))

    assert RunRequest(year).runs([year]) == [year]
    assert RunRequest(longer).runs([longer]) == [
        DayRange(date(2010, 12, 1), date(2012, 1, 4)),
        DayRange(date(2012, 1, 5), date(2012, 1, 6)),
    ]


def test_what_is_missing_is_run_in_one_run_for_each_gap(home: Home) -> None:
    run = ("run", "--select", "raw_purchases")
    missing = (*run, "--to", "2010-12-08", "--missing")
    calls = home.processes((*run, "--day", "2010-12-06"), (*run, "--to", "2010-12-03"), missing, missing)
    assert [call.returncode for call in calls] == [0, 0, 0, 0], calls
    *_, call, again = calls
    assert [line for line in call.stdout.splitlines() if line.startswith("2010")] == [
        "2010-12-04 to 2010-12-05, 1 asset, run 1 of 2",
        "2010-12-07 to 2010-12-08, 1 asset, run 2 of 2",
    ]
    assert again.stdout == "Nothing is missing from 2010-12-01 to 2010-12-08.\n"


def test_dropping_a_file_goes_as_the_readme_says(home: Home, tmp_path: Path) -> None:
    """A broken file fails the command and holds its day back, until it is delivered again; of another day, but so."""
    section = README.split("## Drop a file")[1].split("```\n")[1].replace("2011-12-09", "2010-12-02")
    commands = [shlex.split(line[2:], comments=True) for line in section.splitlines() if line.startswith("$ ")]
    said = next(line for line in section.splitlines() if not line.startswith("$ "))
    files = []
    for state, (printf, text, _, name) in zip(("broken", "mended"), commands[::3], strict=True):
        assert printf == "printf"
        files.append(tmp_path / state / name)
        files[-1].parent.mkdir()
        files[-1].write_text(text.replace("\\n", "\n"))
    assert [command[1:] for command in commands if command[1] == "deliver"] == [["deliver", files[0].name]] * 2
    day = commands[2][2:]
    assert commands[5][1:] == commands[2][1:] == ["run", "--day", "2010-12-02"]
    _, call, alone, _, healed = home.processes(
        ("deliver", str(files[0])),
        ("run", "--select", "raw_reviews"),
        ("run", "--select", "raw_reviews,classified_reviews", *day),
        ("deliver", str(files[1])),
        ("run", "--select", "raw_reviews", "--missing"),  # what is held back is missing, though a batch is in force
    )
    assert call.returncode == 1
    (stage,) = [line for line in call.stdout.splitlines() if line.startswith("  raw_reviews ")]
    assert stage.endswith("1 day held back")
    assert said in call.stdout
    assert said in alone.stdout
    assert "not all is published of raw_reviews" in call.stdout.splitlines()[-1]
    assert alone.returncode == 1
    stages = [line.split() for line in alone.stdout.splitlines() if line.startswith("  ")]
    assert stages[0][-1] == "FAILED"
    assert next(words for words in stages if words[0] == "classified_reviews")[-2:] == ["not", "run"]
    assert "Not executing" not in alone.stdout  # Dagster's own words, with the keys of steps
    assert "Traceback" not in alone.stdout + alone.stderr
    assert healed.returncode == 0, healed.stdout


def test_two_runs_that_start_at_once_in_a_new_home_both_end_well(tmp_path: Path) -> None:
    """Both made the pool `source` in Dagster's storage; one died of a unique violation inside Dagster."""
    home = Home(tmp_path / "home")
    try:
        assert home.call("up").returncode == 0
        assert home.call("generate", "--to", "2010-12-02", "--scale", "0.01").returncode == 0
        runs = [
            subprocess.Popen(
                home.command("run", "--select", "raw_purchases", "--day", day),
                env=home.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for day in ("2010-12-01", "2010-12-02")
        ]
        outputs = [run.communicate(timeout=120)[0] for run in runs]
        assert [run.returncode for run in runs] == [0, 0], outputs
    finally:
        home.discard()


def test_a_run_that_makes_no_sense_is_not_begun_and_says_why(
    home: Home, not_begun: dict[tuple[str, ...], subprocess.CompletedProcess[str]]
) -> None:
    # Dagster's parser writes to the terminal, which only a process of its own has.
    unparsable = home.process("run", "--select", "group:(")
    calls = [unparsable, *map(not_begun.__getitem__, REFUSALS)]
    said = [(2, f"--select 'group:(' {NO_ASSET}"), *REFUSALS.values()]
    for call, (status, words) in zip(calls, said, strict=True):
        assert (call.returncode, call.stdout) == (status, "")
        assert errors(call)[-1].startswith(f"Error: {words}")
