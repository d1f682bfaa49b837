"""Plans on days by hand: that nothing is touched by planning, and that what is said is what there is after `apply`."""

import csv
import hashlib
import json
import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from user_behaviour.classifier.labels import Labels
from user_behaviour.classifier.models import Models
from user_behaviour.classifier.review_scoring import Model
from user_behaviour.lake.local import LocalLake
from user_behaviour.local.stack import Stack
from user_behaviour.plans.change import Change, RulesChange, VersionChange
from user_behaviour.plans.plan import Plan, PlanError, Plans, Rerun
from user_behaviour.rules import BUILT_IN, FILE, QuantityRule, RuleFile, Rules
from user_behaviour_tests.classifier.test_training import world
from user_behaviour_tests.command_line import Home, errors, temporary_installation
from user_behaviour_tests.graph.installation import Line, sell

pytestmark = pytest.mark.takes(70)

FIRST, LAST, LATE = date(2011, 6, 30), date(2011, 7, 3), date(2011, 7, 4)
OF_JULY = ("--quantity-rule", "2011-07-01:5")
RANGE = ("--from", f"{FIRST}", "--to", f"{LAST}")
LINES: list[Line] = [
    ("2011-06-30 09:00:00", 3, "2.000", "A", 1),  # before the rule
    ("2011-07-01 09:00:00", 6, "2.125", "A", 1),
    ("2011-07-01 09:30:00", 5, "1.999", "B", 1),  # goes
    ("2011-07-01 10:00:00", 4, "1.000", "A", 2),  # goes, and with it the row
    ("2011-07-01 11:00:00", 9, "5.000", "A", None),
    ("2011-07-01 11:30:00", -7, "5.000", "A", 3),  # a return
    ("2011-07-02 09:00:00", 100, "0.001", "A", 3),  # stays as it is
    ("2011-07-03 09:00:00", 5, "99999.999", "A", 3),  # goes, with the whole day
    (f"{LATE} 09:00:00", 5, "1.000", "A", 1),  # without a review yet
]
REVIEWS = {
    "2011-06-30": "1,good\n",
    "2011-07-01": "1,good\n01,dull\n2,great\n3,lovely\n",
    "2011-07-02": "3,a great \x1b[31m film\n3,good but dull\n",
    "2011-07-03": "3,good\n4,good\n",
}
FIGURES = ("customers", "rows", "amount", "reviews", "positive")
ROWS = "select insert_date, customerid, amount_spent, review_count, review_score from public.user_behavior_metric"
BY_MONTH = """
with metric as (
    select to_char(insert_date, 'YYYY-MM') as month, * from public.user_behavior_metric
    union all
    select 'all' as month, * from public.user_behavior_metric
)
select month, count(distinct customerid), count(*) as rows, sum(amount_spent), sum(review_count) as reviews,
    sum(review_score) as score
from metric where insert_date >= '{first}' group by 1 order by 1
"""
# What scores the labels of the test world rightly, and the reviews by one word.
PULLS = {"great": 8, "lovely": 8, "moving": 8, "dull": -8, "awful": -8, "NOT_great": -8, "NOT_moving": -8}
MODEL = Model("", {term: (1.0, float(pull)) for term, pull in PULLS.items()}, intercept=0, slope=1, offset=0)


@dataclass(frozen=True)
class Shop:
    """An installation whose days are published by the rule that is built in."""

    home: Home

    def call(self, *calls: Sequence[str]) -> list[CompletedProcess[str]]:
        """Calls commands in one process; all but those that apply a plan must succeed."""
        done = self.home.processes(*calls)
        assert [one.stdout + one.stderr for one in done if one.returncode and one.args[0] != "apply"] == []
        return done

    def kept(self, done: CompletedProcess[str]) -> dict[str, Any]:
        """The plan that a call made."""
        (plan_id,) = re.findall(r"user-behaviour apply ([0-9a-f]{8}) --why", done.stdout)
        found: dict[str, Any] = json.loads((self.lake / "plans" / f"{plan_id}.json").read_text())
        return found

    def by_month(self, first: date = FIRST) -> list[tuple[Any, ...]]:
        """The `FIGURES` of the metric from a day on, by month and of all."""
        return self.home.rows(BY_MONTH.format(first=first))

    @property
    def lake(self) -> Path:
        return self.home.path / "lake"

    @property
    def rules(self) -> RuleFile:
        return RuleFile(self.home.deployment().lake)

    def all_there_is(self) -> dict[str, Any]:
        """The digest of each file of the lake but the plans, the rows of all tables, and what Dagster knows."""
        files = [path for path in self.lake.rglob("*") if path.is_file() and "plans" not in path.parts]
        tables = self.home.rows(
            "select schemaname || '.' || tablename from pg_tables "
            "where schemaname not in ('pg_catalog', 'information_schema')"
        )
        rows = {table: sorted(map(repr, self.home.rows(f"select * from {table}"))) for (table,) in tables}
        assert rows["public.user_behavior_metric"]
        return {**{str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}, **rows}


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with temporary_installation() as home:
        sell(Stack(home.path), LINES)
        for day, reviews in REVIEWS.items():
            (home.path / "vendor" / f"movie_review_{day}.csv").write_text(f"cid,review_str\n{reviews}")
        late = ("run", "--day", f"{LATE}", "--select", "raw_purchases,staged_purchases")
        Shop(home).call(("run", *RANGE), late)
        yield Shop(home)


