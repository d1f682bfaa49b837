"""What all checks do alike: which days they look at, and what they say when there is nothing to look at."""

from datetime import date, timedelta

import dagster as dg
import pytest

from user_behaviour.checks.verdict import Offence, verdict
from user_behaviour.tables.schemas import RAW_REVIEWS
from user_behaviour_tests.checks.sabotage import pointer_lost
from user_behaviour_tests.checks.shop import CLAIMS, HEALTHY, REVIEWS, Shop, purchases
from user_behaviour_tests.conftest import temporary_home
from user_behaviour_tests.graph.installation import Installation, checks, failure_messages

PUBLISHED = "every_day_is_published"


def _looked_at(result: dg.ExecuteInProcessResult) -> dict[str, int]:
    """The days that each check that passed looked at."""
    passed = {name: said for name, said in checks(result).items() if said.passed}
    return {name: said.metadata["days_looked_at"].value for name, said in passed.items()}


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
            assert each.description == "None of the days is there to be looked at.", name


def test_by_themselves_where_nothing_was_ever_materialized_checks_fail() -> None:
    with temporary_home() as home:
        installation = Installation(home)
        selection = dg.AssetSelection.checks(*CLAIMS.values())
        alone = dg.Definitions(jobs=[dg.define_asset_job("alone", selection=selection)])
        result = (
            dg.Definitions.merge(installation.defs, alone)
            .resolve_job_def("alone")
            .execute_in_process(instance=installation.instance, raise_on_error=False)
        )
        installation.instance.dispose()
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


@pytest.mark.parametrize(("more", "tail"), [(0, ""), (1, " (1 more day offends)"), (2, " (2 more days offend)")])
def test_the_description_is_the_first_offence_and_how_many_days_offend_besides(more: int, tail: str) -> None:
    offences = [Offence(date(2011, 1, 1) + timedelta(days=n), f"{n} rows") for n in range(more + 1)]
    assert verdict(offences, looked_at=9).description == f"2011-01-01: 0 rows{tail}"


def test_the_sample_is_small_and_the_counts_are_whole() -> None:
    offences = [Offence(date(2011, 1, 1 + n // 5), f"{n} rows") for n in range(40)]
    result = verdict(offences, looked_at=31)
    metadata = {name: value.value for name, value in result.metadata.items()}
    assert metadata.pop("sample") == "\n".join(f"- **2011-01-0{1 + n // 5}** {n} rows" for n in range(10))
    assert metadata == {
        "days_looked_at": 31,
        "days_offending": 8,
        "offences": 40,
        "days": ", ".join(f"2011-01-0{n}" for n in range(1, 9)),
    }


def test_no_offence_is_a_pass_only_if_something_was_looked_at() -> None:
    assert verdict([], looked_at=1).passed
    assert not verdict([], looked_at=0).passed
