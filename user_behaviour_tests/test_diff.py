"""`make diff`: rows by hand and the whole Markdown; and a changed rule, from two revisions to what it changes."""

import os
import runpy
import shutil
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest

from user_behaviour.project_files import PROJECT_FILES

COLUMNS = ("insert_date", "customerid", "amount_spent", "note")


@pytest.fixture(scope="module")
def diff() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(PROJECT_FILES / "bench" / "diff.py")))


def test_what_differs_is_counted_summed_and_shown(diff: SimpleNamespace) -> None:
    same = ("2010-12-01", 7, Decimal("1.50"), "a|b")
    gone, twice = ("2010-12-01", 12346, Decimal("1000.00"), None), ("2010-12-02", 7, Decimal("2.00"), "x")
    before = {"marts.spent": diff.Relation("marts.spent", COLUMNS, Counter([same, gone, twice]))}
    after = {"marts.spent": diff.Relation("marts.spent", COLUMNS, Counter([same, twice, twice]))}

    assert "\n".join(diff.report("main", before, after)).splitlines() == [
        "## What changes against `main`, on the sample's history",
        "",
        "### `marts.spent`",
        "",
        "| | before | after |",
        "| --- | ---: | ---: |",
        "| rows | 3 | 3 |",
        "| customers | 2 | 1 |",
        "| sum of amount_spent | 1,003.50 | 5.50 |",
        "",
        "1 rows are gone, 1 are new. The first of them:",
        "",
        "| | insert_date | customerid | amount_spent | note |",
        "| --- | --- | --- | --- | --- |",
        "| − | 2010-12-01 | 12346 | 1000.00 |  |",
        "| + | 2010-12-02 | 7 | 2.00 | x |",
    ]


def test_equal_rows_of_another_order_are_no_difference_and_new_tables_are_named(diff: SimpleNamespace) -> None:
    first, second = ("2010-12-01", 7, Decimal("1.50"), "a"), ("2010-12-01", 8, Decimal("1.50"), "a")
    before = {"a": diff.Relation("a", COLUMNS, Counter([first, second]))}
    after = {name: diff.Relation(name, COLUMNS, Counter([second, first])) for name in ("a", "b")}
    said = "\n".join(diff.report("main", before, after))
    assert "New: `b`." in said
    assert "Nothing: all 1 tables and views that both have hold the same rows." in said


@pytest.mark.slow
@pytest.mark.takes(60)
def test_a_changed_rule_shows_in_the_metric(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    subprocess.run(["git", "clone", "--quiet", PROJECT_FILES, checkout], check=True)
    shutil.copy(PROJECT_FILES / "bench" / "diff.py", checkout / "bench")
    rules = checkout / "user_behaviour" / "rules.py"
    rules.write_text(
        rules.read_text(encoding="utf-8").replace("date(2010, 12, 1), 2)", "date(2010, 12, 1), 20)"), encoding="utf-8"
    )
    sample = ("--sample", "--to", "2010-12-02", "--scale", "0.02")
    command = [sys.executable, "bench/diff.py", "HEAD", *sample]
    environ = {**os.environ, "PYTHONPATH": str(checkout)}
    call = subprocess.run(command, cwd=checkout, env=environ, capture_output=True, text=True, check=False)
    assert call.returncode == 0, call.stderr
    assert "### `public.user_behavior_metric`" in call.stdout
    assert "| sum of amount_spent |" in call.stdout
    refused = [sys.executable, "bench/diff.py", "no-such-commit"]
    call = subprocess.run(refused, cwd=checkout, env=environ, capture_output=True, text=True, check=False)
    assert "BASE=no-such-commit names no commit" in call.stderr
