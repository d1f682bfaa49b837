"""Every claim on a real installation: it passes on healthy days, and fails when one thing is really broken.

All tests share one installation of healthy days, which takes long to make; each breaks days of its own.
"""

from collections.abc import Iterator
from datetime import date, timedelta

import dagster as dg
import pytest

from user_behaviour.rules import BUILT_IN, RuleFile
from user_behaviour.tables.schemas import CLASSIFIED_REVIEWS, RAW_PURCHASES, RAW_REVIEWS, USER_PURCHASE_STAGING
from user_behaviour_tests.checks import (
    every_asset_cases,
    landing_cases,
    mart_cases,
    spectrum_cases,
    staging_cases,
    warehouse_cases,
)
from user_behaviour_tests.checks.case import Case, prove
from user_behaviour_tests.checks.landing_cases import (
    FILES,
    original_lost,
    sold_nothing,
)
from user_behaviour_tests.checks.sabotage import (
    delivered,
    file_rewritten,
    in_warehouse,
    manifest_of,
    pointer_lost,
    seen_in_the_future,
    with_column,
)
from user_behaviour_tests.checks.shop import CLAIMS, DAYS, HEALTHY, REVIEWS, STRICTER, Shop, purchases
from user_behaviour_tests.checks.spectrum_cases import ONE_ROW
from user_behaviour_tests.checks.staging_cases import RULE
from user_behaviour_tests.command_line import Home
from user_behaviour_tests.graph.installation import checks, failure_messages, materialized, new_installation
from user_behaviour_tests.lake.blank_pages import blank_pages

pytestmark = pytest.mark.takes(100)

PUBLISHED = "every_day_is_published"
CASES = [
    *landing_cases.CASES,
    *staging_cases.CASES,
    *spectrum_cases.CASES,
    *warehouse_cases.CASES,
    *mart_cases.CASES,
    *every_asset_cases.CASES,
]


def _looked_at(result: dg.ExecuteInProcessResult) -> dict[str, int]:
    """The days that each check that passed looked at."""
    passed = {name: said for name, said in checks(result).items() if said.passed and name in CLAIMS}
    return {name: said.metadata["days_looked_at"].value for name, said in passed.items()}


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with new_installation() as installation:
        yield Shop(installation)


@pytest.fixture
def days(shop: Shop) -> Iterator[list[date]]:
    """Days to break; afterwards they are as they were."""
    yield DAYS
    shop.restore()


@pytest.mark.usefixtures("days")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_passes_on_healthy_days_and_fails_on_a_broken_one(case: Case, shop: Shop) -> None:
    prove(case, shop)


def test_every_claim_has_a_case_that_passes_and_fails() -> None:
    assert {case.claim for case in CASES} == CLAIMS.keys()
    assert len({str(case) for case in CASES}) == len(CASES)


def test_a_run_with_the_right_clock_is_the_way_out_of_a_future_batch(shop: Shop, days: list[date]) -> None:
    """What was made of the batch is of that moment too, and hid what was made of later ones."""
    for table in (RAW_REVIEWS, CLASSIFIED_REVIEWS):
        seen_in_the_future(table)(shop, days[1])
    shop.installation.deliver(f"movie_review_{days[1]}.csv", REVIEWS + "14001,fine\n")
    result = shop.installation.run(str(days[1]), str(days[1]), select=["raw_reviews", "classified_reviews"])
    assert result.success, failure_messages(result)
    assert checks(result)["raw_reviews:no_batch_is_of_the_future"].passed
    assert [manifest_of(shop, table, days[1]).rows for table in (RAW_REVIEWS, CLASSIFIED_REVIEWS)] == [13, 13]


