"""The claims about stage staging."""

from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest

from user_behaviour.tables.schemas import CLASSIFIED_REVIEWS, RAW_PURCHASES, RAW_REVIEWS, STAGED_PURCHASES
from user_behaviour_tests.checks.case import WARN, Case, prove
from user_behaviour_tests.checks.sabotage import (
    file_rewritten,
    first_row_for_the_second,
    first_row_less,
    pointer_lost,
    published_again,
    tenfold,
    with_column,
)
from user_behaviour_tests.checks.shop import Shop
from user_behaviour_tests.graph.installation import checks, materialized

RULE = "staged_purchases:staged_equal_landed_less_left_out_by_the_rule"
VERDICTS = "classified_reviews:classified_equal_landed"
SHARE = "classified_reviews:share_of_positive_reviews_is_in_its_band"


def _first_quantity(quantity: int) -> Any:
    return with_column("quantity", lambda found: [quantity, *found[1:]])


def _ten_times_and_all_positive(rows: pa.Table) -> pa.Table:
    return tenfold(with_column("positive_review", lambda found: [True] * len(found))(rows))


CASES = [
    Case(
        RULE,
        "a line is missing",
        file_rewritten(STAGED_PURCHASES, first_row_less),
        "2 staged, 4 landed, 1 left out by “quantity > 2 from 2010-12-01”",
    ),
    Case(
        RULE,
        "a line that the rule leaves out stands for one that it lets in",
        file_rewritten(STAGED_PURCHASES, _first_quantity(1)),
        "10 pieces staged, 12 pieces landed and let in by “quantity > 2 from 2010-12-01”",
    ),
    Case(
        RULE,
        "the landed lines are newer",
        published_again(RAW_PURCHASES),
        "in force is newer; rerun the day",
        WARN,
    ),
    Case(
        RULE,
        "the landed lines are gone",
        pointer_lost(RAW_PURCHASES),
        "in force is none; rerun the day",
        WARN,
    ),
    Case(
        VERDICTS,
        "a review has no verdict",
        file_rewritten(CLASSIFIED_REVIEWS, first_row_less),
        "11 classified, 12 landed; 1 without a verdict, 0 verdicts too many",
    ),
    Case(
        VERDICTS,
        "a review has the verdict of another",
        file_rewritten(CLASSIFIED_REVIEWS, first_row_for_the_second),
        "12 classified, 12 landed; 1 without a verdict, 1 verdicts too many",
    ),
    Case(
        VERDICTS,
        "the landed reviews are newer",
        published_again(RAW_REVIEWS),
        "in force is newer; rerun the day",
        WARN,
    ),
    Case(
        SHARE,
        "all reviews are positive",
        file_rewritten(CLASSIFIED_REVIEWS, _ten_times_and_all_positive),
        "100% of 120; expected 50% ± 18%",
        WARN,
        against_the_past=True,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_passes_on_healthy_days_and_fails_on_a_broken_one(case: Case, shop: Shop) -> None:
    prove(case, shop)


def test_what_each_rule_left_out_is_told(shop: Shop, days: list[date]) -> None:
    said = shop.check(RULE, days)
    assert said.metadata["left_out_by_rule"].value == {"quantity > 2 from 2010-12-01": 3}


def test_lines_staged_by_a_rule_that_is_not_in_force_fail(shop: Shop, days: list[date]) -> None:
    said = checks(shop.run_checks(RULE, days, stricter_rule=True))[RULE]
    assert not said.passed
    assert said.metadata["days_offending"].value == 3
    assert said.description == (
        f"{days[0]}: staged by “quantity > 2 from 2010-12-01”, in force is “quantity > 4 from 2010-12-01”; rerun "
        "(2 more days offend)"
    )


def test_a_blocking_failure_keeps_all_days_of_the_run_from_going_downstream(shop: Shop, days: list[date]) -> None:
    before = shop.installation.metric(str(days[0]), str(days[2]))
    assert len(before) == 6
    next_day = with_column("invoice_date", lambda found: [found[0] + timedelta(days=1), *found[1:]])
    file_rewritten(RAW_PURCHASES, next_day)(shop, days[1])
    result = shop.installation.run(
        str(days[0]),
        str(days[2]),
        select=["staged_purchases", "spectrum/user_purchase_staging", "public/user_behavior_metric"],
    )
    assert not result.success
    said = checks(result)["staged_purchases:every_row_fits_its_schema"]
    assert said.description.startswith(f"{days[1]}: invoice_date reaches from {days[1]} 11:00:00 to {days[2]} 10:00:00")
    assert said.metadata["days_looked_at"].value == 3
    assert list(materialized(result)) == ["staged_purchases"]
    assert shop.installation.metric(str(days[0]), str(days[2])) == before
