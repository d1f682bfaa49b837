"""How the columns of the source will be read, by their types: as they are, or value by value.

Every column is read as the text that PostgreSQL writes, which must be exactly a value of the type that is declared. A
value that is none holds its day back.
"""

import re
from collections.abc import Iterator, Mapping

from user_behaviour.diagnosis import Diagnosis, good, unknown
from user_behaviour.tables.table import Column, Table, spelling

_INTEGERS = ("smallint", "int", "bigint")
_WITH_PRECISION = re.compile(r"(time|timestamp)\(\d\)")  # which changes no value


def readings(table: Table, types: Mapping[str, str]) -> Iterator[Diagnosis]:
    """One finding for the columns that are as declared or narrower, one for each other; `types` are the source's."""
    found = {name: spelling(_WITH_PRECISION.sub(r"\1", type_)) for name, type_ in types.items()}
    columns = [column for column in table.columns if column.name in found]
    same = [column for column in columns if _fits(found[column.name], column)]
    if same:
        yield good("columns", ", ".join(f"{c.name} {found[c.name]}" for c in same) + ": are read as they are")
    for column in columns:
        if column not in same:
            declared = f"is {found[column.name]}, declared is {column.type}"
            yield unknown(f"column {column.name}", f"{declared}: {_reading(found[column.name], column)}")


def _reading(found: str, column: Column) -> str:
    if column.type == "timestamp" and found == "timestamp with time zone":
        return "is read as the moment in UTC"
    if column.type == "timestamp" and found == "date":
        return "is read as the day's midnight"
    digits = "as the shortest decimal that it is written as, " if found in ("real", "double precision") else ""
    return f"is read {digits}where {column.type} holds exactly that value; any other value holds its day back"


def _fits(found: str, column: Column) -> bool:
    """Whether each value of the one type is one of the other; texts are counted in bytes when they are read."""
    if found == column.type:
        return True
    if found in _INTEGERS and column.type in _INTEGERS:
        return _INTEGERS.index(found) < _INTEGERS.index(column.type)
    here, there = _sizes(found), _sizes(column.type)
    if found.startswith("varchar(") and column.type.startswith("varchar("):
        return here[0] <= there[0]
    if found.startswith("decimal(") and column.type.startswith("decimal("):
        return here[1] <= there[1] and here[0] - here[1] <= there[0] - there[1]
    return False


def _sizes(type_: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", type_)]
