"""How the claims about stage staging are broken: a table of cases."""

from typing import Any

from user_behaviour.tables.schemas import CLASSIFIED_REVIEWS, RAW_PURCHASES, RAW_REVIEWS, STAGED_PURCHASES
from user_behaviour_tests.checks.case import WARN, Case
from user_behaviour_tests.checks.sabotage import (
    facts_rewritten,
    file_rewritten,
    first_row_less,
    in_turn,
    pointer_lost,
    published_again,
    tenfold,
    with_column,
)

RULE = "staged_purchases:staged_equal_landed_less_left_out_by_the_rule"
VERDICTS = "classified_reviews:classified_equal_landed"
SHARE = "classified_reviews:share_of_positive_reviews_is_in_its_band"


def _first_quantity(quantity: int) -> Any:
    return with_column("quantity", lambda found: [quantity, *found[1:]])


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
    Case(RULE, "the landed lines are newer", published_again(RAW_PURCHASES), "in force is newer; rerun the day", WARN),
    Case(RULE, "the landed lines are gone", pointer_lost(RAW_PURCHASES), "in force is none; rerun the day", WARN),
    Case(
        VERDICTS,
        "a review has no verdict",
        file_rewritten(CLASSIFIED_REVIEWS, first_row_less),
        "11 classified, 12 landed",
        offences=2,
    ),
    Case(
        VERDICTS,
        "a review has the verdict of another",
        facts_rewritten(CLASSIFIED_REVIEWS, review_keys=1),
        "12 classified, 12 landed, and not the same ones: the sums of their keys differ",
    ),
    Case(
        VERDICTS, "the landed reviews are newer", published_again(RAW_REVIEWS), "in force is newer; rerun the day", WARN
    ),
    Case(
        SHARE,
        "all reviews are positive",
        in_turn(
            published_again(CLASSIFIED_REVIEWS, tenfold), facts_rewritten(CLASSIFIED_REVIEWS, positive_reviews=120)
        ),
        "100% of 120; expected 50% ± 18%",
        WARN,
    ),
]
