"""What people read, as sources of a dbt project: `python -m user_behaviour.tables.dbt_sources > docs/dbt/sources.yml`.

A test keeps the file and its output the same, and holds it against dbt's own JSON schema. The page that the project
makes of the tables is an exposure.
"""

import json
from collections.abc import Iterator
from itertools import groupby

from user_behaviour.tables.marts import READABLE_TABLES
from user_behaviour.tables.table import Table

_HEAD = """# The tables and views that the project publishes, for a dbt project of your own: copy this file below its
# models/, and select from {{ source('user_behaviour_marts', 'dim_customer') }}. Dagster keeps them; dbt only reads.
# Made from user_behaviour/tables by `python -m user_behaviour.tables.dbt_sources > docs/dbt/sources.yml`.
version: 2
"""


def render() -> str:
    """The whole file."""
    return "\n".join((_HEAD, *_sources(), *_exposures(), ""))


def _sources() -> Iterator[str]:
    yield "sources:"
    for schema, tables in groupby(sorted(READABLE_TABLES, key=_schema), key=_schema):
        yield f"  - name: {_source_name(schema)}"
        yield f"    schema: {schema}"
        yield "    loader: Dagster"
        yield "    tables:"
        for table in tables:
            yield f"      - name: {_name(table)}"
            yield f"        description: {_text(table.description)}"
            yield "        columns:"
            for column in table.stored_columns:
                yield f"          - name: {column.name}"
                yield f"            description: {_text(column.description)}"
                yield f"            data_type: {column.type}"
                if not column.nullable:
                    yield "            data_tests: [not_null]"


def _exposures() -> Iterator[str]:
    yield "exposures:"
    yield "  - name: daily_report"
    yield "    label: Daily report"
    yield "    type: dashboard"
    yield "    owner: {name: data-engineering}"
    yield "    description: The page of a day, which a run of the metric makes, and `user-behaviour report`."
    yield "    depends_on:"
    for table in filter(_shown, READABLE_TABLES):
        yield f"      - source('{_source_name(_schema(table))}', '{_name(table)}')"


def _text(text: str) -> str:
    """A text as YAML, of which JSON is a part, has it."""
    return json.dumps(text, ensure_ascii=False)


def _shown(table: Table) -> bool:
    """Whether the daily report reads it."""
    return _schema(table) in ("public", "marts")


def _source_name(schema: str) -> str:
    return "user_behaviour" if schema == "public" else f"user_behaviour_{schema}"


def _schema(table: Table) -> str:
    return table.identity["schema"]


def _name(table: Table) -> str:
    return table.identity["table"]


if __name__ == "__main__":
    print(render(), end="")  # noqa: T201
