"""Which days of a table the warehouse has, by its own record: a day that was written with no rows is there too."""

from datetime import date

from user_behaviour.tables.days import DayRange
from user_behaviour.tables.statements import statement
from user_behaviour.warehouse.warehouse import Warehouse


def published_days(warehouse: Warehouse, table: str, span: DayRange) -> set[date]:
    """The days of the range that were written to the table of this name."""
    parameters = {"table_name": table, "first_day": span.first, "end_day": span.end}
    return {row["insert_date"] for row in warehouse.rows(statement("warehouse/published_days.sql"), parameters)}
