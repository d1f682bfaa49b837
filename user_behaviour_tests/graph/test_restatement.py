"""What is recorded when a published figure changes: what it was, what it is, why; and the metric as it was before."""

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import dagster as dg
import pytest
from rich.console import Console

from user_behaviour.commands.outcome import print_outcome
from user_behaviour.commands.progress import RunProgress
from user_behaviour.commands.run_report import RunReport
from user_behaviour.rules import BUILT_IN, QuantityRule, RuleFile
from user_behaviour.tables.days import DayRange
from user_behaviour_tests.command_line import Home
from user_behaviour_tests.graph.installation import TO_THE_METRIC, Installation, failure_messages, new_installation

pytestmark = pytest.mark.takes(50)

FIGURES = """select customers_before, customers_after, amount_spent_before, amount_spent_after,
    review_count_before, review_count_after, review_score_before, review_score_after, rows_changed, cause
from audit.restatement where insert_date = %(day)s order by moment"""
ARCHIVED = """select customerid, amount_spent, review_score, review_count from audit.superseded_metric
where insert_date = %(day)s order by superseded_at, customerid"""


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    """One for all of these tests; each has days of its own."""
    with new_installation() as installation:
        yield installation


def restated(installation: Installation, day: str) -> list[tuple[Any, ...]]:
    return rows(installation, FIGURES, day)


def rows(installation: Installation, sql: str, day: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in installation.here.warehouse.rows(sql, {"day": day})]


def metadata_of_metric(result: Any) -> dict[str, Any]:
    """Of the last day that the run materialized."""
    events = [e for e in result.get_asset_materialization_events() if e.asset_key.path[-1] == "user_behavior_metric"]
    return {name: value.value for name, value in events[-1].materialization.metadata.items()}


def outcome(installation: Installation, run_id: str, day: str) -> str:
    """What `run` prints of a run at its end."""
    console = Console(file=io.StringIO(), width=200)
    days = DayRange(date.fromisoformat(day), date.fromisoformat(day))
    report = RunReport(run_id, TO_THE_METRIC, days, RunProgress(console))
    for entry in installation.instance.all_logs(run_id):
        report(entry)
    print_outcome(console, [report], 1.0)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def run(installation: Installation, day: str) -> dg.ExecuteInProcessResult:
    result = installation.run(day, day)
    assert result.success, failure_messages(result)
    return result


def published(installation: Installation, day: str) -> None:
    """A day of two customers, who spent 10 and 3 and wrote a good review each, is published."""
    installation.sell([(f"{day} 12:00:00", 5, "2.000", "A", 14000), (f"{day} 12:30:00", 3, "1.000", "A", 14001)])
    installation.deliver(f"movie_review_{day}.csv", "cid,review_str\n14000,good\n14001,good\n")
    assert "restated" not in metadata_of_metric(run(installation, day))


def test_a_late_line_is_recorded_with_the_figures_before_and_after(installation: Installation) -> None:
    day = "2011-01-03"
    published(installation, day)
    moment = datetime.now(UTC).isoformat()
    installation.sell([(f"{day} 23:00:00", 4, "0.500", "B", 14000)])

    result = run(installation, day)

    assert restated(installation, day) == [
        (2, 2, Decimal("13.00000"), Decimal("15.00000"), 2, 2, 2, 2, 1, "late rows of the shop, 1 line more")
    ]
    before = [(14000, Decimal("10.00000"), 1, 1), (14001, Decimal("3.00000"), 1, 1)]
    assert rows(installation, ARCHIVED, day) == before
    shown = metadata_of_metric(result)
    assert shown["restated"] == "amount spent 13.00 → 15.00: late rows of the shop, 1 line more"
    assert (shown["amount_spent_before"], shown["amount_spent"]) == (13.0, 15.0)
    said = "\nRestated: 1 day, amount 13.00 → 15.00\n      1 day  late rows of the shop, 1 line more\n"
    assert said in outcome(installation, result.run_id, day)
    asked = ("--csv", "select sum(amount_spent) as spent from public.user_behavior_metric")
    home = Home(installation.home)
    assert home.call("query", *asked).stdout == "spent\n15.00000\n"
    back = home.call("query", "--as-of", moment, *asked)
    assert (back.stdout, back.stderr) == ("spent\n13.00000\n", "")
    other = home.call("query", "--as-of", moment, "select count(*) from marts.dim_date")
    assert other.stderr.startswith("As it is now: --as-of goes back in user_behavior_metric alone")
    refused = home.call("query", "--as-of", day, *asked)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"How the metric was published at {day} 00:00:00 is not known" in refused.stderr


def test_a_rerun_that_changes_no_figure_records_nothing(installation: Installation) -> None:
    day = "2011-01-04"
    published(installation, day)
    assert "restated" not in metadata_of_metric(run(installation, day))
    assert (restated(installation, day), rows(installation, ARCHIVED, day)) == ([], [])


def test_the_files_of_the_vendor_that_changed_are_named(installation: Installation) -> None:
    day = "2011-01-05"
    published(installation, day)
    installation.deliver(f"movie_review_{day}.csv", "cid,review_str\n14000,good\n14001,bad\n")
    run(installation, day)
    installation.deliver(f"movie_review_{day}_late.csv", "cid,review_str\n14001,good\n")
    assert "\nRestated: 1 day, amount as before\n" in outcome(installation, run(installation, day).run_id, day)
    money = (Decimal("13.00000"), Decimal("13.00000"))
    assert restated(installation, day) == [
        (2, 2, *money, 2, 2, 2, 1, 1, f"re-delivery: movie_review_{day}.csv"),
        (2, 2, *money, 2, 3, 1, 2, 1, f"late file of the vendor: movie_review_{day}_late.csv"),
    ]


def test_a_new_rule_is_named_and_what_was_landed_anew_alike_is_not(installation: Installation) -> None:
    day = "2011-01-06"
    published(installation, day)
    file = RuleFile(installation.here.lake)
    recorded = {"who": "ann", "when": "2011-02-01T09:00:00Z", "why": "pairs are for resale", "plan": "p1"}
    file.replace(BUILT_IN, later := BUILT_IN.with_rule(QuantityRule(date.fromisoformat(day), 3, **recorded)))
    run(installation, day)
    assert [row[-1] for row in restated(installation, day)] == [
        f"rule `quantity > 2 from 2010-12-01` → `quantity > 3 from {day}` "
        "(2011-02-01T09:00:00Z ann: pairs are for resale (plan p1))"
    ]
    file.replace(later, BUILT_IN)
    assert restated(installation, day)[0][:4] == (2, 1, Decimal("13.00000"), Decimal("10.00000"))
    installation.sell([(f"{day} 23:00:00", 4, "0.500", "B", 14000)])
    run(installation, day)
    assert restated(installation, day)[1][-1] == (
        f"rule `quantity > 3 from {day}` → `quantity > 2 from 2010-12-01`; late rows of the shop, 1 line more"
    )
