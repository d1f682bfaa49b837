"""The data dictionary in Markdown, made from the schemas: `python -m user_behaviour.tables.dictionary`.

`docs/data-dictionary.md` holds its output; a test keeps the two the same.
"""

from collections.abc import Iterator

from user_behaviour.tables.marts import DIM_DATE, MARTS, QUESTIONS, STAGING_VIEWS
from user_behaviour.tables.schemas import (
    AUDIT_TABLES,
    CLASSIFIED_REVIEWS,
    EXTERNAL_TABLES,
    QUARANTINED_REVIEWS,
    RAW_PURCHASES,
    RAW_REVIEWS,
    STAGED_PURCHASES,
    USER_BEHAVIOR_METRIC,
)
from user_behaviour.tables.table import Table

_HEAD = """# Data dictionary

Made from `user_behaviour/tables/schemas.py` by `python -m user_behaviour.tables.dictionary > docs/data-dictionary.md`.

`varchar(n)` counts bytes, as Redshift does. `timestamp` is in microseconds, UTC, without a zone. In the lake the day
of a partition, `insert_date`, is in the path; in external tables and in the warehouse it is a column of type `date`.
"""


def render() -> str:
    """The whole page."""
    sections = (
        ("The lake", (RAW_PURCHASES, RAW_REVIEWS, QUARANTINED_REVIEWS, STAGED_PURCHASES, CLASSIFIED_REVIEWS)),
        ("External tables", EXTERNAL_TABLES),
        ("The warehouse", (USER_BEHAVIOR_METRIC, *AUDIT_TABLES)),
        ("Marts: a star, and what is computed from it once", (*STAGING_VIEWS, DIM_DATE, *MARTS)),
        ("Marts: views that answer questions", QUESTIONS),
    )
    lines = [_HEAD]
    for title, tables in sections:
        lines.append(f"## {title}\n")
        for table in tables:
            lines += [*_described(table), ""]
    return "\n".join(lines).rstrip() + "\n"


def _described(table: Table) -> Iterator[str]:
    yield f"### `{table.name}`\n"
    key = f"Key: {', '.join(table.whole_key)}." if table.key else "Rows may repeat."
    yield f"{table.description} {key}\n"
    yield "| column | type | null | meaning | comes from |"
    yield "| --- | --- | --- | --- | --- |"
    for column in table.columns:
        origins = ", ".join(f"`{asset}`.{name}" for asset, name in table.lineage.get(column.name, ()))
        null = "yes" if column.nullable else "no"
        yield f"| `{column.name}` | {column.type} | {null} | {column.description} | {origins} |"


if __name__ == "__main__":
    print(render(), end="")  # noqa: T201
