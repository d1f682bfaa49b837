"""The business rules: which is in force on a day."""

from datetime import date

import pytest

from user_behaviour.lake.held_back import HeldBackError
from user_behaviour.rules import QUANTITY_RULES, NoRuleError, QuantityRule, QuantityRules

FIRST, SECOND = QuantityRule(valid_from="2010-12-01", more_than=2), QuantityRule(valid_from="2019-07-01", more_than=5)


def test_more_than_two_pieces_count_from_the_first_day_on() -> None:
    assert QUANTITY_RULES.in_force(date(2010, 12, 1)).more_than == 2
    assert QUANTITY_RULES.in_force(date(2011, 12, 9)).more_than == 2


@pytest.mark.parametrize("rules", [(FIRST, SECOND), (SECOND, FIRST)], ids=["in order", "in any order"])
def test_a_later_rule_is_in_force_from_its_day_on(rules: tuple[QuantityRule, ...]) -> None:
    dated = QuantityRules(rules=list(rules))

    assert dated.in_force(date(2019, 6, 30)) == FIRST
    assert dated.in_force(date(2019, 7, 1)) == SECOND
    assert dated.in_force(date(2030, 1, 1)) == SECOND


def test_a_day_before_every_rule_is_held_back_with_a_sentence() -> None:
    with pytest.raises(NoRuleError, match="No quantity rule is in force on 2010-11-30; add one to") as caught:
        QUANTITY_RULES.in_force(date(2010, 11, 30))
    assert isinstance(caught.value, HeldBackError)


def test_a_rule_says_its_name() -> None:
    assert SECOND.name == "quantity > 5 from 2019-07-01"
