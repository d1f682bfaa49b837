"""The SQL texts of `sql/`, one file per statement of substance; the first line of each says what a row is."""

import re
from functools import cache

from user_behaviour.project_files import PROJECT_FILES

SQL = PROJECT_FILES / "sql"
# A comment, a text in quotes of one of three kinds, or one character of anything else.
_PIECE = re.compile(r"--.*|/\*[\s\S]*?\*/|'[^']*'|\"[^\"]*\"|\$(\w*)\$[\s\S]*?\$\1\$|[\s\S]")


@cache
def statement(file: str) -> str:
    """The text of a file, by its path below `sql/`."""
    return (SQL / file).read_text(encoding="utf-8")


def split(text: str) -> list[str]:
    """The statements of a text, without its comments. A semicolon in quotes, dollar quotes included, ends none."""
    found = [""]
    for piece in (match[0] for match in _PIECE.finditer(text)):
        if piece == ";":
            found.append("")
        else:
            found[-1] += " " if piece.startswith(("--", "/*")) else piece
    return [sql.strip() for sql in found if sql.strip()]
