"""Members of a dimension, in SQL: those that days describe are added or described anew, and none is deleted.

The first two columns of a dimension are the member's key and its name. The order in which days are made plays no part:
the newest day that describes a member counts, by the partition column, also after a stricter rule has emptied that day.
"""

from user_behaviour.tables.identifiers import listed, qualified, quoted
from user_behaviour.tables.table import Table

_MERGED = "merged_members"


def merge(table: Table, select: str) -> str:
    """Statements that merge the members that `select` gives, in the columns of the dimension, none without a name.

    Those that are there are described anew, unless a newer day described them, and then the others are added.
    """
    name, day = qualified(table.name), quoted(table.partition_column)
    names = (*table.column_names, table.partition_column)
    same = " and ".join(f"{name}.{quoted(column)} = {_MERGED}.{quoted(column)}" for column in names[:2])
    described = ", ".join(f"{quoted(column)} = {_MERGED}.{quoted(column)}" for column in names[2:])
    added = ", ".join(f"{_MERGED}.{quoted(column)}" for column in names)
    return f"""create temporary table {_MERGED} as
{select};
update {name} set {described} from {_MERGED} where {same} and {name}.{day} <= {_MERGED}.{day};
insert into {name} ({listed(*names)})
select {added} from {_MERGED} left outer join {name} on {same} where {name}.{quoted(names[0])} is null;
drop table {_MERGED}"""


def law_of_keys(table: Table) -> str:
    """A query for the keys that two members have: a hash that met another one."""
    return (
        f"select max({quoted(table.partition_column)}) as insert_date, 'one member has a key' as law, "
        f"count(*) as found, 1 as expected from {qualified(table.name)} "
        f"group by {quoted(table.column_names[0])} having count(*) > 1"
    )
