"""What a query on an external table finds: Redshift shows no error where it cannot see a file, only fewer rows."""

from datetime import date

from user_behaviour.tables.days import DayRange
from user_behaviour.tables.statements import statement
from user_behaviour.tables.table import Table
from user_behaviour.warehouse.warehouse import Warehouse


def rows_shown(warehouse: Warehouse, table: Table, span: DayRange) -> dict[date, dict[str, int]]:
    """The rows of a range of days, counted by day and batch."""
    schema, _, name = table.name.rpartition(".")
    shown: dict[date, dict[str, int]] = {}
    parameters = {"first_day": span.first, "end_day": span.end}
    for row in warehouse.rows(statement(f"{schema}/{name}_rows.sql"), parameters):
        shown.setdefault(row["insert_date"], {})[row["batch_id"]] = row["row_count"]
    return shown