def figures(plan: dict[str, Any], of: str) -> list[tuple[Any, ...]]:
    """The `FIGURES` that a plan says of each month and of all, before or after."""
    months = [(one["month"], *(one[f"{name}_{of}"] for name in FIGURES)) for one in plan["months"]]
    return [(month, int(c), int(r), Decimal(a), int(n), int(s)) for month, c, r, a, n, s in months]


def apply(plan: dict[str, Any], why: str) -> tuple[str, ...]:
    return ("apply", plan["id"], "--why", why, "--by", "anna")


def test_planning_touches_nothing_and_says_what_is_there_after_apply(shop: Shop) -> None:
    """While another run holds the writers' lock: to plan waits for nobody."""
    before, metric = shop.all_there_is(), shop.by_month(date(2011, 7, 1))
    with closing(shop.home.deployment().warehouse.connect()) as held, held.cursor() as cursor:
        cursor.execute("lock table audit.writer_lock")
        plan = shop.kept(*shop.call(("plan", *OF_JULY)))

    assert shop.all_there_is() == before
    assert [*plan["batches"]] == ["2011-07-01", "2011-07-02", "2011-07-03"]
    assert (plan["unmade"], plan["months"][-1]["days"], plan["months"][-1]["rows_changed"]) == ([f"{LATE}"], 3, 3)
    assert figures(plan, "before") == metric
    changes = [
        ("2011-07-03", 3, "499999.99500", "0", 1, 0, 1, 0),
        ("2011-07-01", 1, "22.74500", "12.75000", 2, 2, 1, 1),
        ("2011-07-01", 2, "4.00000", "0", 1, 0, 0, 0),
    ]
    assert [(*row.values(),) for row in plan["largest"]] == changes
    page = (shop.lake / "plans" / f"{plan['id']}.html").read_text()
    assert "500,026.84" in page
    assert f"apply {plan['id']}" in page

    done, again, nothing = shop.call(apply(plan, "small lines"), apply(plan, "again"), ("plan", *OF_JULY))

    assert done.returncode == 0, done.stdout + done.stderr
    assert shop.by_month(date(2011, 7, 1)) == figures(plan, "after")
    rule = shop.rules.read().rules[1]
    assert (rule.name, rule.who, rule.why, rule.plan) == (
        "quantity > 5 from 2011-07-01",
        "anna",
        "small lines",
        plan["id"],
    )
    assert f"(plan {plan['id']})" in shop.home.call("rules").stdout
    restated = shop.home.rows("select insert_date, cause from audit.restatement order by 1")
    assert [day for day, _ in restated] == [date(2011, 7, 1), LAST]
    assert all(f"anna: small lines (plan {plan['id']})" in str(cause) for _, cause in restated)
    late = json.loads((shop.lake / "staged_purchases" / f"insert_date={LATE}" / "_current.json").read_text())
    assert (late["facts"]["rule"], late["rows"]) == (rule.name, 0)
    assert errors(again) == [
        f"Error: Plan {plan['id']} was applied already, {rule.when} by anna: small lines; plan again: "
        "`user-behaviour plan`."
    ]
    assert nothing.stdout == "Nothing would change: that is in force, and no day was made by another.\n"


def test_a_rule_that_begins_after_the_last_day_is_planned_and_applied_without_a_run(shop: Shop) -> None:
    """No day would change, and no plan was kept: the rule could not be put into force before its first day was made."""
    there, rules = shop.all_there_is(), shop.rules.read()
    (made,) = shop.call(("plan", "--quantity-rule", "2030-07-01:5"))
    assert "0 days: 0 rows of the metric would change, come or go.\nTo make the days again" in made.stdout
    plan = shop.kept(made)
    assert (plan["batches"], plan["unmade"], plan["months"], plan["rerun"]["seconds"]) == ({}, [], [], 0)

    (done,) = shop.call(apply(plan, "small lines"))

    assert done.returncode == 0, done.stdout + done.stderr
    assert [rule.plan for rule in shop.rules.read().rules][-1] == plan["id"]
    here = shop.all_there_is()
    assert {name for name in {**there, **here} if there.get(name) != here.get(name)} == {str(shop.lake / FILE)}
    (shop.lake / FILE).write_bytes(rules.to_json())


