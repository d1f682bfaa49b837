"""How the claims about stage staging are broken: a table of cases."""

from datetime import timedelta
from typing import Any

from user_behaviour.tables.schemas import CLASSIFIED_REVIEWS, RAW_PURCHASES, RAW_REVIEWS, STAGED_PURCHASES
from user_behaviour_tests.checks.case import WARN, Case
from user_behaviour_tests.checks.sabotage import (
    Sabotage,
    facts_rewritten,
    file_rewritten,
    first_row_less,
    in_turn,
    pointer_lost,
    published_again,
    tenfold,
    times,
    with_column,
)

RULE = "staged_purchases:staged_equal_landed_less_left_out_by_the_rule"
VERDICTS = "classified_reviews:classified_equal_landed"
SHARE = "classified_reviews:share_of_positive_reviews_is_in_its_band"
DRIFT = "classified_reviews:reviews_are_like_those_before"
MODEL = "classified_reviews:a_trained_model_scores"
LIVE = "classified_reviews:the_live_version_scored_every_day"


def _first_quantity(quantity: int) -> Any:
    return with_column("quantity", lambda found: [quantity, *found[1:]])


def _on_the_next_day(act: Sabotage) -> Sabotage:
    return lambda shop, day: act(shop, day + timedelta(days=1))


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
    Case(
        DRIFT,
        "480 reviews have words that the model does not know and the next day is of another version",
        in_turn(
            _on_the_next_day(facts_rewritten(CLASSIFIED_REVIEWS, classifier_version="another")),
            published_again(CLASSIFIED_REVIEWS, times(40)),
            facts_rewritten(
                CLASSIFIED_REVIEWS,
                positive_reviews=240,
                tokens=480,
                unknown_tokens=96,
                characters=1680,
                probability_tenths="0 240 0 0 0 0 0 0 240 0",
            ),
        ),
        "unknown share 0.2000 in the latest 480 reviews, 0.0012 before (z +",
        WARN,
        offences=2,  # and at training
    ),
    Case(
        MODEL,
        "the baseline scored",
        facts_rewritten(CLASSIFIED_REVIEWS, classifier="token_good", classifier_version="1"),
        "scored by the baseline, whether `good` is a word, and not by a classifier: `promote` one of its versions",
        WARN,
    ),
    Case(
        LIVE,
        "another version scored",
        facts_rewritten(CLASSIFIED_REVIEWS, classifier_version="another"),
        "to score the days anew: user-behaviour run --from {day} --to {day} --select key:classified_reviews+",
        WARN,
    ),
]
