"""What people read, as sources of a dbt project: `python -m user_behaviour.tables.dbt_sources > docs/dbt/sources.yml`.

A test keeps the file and its output the same, and holds it against dbt's own JSON schema. The page that the project
makes of the tables is an exposure.
"""

from itertools import groupby
from typing import Any

import yaml  # which Dagster brings

from user_behaviour.tables.marts import READABLE_TABLES
from user_behaviour.tables.table import Column, Table

_HEAD = """# The tables and views that the project publishes, for a dbt project of your own: copy this file below its
# models/, and select from {{ source('user_behaviour_marts', 'dim_customer') }}. Dagster keeps them; dbt only reads.
# Made from user_behaviour/tables by `python -m user_behaviour.tables.dbt_sources > docs/dbt/sources.yml`.
"""
_REPORT = {
    "name": "daily_report",
    "label": "Daily report",
    "type": "dashboard",
    "owner": {"name": "data-engineering"},
    "description": "The page of a day, which a run of the metric makes, and `user-behaviour report`.",
}


def render() -> str:
    """The whole file."""
    by_schema = groupby(sorted(READABLE_TABLES, key=_schema), key=_schema)
    sources = [
        {"name": _source(schema), "schema": schema, "loader": "Dagster", "tables": [*map(_table, tables)]}
        for schema, tables in by_schema
    ]
    read = [
        f"source('{_source(_schema(table))}', '{table.identity['table']}')"
        for table in READABLE_TABLES
        if _schema(table) in ("public", "marts")
    ]
    content = {"version": 2, "sources": sources, "exposures": [{**_REPORT, "depends_on": read}]}
    return _HEAD + str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120))


def _table(table: Table) -> dict[str, Any]:
    columns = [*map(_column, table.stored_columns)]
    return {"name": table.identity["table"], "description": table.description, "columns": columns}


def _column(column: Column) -> dict[str, Any]:
    tests = {} if column.nullable else {"data_tests": ["not_null"]}
    return {"name": column.name, "description": column.description, "data_type": column.type, **tests}


def _source(schema: str) -> str:
    return "user_behaviour" if schema == "public" else f"user_behaviour_{schema}"


def _schema(table: Table) -> str:
    return table.identity["schema"]


if __name__ == "__main__":
    print(render(), end="")  # noqa: T201
