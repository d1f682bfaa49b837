"""How the claims about stage spectrum are broken: a table of cases."""

from user_behaviour.tables.schemas import (
    CLASSIFIED_REVIEWS,
    MOVIE_REVIEW_CLEAN_STAGE,
    STAGED_PURCHASES,
    USER_PURCHASE_STAGING,
)
from user_behaviour.tables.table import Table
from user_behaviour_tests.checks.case import WARN, Case
from user_behaviour_tests.checks.sabotage import (
    file_lost,
    file_rewritten,
    first_row_less,
    in_warehouse,
    pointer_lost,
    published_again,
    registered_again,
)

ONE_ROW = "delete from {0} where ctid = (select min(ctid) from {0} where insert_date = %(day)s)"


def _cases(table: Table, of: Table, rows: int) -> list[Case]:
    claim = f"{table.name.replace('.', '/')}:external_rows_equal_lake_rows"
    unregistered = "delete from spectrum.registered_partition where insert_date = %(day)s"
    return [
        Case(
            claim,
            "a row is not to be seen",
            in_warehouse(ONE_ROW.format(table.name)),
            f"{rows - 1} rows in {table.name}, {rows} in the lake",
        ),
        Case(
            claim,
            "the lake lost a row and its manifest did not notice",
            file_rewritten(of, first_row_less),
            f"{rows} rows in {table.name}, {rows - 1} in the lake",
        ),
        Case(
            claim,
            "it points at a batch that is superseded",
            published_again(of),
            "in force is newer; rerun the day",
            WARN,
        ),
        Case(
            claim,
            "it points at a batch that is not in force",
            pointer_lost(of),
            "in force is none; rerun the day",
            WARN,
        ),
        Case(
            claim,
            "rows of another batch are seen",
            in_warehouse(f"update {table.name} set batch_id = 'another' where insert_date = %(day)s"),
            "rows of batch another, registered is ",
        ),
        Case(
            claim,
            "rows are seen without a partition",
            in_warehouse(f"{unregistered} and table_name = '{table.name}'"),
            f"{rows} rows, and no partition",
            looked_at=2,
        ),
    ]


def _places(table: Table, of: Table) -> list[Case]:
    claim = f"{table.name.replace('.', '/')}:every_place_has_the_same_batch"
    of_the_day = f"where insert_date = %(day)s and table_name = '{table.name}'"
    return [
        Case(
            claim,
            "the catalog has no partition",
            in_warehouse(f"delete from spectrum.registered_partition {of_the_day}"),
            "missing: the lake has batch ",
        ),
        Case(claim, "a newer batch is in force", published_again(of), ", in force is newer", WARN),
        Case(claim, "the lake has none in force", pointer_lost(of), "left over: points at batch "),
        Case(claim, "a file of the batch is lost", file_lost(of), "1 of its 1 files are not there: part-00000.parquet"),
        Case(
            claim,
            "it points out of the lake",
            in_warehouse(f"update spectrum.registered_partition set location = 's3://elsewhere/one/' {of_the_day}"),
            "elsewhere: points at s3://elsewhere/one/, expected is file://",
        ),
        Case(
            claim, "it was registered behind Dagster's back", registered_again(table, of), "recorded was batch ", WARN
        ),
    ]


CASES = [
    *_cases(USER_PURCHASE_STAGING, STAGED_PURCHASES, 3),
    *_cases(MOVIE_REVIEW_CLEAN_STAGE, CLASSIFIED_REVIEWS, 12),
    *_places(USER_PURCHASE_STAGING, STAGED_PURCHASES),
    *_places(MOVIE_REVIEW_CLEAN_STAGE, CLASSIFIED_REVIEWS),
]