def test_a_plan_that_was_killed_when_its_rules_were_in_force_is_finished_by_another_call(shop: Shop) -> None:
    """Of rules as a file, that let returns in: an amount below zero, and a row where there was none."""
    file = shop.home.path / "rules.json"
    known = json.loads(shop.home.call("rules", "--json").stdout)
    file.write_text(json.dumps([{"valid_from": "2010-12-01", "more_than": -100}, *known[1:]]))
    of_june = ("plan", "--rules", str(file), "--to", f"{FIRST}")
    plan, returns = map(shop.kept, shop.call(of_june, ("plan", "--quantity-rule", "2011-07-01:-100")))
    assert [*plan["batches"]] == [f"{FIRST}"]
    code, said = shop.home.signalled(
        "apply", returns["id"], "--why", "returns count", after="In force", number=signal.SIGKILL
    )
    assert (code, shop.rules.read().rules[1].more_than) == (-signal.SIGKILL, -100), said

    refused, finished = shop.call(apply(plan, "?"), apply(returns, "again"))

    assert errors(refused) == [
        f"Error: The rules changed since plan {plan['id']} was made; plan again: `user-behaviour plan`."
    ]
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert shop.by_month(date(2011, 7, 1)) == figures(returns, "after")
    assert ("2011-07", 3, 5, Decimal("499991.84000"), 7, 3) in figures(returns, "after")
    assert shop.rules.read().rules[1].why == "returns count"


def test_a_plan_is_refused_where_its_data_changed_and_not_where_those_of_another_day_did(shop: Shop) -> None:
    rule = ("plan", "--quantity-rule", "2011-07-02:2")
    landed = ("run", "--day", f"{LAST}", "--select", "raw_purchases")
    planned, of_a_range, _ = shop.call(rule, (*rule, "--to", "2011-07-02"), landed)
    plan, ranged = shop.kept(planned), shop.kept(of_a_range)

    refused, done = shop.call(apply(plan, "?"), apply(ranged, "?"))

    assert errors(refused) == [
        f"Error: The data of {LAST} changed since plan {plan['id']} was made; plan again: `user-behaviour plan`."
    ]
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-2:] == [
        "Not of this plan, and to be made again: 2011-07-03 to 2011-07-04:",
        "  user-behaviour run --from 2011-07-03 --to 2011-07-04 --select key:staged_purchases+",
    ]
    assert figures(ranged, "after")[0] == ("2011-07", 1, 1, Decimal("0.10000"), 2, 1)
    behind = shop.kept(*shop.call(rule))
    assert ([*behind["batches"]], behind["change"]["wanted"]) == ([f"{LAST}"], behind["change"]["before"])


def test_a_version_is_planned_and_applied_by_the_gate(shop: Shop, tmp_path: Path) -> None:
    lake = shop.home.deployment().lake
    texts, truth = world(600, seed=5)
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("review_str", "positive_review"), *zip(texts, truth, strict=True)])
    Labels(lake).land([tmp_path / "labels.csv"])
    models = Models(lake)
    facts = {"evaluation": {"accuracy": 1, "n": 9, "baseline_accuracy": 0}, "labels": {"version": "by hand"}}
    worse = models.add(Model("", {"dull": (1.0, 1.0)}, intercept=0, slope=1, offset=0), facts)
    version = models.add(MODEL, facts)
    before, rows = shop.all_there_is(), shop.home.rows(ROWS)

    (said,) = shop.call(("shadow", version))

    plan = shop.kept(said)
    assert shop.all_there_is() == before
    assert [(*row.values(),) for row in plan["reviews"]] == [
        ("2011-07-02", "3", "positive", "0.000335", "good but dull"),
        ("2011-07-01", "2", "not positive", "0.999665", "great"),
        ("2011-07-01", "3", "not positive", "0.999665", "lovely"),
        ("2011-07-02", "3", "not positive", "0.999665", r"a great \x1b[31m film"),
        *(("2011-06-30", "1", "positive", "0.500000", "good"), ("2011-07-01", "1", "positive", "0.500000", "good")),
        *(("2011-07-03", f"{customer}", "positive", "0.500000", "good") for customer in (3, 4)),
    ]
    assert r"a great \x1b[31m film" in said.stdout
    bad = {**plan, "id": "bad", "change": {**plan["change"], "wanted": worse}}  # its figures are not asked for
    (shop.lake / "plans" / "bad.json").write_text(json.dumps(bad))
    assert figures(plan, "before") == shop.by_month()
    stays, done = shop.call(apply(bad, "?"), apply(plan, "it is right"))
    assert (stays.returncode, errors(stays)) == (1, [f"Error: {worse} stays out of force."])
    assert done.returncode == 0, done.stdout + done.stderr
    assert shop.by_month() == figures(plan, "after")
    assert len({*rows} - {*shop.home.rows(ROWS)}) == plan["months"][-1]["rows_changed"] > 1
    (decision,) = models.decisions()
    assert (decision.version, decision.who, decision.why, decision.plan) == (version, "anna", "it is right", plan["id"])
    assert f"(plan {plan['id']})" in shop.home.call("models").stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("plan",), "Give one of --quantity-rule, --rules and --classifier."),
        (("plan", "--quantity-rule", "July:5"), "'July:5' is no rule; write it as 2011-07-01:5, "),
        (("plan", "--quantity-rule", "2011-07-01:3000000000"), "'2011-07-01:3000000000' is no rule; write it as "),
        (("plan", "--classifier", "f00"), "There is no version 'f00' of the classifier; "),
        (("apply", "../rules", "--why", "?"), "There is no plan '../rules'; make one by `user-behaviour plan`."),
    ],
)
def test_what_cannot_be_planned_or_applied_is_refused_in_a_sentence(
    arguments: Sequence[str], says: str, tmp_path: Path
) -> None:
    done = Home(tmp_path).call(*arguments)
    assert done.returncode != 0
    assert says in errors(done)[-1]


