"""The claims about stage spectrum."""

from datetime import date

import pytest

from user_behaviour.tables.schemas import (
    CLASSIFIED_REVIEWS,
    MOVIE_REVIEW_CLEAN_STAGE,
    STAGED_PURCHASES,
    USER_PURCHASE_STAGING,
)
from user_behaviour.tables.table import Table
from user_behaviour_tests.checks.case import WARN, Case, prove
from user_behaviour_tests.checks.sabotage import (
    file_lost,
    file_rewritten,
    first_row_less,
    in_warehouse,
    pointer_lost,
    published_again,
    registered_again,
)
from user_behaviour_tests.checks.shop import Shop
from user_behaviour_tests.graph.installation import checks, materialized

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


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_passes_on_healthy_days_and_fails_on_a_broken_one(case: Case, shop: Shop) -> None:
    prove(case, shop)


def test_a_table_that_shows_too_few_rows_does_not_reach_the_metric(shop: Shop, days: list[date]) -> None:
    before = shop.installation.metric(str(days[0]), str(days[2]))
    in_warehouse(ONE_ROW.format(USER_PURCHASE_STAGING.name))(shop, days[1])
    result = shop.installation.run(
        str(days[0]), str(days[2]), select=["spectrum/user_purchase_staging", "public/user_behavior_metric"]
    )
    assert not result.success
    claim = checks(result)["spectrum/user_purchase_staging:external_rows_equal_lake_rows"]
    assert claim.description == f"{days[1]}: 2 rows in spectrum.user_purchase_staging, 3 in the lake"
    assert list(materialized(result)) == ["spectrum/user_purchase_staging"]
    assert shop.installation.metric(str(days[0]), str(days[2])) == before
