"""The SQL texts of `sql/`, one file per statement of substance; the first line of each says what a row is."""

from functools import cache
from pathlib import Path

SQL = Path(__file__).resolve().parents[2] / "sql"


@cache
def statement(file: str) -> str:
    """The text of a file, by its path below `sql/`."""
    return (SQL / file).read_text(encoding="utf-8")
