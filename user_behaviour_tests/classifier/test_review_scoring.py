"""What the terms of a review are, and the arithmetic of a model, by hand."""

from math import exp, sqrt
from typing import Any

import pytest

from user_behaviour.classifier.review_scoring import FORMAT, TOKEN_RULES, Model, ModelError, model_of, terms, tokens

CARD = {"format": FORMAT, "token_rules": TOKEN_RULES, "version": "v", "intercept": 0.5, "slope": 2, "offset": -1}
MODEL = Model("v", {"good": (3.0, 6.0), "film": (4.0, -1.0), "a good": (2.0, 1.0)}, intercept=0.5, slope=2, offset=-1)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A GOOD film!", "a good film !"),
        ("It isn't good, it's bad", "it isn't NOT_good , it's bad"),
        ("never ever the best film I saw twice", "never NOT_ever NOT_the NOT_best NOT_film i saw twice"),
        ("no no. good", "no no . good"),
        ("one<br /><br />two &amp; three&#39;s", "one two & three's"),
        ("don\u2019t <i>go</i>", "don't NOT_go"),
        ("3 < 4 and 5 > 2", "3 < 4 and 5 > 2"),
        ("caf\u00e9 \U0001f600", "caf \u00e9 \U0001f600"),
        ("<br /><p></p>", ""),
        ("", ""),
    ],
)
def test_the_words_of_a_text(text: str, found: str) -> None:
    assert tokens(text) == found.split()


def test_terms_are_words_pairs_and_triples_each_once_in_the_order_of_the_text() -> None:
    assert terms("so so good") == ["so", "good", "so so", "so good", "so so good"]
    assert terms("good") == ["good"]


def test_the_score_is_the_pull_of_the_terms_over_their_length_and_the_probability_is_calibrated() -> None:
    score = (6 - 1 + 1) / sqrt(9 + 16 + 4) + 0.5

    for text in ("A good, good film? A good", "a good film good"):
        assert MODEL.probability(text) == round(1 / (1 + exp(-(2 * score - 1))), 6)


def test_what_the_terms_add_and_where_they_begin_is_the_log_odds_of_the_review() -> None:
    text, added = (
        "a good, a good film",
        {"good": 2 * 6 / sqrt(29), "film": 2 * -1 / sqrt(29), "a good": 2 * 1 / sqrt(29)},
    )

    assert dict(MODEL.contributions(text)) == pytest.approx(added)
    assert MODEL.probability(text) == round(1 / (1 + exp(-(2 * 0.5 - 1 + sum(added.values())))), 6)
    assert MODEL.contributions("unheard of") == []


def test_what_is_known_of_a_text_is_counted_as_it_is_read() -> None:
    text = "Good, not good film?"  # `,`, `not`, `NOT_good`, `NOT_film` and `?` are unknown
    assert MODEL.read(text) == (MODEL.probability(text), 6, 5)
    assert MODEL.read("<br />") == (0.5, 0, 0)


@pytest.mark.parametrize("text", ["", "<br />", "\U0001f600", "unheard of"])
def test_of_a_text_without_a_known_term_the_score_is_the_intercept(text: str) -> None:
    """By which 2 * 0.5 - 1 is a tie: it is not above one half, and so not positive."""
    assert MODEL.probability(text) == 0.5


def test_the_longest_text_and_the_farthest_scores_are_scored() -> None:
    assert 0 <= MODEL.probability("good film " * 6_553) <= 1
    far = Model("v", {"good": (1.0, 1000.0)}, 0, 10, 0)
    assert (far.probability("good"), Model("v", {"good": (1.0, -1000.0)}, 0, 10, 0).probability("good")) == (1, 0)


@pytest.mark.parametrize(
    ("card", "says"),
    [
        (CARD | {"terms": 1, "format": 9}, "Model v has format 9"),
        (CARD | {"terms": 1, "token_rules": "2"}, "token rules 2; this version scores by 1 and 1"),
        (CARD | {"terms": 2}, "Model v has 1 terms; its card says 2"),
        (CARD | {"intercept": "much"}, "cannot be read"),
        (CARD | {"terms": 1, "slope": float("nan")}, "no finite number"),
        ([], "cannot be read"),
    ],
)
def test_a_model_that_is_none_of_ours_is_refused_in_a_sentence(card: object, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        model_of(card, [("good", 1.0, 1.0)])


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), None, "1"])
def test_a_weight_that_is_no_finite_number_is_refused(weight: Any) -> None:
    """NaN was once above a half to Spark: every review of the day was positive, and no check failed."""
    with pytest.raises(ModelError, match="cannot be read"):
        model_of(CARD | {"terms": 1}, [("good", 1.0, weight)])


def test_a_card_and_its_rows_are_a_model() -> None:
    assert model_of(CARD | {"terms": 1}, [("good", 3.0, 6.0)]) == Model("v", {"good": (3.0, 6.0)}, 0.5, 2, -1)
