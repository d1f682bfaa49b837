"""The quantity rule is data with dates: a later row changes only the days it covers, without the source."""

from datetime import date
from decimal import Decimal

from user_behaviour.rules import QUANTITY_RULES, QuantityRule, QuantityRules
from user_behaviour_tests.graph.installation import Installation, checks, failure_messages

STAGING_AND_LATER = ["staged_purchases", "spectrum/user_purchase_staging", "public/user_behavior_metric"]


def test_a_later_rule_changes_only_the_days_it_covers(installation: Installation) -> None:
    for day in ("2011-06-01", "2011-06-02"):
        installation.sell([(f"{day} 09:00:00", 4, "1.000", "A", 15000), (f"{day} 09:00:00", 6, "1.000", "B", 15000)])
        installation.deliver(f"movie_review_{day}.csv", "cid,review_str\n15000,good\n")
    assert installation.run("2011-06-01", "2011-06-02").success
    later = QuantityRules(rules=[*QUANTITY_RULES.rules, QuantityRule(valid_from="2011-06-02", more_than=5)])
    result = installation.run("2011-06-01", "2011-06-02", select=STAGING_AND_LATER, rules=later)
    assert result.success, failure_messages(result)
    assert installation.metric("2011-06-01", "2011-06-02") == [
        (date(2011, 6, 1), 15000, Decimal("10.00000"), 1, 1),
        (date(2011, 6, 2), 15000, Decimal("6.00000"), 1, 1),
    ]
    left_out = checks(result)["staged_purchases:staged_equal_landed_less_left_out_by_the_rule"].metadata
    assert left_out["left_out_by_rule"].value == {"quantity > 2 from 2010-12-01": 0, "quantity > 5 from 2011-06-02": 1}


def test_staging_by_a_rule_that_is_no_longer_in_force_fails_its_check(installation: Installation) -> None:
    installation.sell([("2011-06-03 09:00:00", 4, "1.000", "A", 15000)])
    assert installation.run("2011-06-03", "2011-06-03").success
    later = QuantityRules(rules=[QuantityRule(valid_from="2010-12-01", more_than=5)])
    result = installation.run("2011-06-03", "2011-06-03", select=["public/user_behavior_metric"], rules=later)
    assert result.success
    result = installation.check("2011-06-03", "staged_purchases", rules=later)
    claim = checks(result)["staged_purchases:staged_equal_landed_less_left_out_by_the_rule"]
    assert not claim.passed
    assert "in force is “quantity > 5 from 2010-12-01”; rerun" in claim.description