def test_one_of_two_who_apply_a_plan_at_once_is_refused(tmp_path: Path) -> None:
    """The later one overwrote who had put the rules into force, and the plan could not be finished any more."""
    lake = LocalLake(root=str(tmp_path))
    change = VersionChange(wanted="new", before="old")
    made = Plan("1a2b", "us", "now", change, {}, (), (), (), Rerun(None, "not", 0, 0, 0))
    Plans(lake).keep(made)
    first, second = Plans(lake), Plans(lake)
    plans = [first.get("1a2b"), second.get("1a2b")]
    first.keep(first.keep(plans[0], recorded="by the first"), is_applied=True)
    with pytest.raises(PlanError, match="Somebody else applies plan 1a2b just now"):
        second.keep(plans[1], recorded="by the second")
    assert Plans(lake).get("1a2b").recorded == "by the first"


RULE = '{"valid_from": "2011-07-01", "more_than": 5, "who": "anna", "when": "now", "why": "?", "plan": "1a2b"}'
BEFORE = '{"valid_from": "2010-12-01", "more_than": 2, "who": "", "when": "", "why": "", "plan": ""}'
OF_ANNA = QuantityRule(date(2011, 7, 1), 5, "anna", "now", "?", "1a2b")


@pytest.mark.parametrize(
    ("kept", "change", "says"),
    [
        (
            f'{{"wanted": [{RULE}], "before": [{BEFORE}]}}',
            RulesChange((OF_ANNA,), BUILT_IN.rules),
            "Rules: quantity > 5 from 2011-07-01 (so far: quantity > 2 from 2010-12-01)",
        ),
        (
            '{"wanted": "0123456789ab", "before": ""}',
            VersionChange("0123456789ab", ""),
            "Classifier: 0123456789ab, instead of the baseline",
        ),
    ],
    ids=["rules", "version"],
)
def test_a_plan_that_an_earlier_release_kept_is_read(kept: str, change: Change, says: str, tmp_path: Path) -> None:
    (file := tmp_path / "plans" / "1a2b.json").parent.mkdir()
    file.write_text(
        f"""{{"id": "1a2b", "who": "anna", "when": "now", "change": {kept}, "batches": {{"2011-07-01": ["a", "b"]}},
        "unmade": ["2011-07-02"], "months": [], "largest": [], "rerun": {{"seconds": null, "known": "not",
        "vcpu_hours": 0.5, "rpu_hours": 0.25, "usd": 0.1}}, "reviews": [], "recorded": "", "is_applied": false}}"""
    )
    plans, batches, unmade = Plans(LocalLake(root=str(tmp_path))), {date(2011, 7, 1): ("a", "b")}, (date(2011, 7, 2),)
    found = plans.get("1a2b")
    assert found == Plan("1a2b", "anna", "now", change, batches, unmade, (), (), Rerun(None, "not", 0.5, 0.25, 0.1))
    assert str(found.change) == says
    written = json.loads(file.read_text())
    plans.keep(found)
    assert json.loads(file.read_text()) == written


def test_rules_that_leave_the_first_day_without_one_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    file.write_bytes(Rules.of([QuantityRule(date(2010, 12, 2), 2)]).to_json())
    done = Home(tmp_path).call("plan", "--rules", str(file))
    assert errors(done) == [
        "Error: No quantity rule is in force on 2010-12-01; add one: `user-behaviour plan --quantity-rule`."
    ]
    assert RuleFile(Home(tmp_path).deployment().lake).read() == BUILT_IN
