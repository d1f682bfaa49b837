"""The SQL texts of `sql/`, one file per statement of substance; the first line of each says what a row is."""

import re
from functools import cache
from pathlib import Path

SQL = Path(__file__).resolve().parents[2] / "sql"
_PIECE = re.compile(r"--.*|/\*[\s\S]*?\*/|'[^']*'|\"[^\"]*\"|\$(\w*)\$[\s\S]*?\$\1\$|[\s\S]")


@cache
def statement(file: str) -> str:
    """The text of a file, by its path below `sql/`."""
    return (SQL / file).read_text(encoding="utf-8")


def split(text: str) -> list[str]:
    """The statements of a text, less its comments. A semicolon in quotes, dollar quotes included, ends none."""
    found = [""]
    for match in _PIECE.finditer(text):
        if match[0] == ";":
            found.append("")
        else:
            found[-1] += " " if match[0].startswith(("--", "/*")) else match[0]
    return [statement.strip() for statement in found if statement.strip()]
