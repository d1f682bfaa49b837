"""What a change changes: the sample's full history, made by two revisions, and their metric and marts side by side.

    python bench/diff.py BASE [--sample OPTION …]         Markdown on standard output, progress on standard error

The working tree and the commit BASE each run `user-behaviour demo` in a home of their own, where `generate` is given
the options of `--sample` (such as --scale 0.01). BASE gets an environment of its own where its dependencies are others.
Compared is what analysts read, by the read-only user: the tables and views of `public` and `marts` that both have, but
for the columns in which every run differs (`PER_RUN`).
"""

import argparse
import filecmp
import os
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path
from subprocess import PIPE, STDOUT, run
from typing import Any

import psycopg2

from user_behaviour.tables.identifiers import listed, qualified

HERE = Path(__file__).resolve().parents[1]
SCHEMAS = ("public", "marts")
PER_RUN = ("batch_id",)
SHOWN = 10
CUSTOMER = re.compile("customerid|customer_id|customer_key")
COLUMNS = """select table_schema || '.' || table_name, array_agg(column_name::text order by ordinal_position)
from information_schema.columns where table_schema in %s and not column_name in %s
group by table_schema, table_name order by table_schema desc, table_name"""

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Relation:
    """A table or view as a revision made it: columns but for `PER_RUN`, and how often each row is there."""

    name: str
    columns: Sequence[str]
    rows: Counter[Row]

    def figures(self) -> dict[str, Any]:
        """Rows, customers where it has them, and the sum of each column of numbers that are no keys."""
        found: dict[str, Any] = {"rows": self.rows.total()}
        for at, column in enumerate(self.columns):
            values = [(row[at], count) for row, count in self.rows.items() if row[at] is not None]
            if CUSTOMER.fullmatch(column):
                found["customers"] = len({value for value, _ in values})
            elif not column.endswith("_key") and values and all(type(value) in (int, Decimal) for value, _ in values):
                found[f"sum of {column}"] = sum(value * count for value, count in values)
        return found


def difference(before: Relation, after: Relation) -> Iterator[str]:
    """The lines of Markdown about a relation; none where the two are the same."""
    if before == after:
        return
    yield f"\n### `{after.name}`\n"
    if before.columns != after.columns:
        yield f"Its columns were {', '.join(before.columns)}; they are {', '.join(after.columns)}.\n"
    yield "| | before | after |"
    yield "| --- | ---: | ---: |"
    old, new = before.figures(), after.figures()
    for name in dict.fromkeys(chain(old, new)):
        if (was := old.get(name)) != (now := new.get(name)) or name == "rows":
            yield f"| {name} | {_figure(was)} | {_figure(now)} |"
    if before.columns != after.columns:
        return
    gone, come = before.rows - after.rows, after.rows - before.rows
    yield f"\n{gone.total():,} rows are gone, {come.total():,} are new. The first of them:\n"
    yield f"| | {' | '.join(after.columns)} |"
    yield f"| --- |{' --- |' * len(after.columns)}"
    both = sorted([(row, "−") for row in gone] + [(row, "+") for row in come], key=lambda one: [*map(str, one[0])])
    for row, sign in islice(both, SHOWN):
        yield f"| {sign} | {' | '.join(map(_text, row))} |"


def _figure(value: Any) -> str:
    return "" if value is None else f"{value:,}"


def _text(value: Any) -> str:
    """As the database has it: a number may be a key."""
    text = "" if value is None else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def relations(url: str) -> Iterator[Relation]:
    """All that the user of the URL may read in `SCHEMAS`."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(COLUMNS, (SCHEMAS, PER_RUN))
        for name, columns in cursor.fetchall():
            cursor.execute(f"select {listed(*columns)} from {qualified(name)}", ())
            yield Relation(name, columns, Counter(cursor))


@dataclass(frozen=True)
class Revision:
    """A checkout, the Python that runs it, and a home in which it makes the sample's history."""

    checkout: Path
    python: Path
    home: Path

    def call(self, *arguments: str) -> str:
        """What a command prints; exits with that if it fails."""
        aside = ("USER_BEHAVIOUR", "DAGSTER")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(aside)}
        environ = {**clean, "PYTHONPATH": str(self.checkout), "USER_BEHAVIOUR_HOME": str(self.home)}
        command = [self.python, "-m", "user_behaviour", *arguments]
        done = run(command, cwd=self.checkout, env=environ, stdout=PIPE, stderr=STDOUT, text=True, check=False)
        if done.returncode:
            sys.exit(f"{self.checkout}: user-behaviour {' '.join(arguments)} failed:\n{done.stdout}")
        return done.stdout

    def made(self, sample: Sequence[str]) -> dict[str, Relation]:
        """What people read when it has made the history."""
        self.call("up")
        try:
            if sample:
                self.call("generate", *sample)
            self.call("demo")
            (url,) = re.findall(r"^to read: +(\S+)", self.call("status"), re.MULTILINE)
            return {relation.name: relation for relation in relations(url)}
        finally:
            self.call("down")


def checked_out(base: str, directory: Path) -> Path:
    """The tree of a commit of this checkout, in a directory of its own."""
    archived = run(["git", "archive", f"--output={directory}.tar", base], cwd=HERE, stderr=PIPE, text=True, check=False)
    if archived.returncode:
        sys.exit(f"BASE={base} names no commit of {HERE}: {archived.stderr.strip()}")
    shutil.unpack_archive(f"{directory}.tar", directory, filter="data")
    return directory


def python_of(base: Path) -> Path:
    """The Python of this environment, or of one that is made for BASE where it depends on something else."""
    mine = Path(sys.executable)
    if all(filecmp.cmp(HERE / name, base / name, shallow=False) for name in ("pyproject.toml", "constraints.txt")):
        return mine
    print("BASE has other dependencies: making its environment (a minute or two) …", file=sys.stderr)
    run(["make", "setup", f"PYTHON={mine}"], cwd=base, check=True, stdout=sys.stderr)
    return base / ".venv" / "bin" / "python"


def report(base: str, before: dict[str, Relation], after: dict[str, Relation]) -> Iterator[str]:
    """What differs, in Markdown."""
    yield f"## What changes against `{base}`, on the sample's history"
    shared = [name for name in after if name in before]
    lines = [line for name in shared for line in difference(before[name], after[name])]
    for what, names in (("New", after.keys() - before.keys()), ("No more there", before.keys() - after.keys())):
        if names:
            yield f"\n{what}: {', '.join(f'`{name}`' for name in sorted(names))}."
    yield from lines or [f"\nNothing: all {len(shared)} tables and views that both have hold the same rows."]


def main() -> None:
    """Makes both, compares, prints."""
    parser = argparse.ArgumentParser(description="What the working tree changes in the metric and the marts.")
    parser.add_argument("base", help="a commit of this checkout, such as main")
    parser.add_argument("--sample", nargs=argparse.REMAINDER, default=[], help="options of `generate`, the last here")
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="user_behaviour_diff_")).resolve()
    try:
        base = checked_out(arguments.base, directory / "checkout")
        revisions = {
            arguments.base: Revision(base, python_of(base), directory / "before"),
            "the working tree": Revision(HERE, Path(sys.executable), directory / "after"),
        }
        print(f"Making the sample's history by {' and by '.join(revisions)} …", file=sys.stderr)
        with ThreadPoolExecutor() as threads:  # each waits for processes
            before, after = threads.map(lambda revision: revision.made(arguments.sample), revisions.values())
        print("\n".join(report(arguments.base, before, after)))
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
