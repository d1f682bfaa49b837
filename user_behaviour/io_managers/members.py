"""The members of a dimension: those that days describe are added or described anew, and none is deleted.

The order in which days are made plays no part: the newest day that describes a member counts.
"""

from collections.abc import Mapping
from typing import Any

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from user_behaviour.recipes import MergeMembers
from user_behaviour.tables.identifiers import listed, qualified, quoted
from user_behaviour.tables.table import Table

_MERGED = "merged_members"


def merge(cursor: Cursor, table: Table, recipe: MergeMembers, parameters: Mapping[str, Any]) -> None:
    """Describes the members that are there, unless a newer day did, and then adds the others."""
    name, day = qualified(table.name), quoted(table.partition_column)
    names = (*table.column_names, table.partition_column)
    same = " and ".join(f"{name}.{quoted(column)} = {_MERGED}.{quoted(column)}" for column in (recipe.key, recipe.name))
    described = ", ".join(f"{quoted(c)} = {_MERGED}.{quoted(c)}" for c in names if c not in (recipe.key, recipe.name))
    cursor.execute(f"create temporary table {_MERGED} as {recipe.insert}", parameters)
    cursor.execute(f"update {name} set {described} from {_MERGED} where {same} and {name}.{day} <= {_MERGED}.{day}", {})
    added = ", ".join(f"{_MERGED}.{quoted(column)}" for column in names)
    cursor.execute(
        f"insert into {name} ({listed(*names)}) select {added} from {_MERGED} left outer join {name} on {same} "
        f"where {name}.{quoted(recipe.key)} is null",
        {},
    )
    cursor.execute(f"drop table {_MERGED}")


def law_of_keys(table: Table, recipe: MergeMembers) -> str:
    """A query for the keys that two members have: a hash that met another one."""
    return (
        f"select max({quoted(table.partition_column)}) as insert_date, 'one member has a key' as law, "
        f"count(*) as found, 1 as expected from {qualified(table.name)} "
        f"group by {quoted(recipe.key)} having count(*) > 1"
    )
