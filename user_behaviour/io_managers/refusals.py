"""Which days of a replacement are refused for their values, where all of them are replaced by one statement.

They are found by halves; the others are replaced all the same, in a few more transactions.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import psycopg2

from user_behaviour.io_managers.partitioned import Output
from user_behaviour.io_managers.publishing import Outcome
from user_behaviour.lake.conformity import SchemaError
from user_behaviour.recipes import ReplaceDays
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.values import shown
from user_behaviour.warehouse.warehouse import Warehouse, WarehouseDataError

Replace = Callable[[Sequence[date]], dict[date, dict[str, Any]]]


def replaced(
    partitions: Sequence[Sequence[date]],
    replace: Replace,
    *,
    why: Callable[[DayRange, Exception], Sequence[str] | None],
) -> Outcome:
    """What became of the days of each partition; `replace` carries all it is given out, or nothing.

    `why` says why a partition is refused; by None, it ends the run.
    """
    first = DayRange(partitions[0][0], partitions[0][-1])
    try:
        return Outcome(replace([day for days in partitions for day in days]))
    except (psycopg2.Error, WarehouseDataError, SchemaError) as error:
        if (reasons := why(first, error)) is None:
            raise
        if len(partitions) == 1:
            return Outcome(held_back={first.first: reasons})
    middle = len(partitions) // 2
    one, other = (replaced(half, replace, why=why) for half in (partitions[:middle], partitions[middle:]))
    return Outcome(one.published | other.published, {**one.held_back, **other.held_back})


def reasons(
    warehouse: Warehouse, output: Output, value: Any, *, span: DayRange, error: Exception
) -> Sequence[str] | None:
    """Why the days of a value are refused; None where that is not for what they hold."""
    if isinstance(error, SchemaError):
        return error.reasons
    if not warehouse.is_of_the_values(error):
        return None
    text = value.misfits if isinstance(value, ReplaceDays) else ""
    found = warehouse.rows(text, output.parameters(span)) if text else []
    types = {column.name: column.type for column in output.table.columns}
    where = f"{output.table.name}, {span.first}" + (f" to {span.last}" if span.last > span.first else "")
    return [
        f"{where}: {row['column_name']} of {row['row_name']} is {shown(row['value'])}, which "
        f"{types[row['column_name']]} does not hold; correct what it is made of, and run the day again"
        for row in found
    ] or [f"{where}: {' '.join(str(error).split())}; correct the values, and run the day again"]
