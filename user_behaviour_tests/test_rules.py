"""The business rules: which is in force on a day, what a file of them may say, and who put them there."""

import json
from datetime import date
from pathlib import Path

import pytest

from user_behaviour.lake.held_back import HeldBackError
from user_behaviour.lake.local import LocalLake
from user_behaviour.rules import BUILT_IN, FILE, NoRuleError, QuantityRule, RuleFile, Rules, RulesError
from user_behaviour_tests.command_line import Home

FIRST, SECOND = QuantityRule(date(2010, 12, 1), 2), QuantityRule(date(2019, 7, 1), 5)
OF_SOMEBODY = QuantityRule(date(2019, 7, 1), 5, who="anna", when="2026-11-28T04:00:00Z", why="small lines", plan="a1")


def test_more_than_two_pieces_count_from_the_first_day_on() -> None:
    assert BUILT_IN.in_force(date(2010, 12, 1)).more_than == 2
    assert BUILT_IN.in_force(date(2011, 12, 9)).more_than == 2


@pytest.mark.parametrize("rules", [(FIRST, SECOND), (SECOND, FIRST)], ids=["in order", "in any order"])
def test_a_later_rule_is_in_force_from_its_day_on(rules: tuple[QuantityRule, ...]) -> None:
    dated = Rules.of(rules)

    assert dated.in_force(date(2019, 6, 30)) == FIRST
    assert dated.in_force(date(2019, 7, 1)) == SECOND
    assert dated.in_force(date(2030, 1, 1)) == SECOND


def test_a_day_before_every_rule_is_held_back_with_a_sentence() -> None:
    with pytest.raises(NoRuleError, match="No quantity rule is in force on 2010-11-30; add one: ") as caught:
        BUILT_IN.in_force(date(2010, 11, 30))
    assert isinstance(caught.value, HeldBackError)


def test_a_rule_says_its_name_and_who_recorded_it() -> None:
    rules = BUILT_IN.with_rule(OF_SOMEBODY)

    assert SECOND.name == "quantity > 5 from 2019-07-01"
    assert rules.recorded(SECOND.name) == "2026-11-28T04:00:00Z  anna: small lines (plan a1)"
    assert rules.recorded(FIRST.name) == rules.recorded("quantity > 9 from 2019-07-01") == ""


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "f.json holds no quantity rules: Invalid JSON: EOF while parsing an object at line 1 column 1."),
        ('[{"valid_from": "2010-12-01"}]', "f.json holds no quantity rules: rule 1 more_than: Field required."),
        (
            '[{"valid_from": "2010-12-01", "more_than": 2, "until": "2011-01-01"}]',
            "f.json holds no quantity rules: rule 1 until: Unexpected keyword argument.",
        ),
        (
            '[{"valid_from": "2010-12-01", "more_than": "2"}]',
            "f.json holds no quantity rules: rule 1 more_than: Input should be a valid integer.",
        ),
        (
            json.dumps([{"valid_from": "2011-07-01", "more_than": number} for number in (2, 5)]),
            "Two quantity rules begin on 2011-07-01; leave one of them.",
        ),
    ],
    ids=["not JSON", "a field is missing", "an unknown field", "another type", "two of one day"],
)
def test_rules_that_cannot_be_are_refused_in_a_sentence(content: str, says: str) -> None:
    with pytest.raises(RulesError) as caught:
        Rules.parsed(content, "f.json")
    assert str(caught.value) == says


def test_a_lake_without_rules_has_those_that_are_built_in_and_keeps_what_replaces_them(tmp_path: Path) -> None:
    lake = LocalLake(root=str(tmp_path))
    file, rules = RuleFile(lake), BUILT_IN.with_rule(OF_SOMEBODY)
    assert file.read() == BUILT_IN

    file.replace(BUILT_IN, rules)

    assert RuleFile(lake).read() == rules
    with pytest.raises(RulesError, match="Somebody has changed the quantity rules meanwhile; plan again"):
        file.replace(BUILT_IN, rules.with_rule(FIRST))
    assert file.read() == rules


def test_the_command_lists_the_rules_and_gives_them_as_a_file(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert home.call("rules").stdout == "quantity > 2 from 2010-12-01  built in\n"

    RuleFile(LocalLake(root=str(tmp_path / "lake"))).replace(BUILT_IN, BUILT_IN.with_rule(OF_SOMEBODY))

    assert home.call("rules").stdout.splitlines()[1] == (
        "quantity > 5 from 2019-07-01  2026-11-28T04:00:00Z  anna: small lines (plan a1)"
    )
    assert Rules.parsed(home.call("rules", "--json").stdout, "-") == BUILT_IN.with_rule(OF_SOMEBODY)
    (tmp_path / "lake" / FILE).write_text("{}")
    broken = home.call("rules")
    assert (broken.returncode, broken.stderr) == (
        1,
        f"Error: file://{tmp_path}/lake/{FILE} holds no quantity rules: Input should be a valid array.\n",
    )
