"""How the local warehouse joins what a run has just filled."""

from user_behaviour.local.roles import EmbeddedWarehouse
from user_behaviour.local.stack import Stack


def test_tables_without_statistics_are_not_joined_by_nested_loops(stack: Stack) -> None:
    """In a new home the lines of a year met dimensions of a minute ago: 145 s in place of 2."""
    with EmbeddedWarehouse(home=str(stack.home)).session() as connection, connection.cursor() as cursor:
        for table in ("line", "member"):
            cursor.execute(f"create temporary table {table} as select n, n as day from generate_series(1, 99) as n")
        # Of each of the ranges half a percent of the rows is expected: one row in all.
        ranges = "line.n < 9 and line.n > 1 and line.day < 9 and line.day > 1 and member.day < 9 and member.day > 1"
        cursor.execute(f"explain select count(*) from line inner join member on line.n = member.n where {ranges}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Join" in plan
    assert "Nested Loop" not in plan
