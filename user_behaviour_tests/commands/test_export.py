"""`user-behaviour export`: rows by hand, and the whole file; and the read-only URL in an analyst's hands."""

import csv
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from user_behaviour.local.stack import Stack
from user_behaviour.project_files import PROJECT_FILES
from user_behaviour_tests.command_line import Home, errors, temporary_installation
from user_behaviour_tests.databases import execute

ROWS = """insert into public.user_behavior_metric
    (customerid, amount_spent, review_score, review_count, batch_id, insert_date) values
    (7, 0.00001, 0, 1, 'two', '2011-02-01'), (12, 9999999999999.5, 1, 2, 'one', '2011-01-31'),
    (3, -2.5, 0, 1, 'one', '2011-01-31')"""
HEADER = ["customerid", "amount_spent", "review_score", "review_count", "batch_id", "insert_date"]
JANUARY = [
    ["3", "-2.50000", "0", "1", "one", "2011-01-31"],
    ["12", "9999999999999.50000", "1", "2", "one", "2011-01-31"],
]
FEBRUARY = [["7", "0.00001", "0", "1", "two", "2011-02-01"]]
METRIC = "public.user_behavior_metric"


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    with temporary_installation() as made:
        execute(Stack(made.path).endpoints().warehouse, ROWS)
        yield made


def exported(home: Home, *options: str) -> list[list[str]]:
    """What `export` writes to standard output, read as CSV."""
    call = home.call("export", METRIC, "--output", "-", *options)
    assert call.returncode == 0, call.stderr
    return list(csv.reader(call.stdout.splitlines()))


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        ((), JANUARY + FEBRUARY),
        (("--to", "2011-01-31"), JANUARY),
        (("--from", "2011-02-01"), FEBRUARY),
        (("--from", "2011-02-02"), []),
    ],
    ids=["all", "to", "from", "none"],
)
def test_csv_has_a_header_and_the_rows_of_the_days_in_their_order(
    home: Home, options: tuple[str, ...], rows: list[list[str]]
) -> None:
    assert exported(home, *options) == [HEADER, *rows]


@pytest.mark.parametrize("options", [("--format", "parquet"), ()], ids=["named", "by the file"])
def test_parquet_keeps_the_declared_types(home: Home, options: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "metric.parquet"
    call = home.call("export", "user_behavior_metric", *options, "--output", str(path))
    assert call.stdout == f"3 rows of {METRIC} in {path}\n"
    found = pq.read_table(path)
    assert [str(kind) for kind in found.schema.types] == [
        "int32", "decimal128(18, 5)", "int32", "int32", "string", "date32[day]",
    ]  # fmt: skip
    assert found.to_pylist()[-1] == dict(
        zip(HEADER, (7, Decimal("0.00001"), 0, 1, "two", date(2011, 2, 1)), strict=True)
    )
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_export_leaves_the_file_that_was_there(home: Home, tmp_path: Path) -> None:
    (path := tmp_path / "metric.csv").write_text("of yesterday")
    execute(Stack(home.path).endpoints().warehouse, f"alter table {METRIC} rename to hidden")
    try:
        call = home.call("export", METRIC, "--output", str(path))
    finally:
        execute(
            Stack(home.path).endpoints().warehouse, f"alter table public.hidden rename to {METRIC.partition('.')[2]}"
        )
    assert call.returncode == 1
    assert (path.read_text(), list(tmp_path.iterdir())) == ("of yesterday", [path])


def test_a_link_or_device_is_written_to_and_not_replaced(home: Home, tmp_path: Path) -> None:
    """`--output /dev/full`, by root, left a file in place of the device."""
    (link := tmp_path / "stdout").symlink_to("metric.csv")
    assert home.call("export", METRIC, "--output", str(link)).returncode == 0
    assert link.is_symlink()
    assert len(link.read_text().splitlines()) == 4


def test_what_cannot_be_exported_is_named_with_the_choices(home: Home) -> None:
    unknown = home.call("export", "audit.writer_lock")
    assert unknown.returncode == 2
    assert f"'audit.writer_lock' is no table of the warehouse; choose one of: {METRIC}, " in errors(unknown)[-1]
    backwards = home.call("export", METRIC, "--from", "2011-02-01", "--to", "2011-01-01")
    assert "holds no day" in errors(backwards)[-1]
    nowhere = home.call("export", METRIC, "--output", "/no/such/directory/metric.csv")
    assert errors(nowhere)[-1].startswith("Error: There is no directory for /no/such/directory/metric.csv; ")
    directory = home.call("export", METRIC, "--output", f"{home.path}")
    assert errors(directory)[-1] == f"Error: {home.path} is a directory; name a file with --output."


def test_the_lines_of_the_docs_for_pandas_read_the_metric(home: Home) -> None:
    page = (PROJECT_FILES / "docs" / "analysts.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (url,) = [line.split()[2] for line in home.call("status").stdout.splitlines() if line.startswith("to read:")]
    found: dict[str, pd.DataFrame] = {}
    exec(lines.replace("postgresql+psycopg2://…", url.replace("postgresql:", "postgresql+psycopg2:", 1)), found)
    assert found["metric"].loc[:, "customerid"].tolist() == [3, 12, 7]
    assert len([line for line in lines.splitlines() if line]) <= 3