def test_a_future_batch_is_found_by_the_run_of_another_day(shop: Shop, days: list[date]) -> None:
    """While the clock is ahead nothing is seen of it, and no later run needs to come to its day."""
    seen_in_the_future(RAW_REVIEWS)(shop, days[0])
    result = shop.run_checks("raw_reviews:no_batch_is_of_the_future", [days[2]])
    assert result.success
    said = checks(result)["raw_reviews:no_batch_is_of_the_future"]
    assert (said.passed, said.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert said.description.startswith(f"Not of this run: {days[0]}: batch ")


def test_a_bad_delivery_after_a_future_batch_is_red(shop: Shop, days: list[date]) -> None:
    seen_in_the_future(RAW_REVIEWS)(shop, days[1])
    delivered(".csv", "customer;review\n")(shop, days[1])
    said = shop.check(f"raw_reviews:{PUBLISHED}", days)
    assert said.description.startswith(f"{days[1]}: Vendor file movie_review_{days[1]}.csv, line 1: the header")


def test_a_day_that_would_be_emptied_waits_in_both_landings_until_somebody_approves_it(
    shop: Shop, days: list[date]
) -> None:
    """A table that was truncated, or a file without its rows, emptied the day and its metric in a green run."""
    home, day, landings = Home(shop.installation.home), days[1], ["raw_purchases", "raw_reviews"]
    shop.installation.deliver(f"movie_review_{day}.csv", "cid,review_str\n")
    sold_nothing(shop, day)

    def rows() -> list[int]:
        assert shop.installation.run(str(day), str(day), select=landings)
        return [manifest_of(shop, table, day).rows for table in (RAW_PURCHASES, RAW_REVIEWS)]

    assert rows() == rows() == [4, 12]
    waiting = dict(line.split(": ") for line in home.call("approve").stdout.splitlines())
    said = ["0 rows would take the place of 4", f"0 rows (movie_review_{day}.csv) would take the place of 12"]
    names = [name.rpartition("/")[0] for name in waiting]
    assert (names, [*waiting.values()]) == ([f"{name}/{day}" for name in landings], said)
    held_back = shop.check(f"raw_reviews:{PUBLISHED}", days).description
    assert f"`user-behaviour approve {[*waiting][1]} --why TEXT`" in held_back
    assert home.call("approve", f"raw_reviews/{day}").returncode == 2  # without a reason
    assert home.call("approve", f"raw_reviews/{days[0]}", "--why", "sure").returncode == 2
    given = home.call("approve", f"raw_reviews/{day}", "--why", "the film was withdrawn", "--by", "ann")
    assert (given.returncode, given.stdout.splitlines()[-1]) == (0, f"  user-behaviour run --from {day} --to {day}")
    assert rows() == [4, 0]
    assert manifest_of(shop, RAW_REVIEWS, day).facts["approved_because"] == "the film was withdrawn"
    assert home.call("approve", "raw_purchases", "--why", "the till was broken").returncode == 0
    assert rows() == [0, 0]
    assert home.call("approve").stdout == "No delivery waits for an approval.\n"


def test_an_original_that_is_lost_keeps_no_other_day_from_going_on(shop: Shop, days: list[date]) -> None:
    """The day was held back, and the check of its older batch blocked the whole run."""
    original_lost(shop, days[1])
    (shop.installation.vendor / f"movie_review_{days[1]}.csv").unlink()
    result = shop.installation.run(str(days[0]), str(days[2]), select=["raw_reviews", "classified_reviews"])
    assert not result.success
    said = checks(result)
    assert (said[FILES].passed, said[FILES].severity) == (False, dg.AssetCheckSeverity.WARN)
    assert f"movie_review_{days[1]}.csv: its original in the lake" in said[f"raw_reviews:{PUBLISHED}"].description
    assert materialized(result)["raw_reviews"] == [str(days[0]), str(days[2])]
    assert {str(days[0]), str(days[2])} <= {*materialized(result)["classified_reviews"]}


def test_no_check_reads_a_review(shop: Shop, days: list[date]) -> None:
    """At each run the checks read every review four times, in one process, whatever their number."""
    for table in (RAW_REVIEWS, CLASSIFIED_REVIEWS):
        dataset = shop.installation.here.lake.dataset(table)
        blank_pages(dataset, days[1])
        with pytest.raises(OSError, match="page header"):
            list(dataset.read(dataset.current(days[1])))

    result = shop.run_checks("all", days)

    assert result.success, failure_messages(result)
    assert all(said.passed for said in checks(result).values())


def test_a_closed_day_needs_no_vendor_file(shop: Shop) -> None:
    closed = date(2010, 12, 25)
    shop.installation.run(str(closed), str(closed), select=["raw_purchases", "raw_reviews"])
    assert shop.check("raw_reviews:trading_days_have_a_vendor_file", [closed]).passed


def test_lines_staged_by_a_rule_that_is_not_in_force_fail(shop: Shop, days: list[date]) -> None:
    file = RuleFile(shop.installation.here.lake)
    file.replace(BUILT_IN, STRICTER)
    said = shop.check(RULE, days)
    file.replace(STRICTER, BUILT_IN)
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


def test_in_a_run_of_many_days_every_check_looks_at_all_of_them(shop: Shop) -> None:
    assert _looked_at(shop.whole) == dict.fromkeys(CLAIMS, len(HEALTHY.days()))


def test_by_themselves_without_a_partition_checks_look_at_every_day_that_there_is(shop: Shop) -> None:
    assert shop.alone.success, failure_messages(shop.alone)
    assert _looked_at(shop.alone) == dict.fromkeys(CLAIMS, len(HEALTHY.days()))


def test_in_a_run_of_one_day_every_check_looks_at_that_day(shop: Shop) -> None:
    day = date(2010, 12, 5)
    shop.installation.sell(purchases(day))
    shop.installation.deliver(f"movie_review_{day}.csv", REVIEWS)
    result = shop.installation.run_day(str(day))
    assert result.success, failure_messages(result)
    assert _looked_at(result) == dict.fromkeys(CLAIMS, 1)


def test_nothing_to_look_at_is_a_failure_of_every_check(shop: Shop) -> None:
    never_run = [date(2012, 3, day) for day in (1, 2, 3)]
    said = checks(shop.run_checks("all", never_run))
    assert said.keys() == CLAIMS.keys()
    assert not any(each.passed for each in said.values())
    for name, each in said.items():
        if name.endswith(PUBLISHED):
            assert each.metadata["days"].value == "2012-03-01, 2012-03-02, 2012-03-03", name
        else:
            assert each.description == "None of the days is published, so there was nothing to check.", name


def test_by_themselves_where_nothing_was_ever_materialized_checks_fail() -> None:
    with new_installation() as installation:
        selection = dg.AssetSelection.checks(*CLAIMS.values())
        alone = dg.Definitions(jobs=[dg.define_asset_job("alone", selection=selection)])
        result = (
            dg.Definitions.merge(installation.defs, alone)
            .resolve_job_def("alone")
            .execute_in_process(instance=installation.instance, raise_on_error=False)
        )
    said = checks(result)
    assert said.keys() == CLAIMS.keys()
    assert not any(each.passed for each in said.values())


def test_by_itself_the_check_sees_a_day_that_was_lost(shop: Shop, days: list[date]) -> None:
    pointer_lost(RAW_REVIEWS)(shop, days[1])
    said = shop.check(f"raw_reviews:{PUBLISHED}")
    assert not said.passed
    assert str(days[1]) in said.metadata["days"].value


def test_by_itself_the_check_sees_a_day_of_which_no_delivery_was_ever_accepted(shop: Shop) -> None:
    day = date(2010, 12, 20)
    shop.installation.deliver(f"movie_review_{day}.csv", "customer;review\n14000;good\n")
    assert not shop.installation.run(str(day), str(day), select=["raw_reviews"]).success
    said = shop.check(f"raw_reviews:{PUBLISHED}")
    assert not said.passed
    assert str(day) in said.metadata["days"].value
