"""Every SQL text parses in the dialect of the server that runs it: the files of `sql/`, and what Python makes.

What Python makes is not collected from the sources, where it is in pieces, but at the server: a small run through the
production classes, and every statement that the stand-in received.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
from sqlfluff.core import FluffConfig, Linter

from user_behaviour.local.stack import Stack
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.schemas import EXTERNAL_TABLES
from user_behaviour.tables.statements import SQL, split
from user_behaviour.warehouse.warehouse import WarehouseDataError
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.cloud.own_redshift import OwnRedshift, own_redshift
from user_behaviour_tests.io_managers.daily_table import NAME, asset, by_sql, daily_table, week
from user_behaviour_tests.io_managers.greenhouse import DAYS, MON, WED, Greenhouse
from user_behaviour_tests.migrations import IDS
from user_behaviour_tests.sql.dialect import UNKNOWN_TO_SQLFLUFF, unparsable

POSTGRES = [SQL / "schema", SQL / "migrations" / "postgres"]


@pytest.fixture(scope="module")
def redshift(stack: Stack, cloud: Cloud) -> Iterator[OwnRedshift]:
    with own_redshift(stack, cloud) as redshift:
        yield redshift


def test_every_file_parses_in_the_dialect_of_its_directory() -> None:
    """The configuration is the one that `make check` lints with; here no rule counts, only the grammar."""
    dialects: dict[str, list[Path]] = {"postgres": [], "redshift": []}
    for file in sorted(SQL.rglob("*.sql")):
        config = FluffConfig.from_path(str(file))
        dialects[config.get("dialect")].append(file)
        assert [(file, found.desc()) for found in parsing_errors(config, file)] == []
    assert {file for file in dialects["postgres"] if not any(d in file.parents for d in POSTGRES)} == set()
    # What only PostgreSQL runs is the exception.
    assert len(dialects["redshift"]) > len(dialects["postgres"])


def parsing_errors(config: FluffConfig, file: Path) -> list[Any]:
    known = ";\n".join(text for text in split(file.read_text()) if not UNKNOWN_TO_SQLFLUFF.match(text))
    parsed = Linter(config=config).parse_string(known, fname=str(file), config=config)
    return list(parsed.violations)


def run_everything_once(redshift: OwnRedshift, directory: Path) -> None:
    """Ledger, migrations, drift, external tables, the IO manager both ways, COPY and its failure, UNLOAD."""
    redshift.migrate()
    assert redshift.findings() == []
    redshift.external_tables.registered(EXTERNAL_TABLES[0], DayRange(MON, WED))
    with daily_table(redshift.warehouse), dg.DagsterInstance.ephemeral() as instance:
        greenhouse = Greenhouse(directory, instance, redshift.warehouse)
        greenhouse.run([asset(by_sql())], MON, WED)
        daily = asset(week)
        greenhouse.run([daily], MON, WED)
        seen = []

        @dg.asset(partitions_def=DAYS)
        def report(daily: pa.Table) -> None:
            seen.append(daily.num_rows)

        greenhouse.run([daily, report], MON, WED)
        assert seen == [3]
        too_long = pa.record_batch({"sensor": ["0123456789"]})
        with pytest.raises(WarehouseDataError):
            redshift.warehouse.transaction(lambda cursor: redshift.warehouse.load(cursor, NAME, [too_long]))
    redshift.migrations.roll_back(len(IDS))


def test_every_statement_that_python_makes_parses_in_redshifts_dialect(redshift: OwnRedshift, tmp_path: Path) -> None:
    run_everything_once(redshift, tmp_path)
    texts = {statement.text for statement in redshift.stand_in.statements}
    begun = {text.lower().split()[0].strip("(") for text in texts}
    assert begun >= {
        "begin",
        "copy",
        "create",
        "delete",
        "drop",
        "insert",
        "lock",
        "select",
        "set",
        "unload",
    }
    assert unparsable(text for text in texts if not UNKNOWN_TO_SQLFLUFF.match(text)) == []


PACKAGE = SQL.parent / "user_behaviour"
RUN_ON_POSTGRESQL = {"catalog/postgres.py", "instance/self_check.py", "source/database.py"}


def modules_with_statements() -> Iterator[str]:
    """The modules that have a whole statement as a constant."""
    for module in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(module.read_text()).body:
            value = node.value if isinstance(node, ast.Assign) else None
            text = value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""
            if re.match(r"(select|with|insert into|delete from|update) ", " ".join(text.split())):
                yield module.relative_to(PACKAGE).as_posix()


def test_no_module_keeps_a_statement_of_redshifts_to_itself() -> None:
    """In `sql/` each is parsed, also those that only an error brings about."""
    assert set(modules_with_statements()) == RUN_ON_POSTGRESQL


def test_what_is_wrong_is_found(tmp_path: Path) -> None:
    """The tests above would pass on a linter that takes everything."""
    assert len(unparsable(["select a from b where", "create table t (a int) diststyle", "copy t from"])) == 3
