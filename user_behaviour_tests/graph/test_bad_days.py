"""Broken deliveries: the bad day is held back with file, line and reason, the others of the same run are finished."""

import gzip
from datetime import date
from decimal import Decimal

from user_behaviour.tables.schemas import RAW_REVIEWS
from user_behaviour_tests.graph.installation import Installation, checks, failure_messages, materialized

GOOD = "cid,review_str\n14000,good\n"


def _three_days(installation: Installation, month: str) -> None:
    installation.sell([(f"2011-{month}-{day:02} 12:00:00", 5, "2.000", "A", 14000) for day in (1, 2, 3)])
    for day in (1, 2, 3):
        installation.deliver(f"movie_review_2011-{month}-{day:02}.csv", GOOD)


def test_a_bad_day_does_not_take_good_days_with_it(installation: Installation) -> None:
    _three_days(installation, "02")
    installation.deliver("movie_review_2011-02-02.csv", "cid,review_str\n14000,good\nnobody,bad\n")
    result = installation.run("2011-02-01", "2011-02-03")
    assert not result.success
    assert "movie_review_2011-02-02.csv, line 3: customer id is not made of digits only" in failure_messages(result)
    assert [row[0] for row in installation.metric("2011-02-01", "2011-02-03")] == [date(2011, 2, 1), date(2011, 2, 3)]
    done = materialized(result)
    assert done["raw_purchases"] == ["2011-02-01", "2011-02-02", "2011-02-03"]
    for asset in (
        "raw_reviews",
        "classified_reviews",
        "spectrum/movie_review_clean_stage",
        "public/user_behavior_metric",
    ):
        assert done[asset] == ["2011-02-01", "2011-02-03"], asset
    claim = checks(result)["raw_reviews:every_day_is_published"]
    assert not claim.passed
    assert "line 3" in claim.description

    installation.deliver("movie_review_2011-02-02.csv", GOOD)
    healed = installation.run("2011-02-02", "2011-02-02")
    assert healed.success, failure_messages(healed)
    assert [row[0].day for row in installation.metric("2011-02-01", "2011-02-03")] == [1, 2, 3]


def test_the_previous_batch_of_a_bad_day_stays_in_force(installation: Installation) -> None:
    _three_days(installation, "03")
    assert installation.run("2011-03-01", "2011-03-03").success
    before = installation.metric("2011-03-01", "2011-03-03")
    truncated = gzip.compress(GOOD.encode() * 50)[:-20]
    installation.deliver("movie_review_2011-03-02_late.csv.gz", truncated)
    result = installation.run("2011-03-01", "2011-03-03")
    assert not result.success
    assert "movie_review_2011-03-02_late.csv.gz" in failure_messages(result)
    assert installation.metric("2011-03-01", "2011-03-03") == before
    dataset = installation.here.lake.dataset(RAW_REVIEWS)
    rejection = dataset.rejection(date(2011, 3, 2))
    assert rejection is not None
    kept = {source.name: source.kept_at for source in rejection.sources}
    with installation.here.lake.open(kept["movie_review_2011-03-02_late.csv.gz"]) as original:
        assert original.read() == truncated


def test_a_run_of_nothing_but_a_bad_day_fails_at_its_landing(installation: Installation) -> None:
    installation.sell([("2011-04-01 12:00:00", 5, "2.000", "A", 14000)])
    installation.deliver("movie_review_2011-04-01.csv", "customer;review\n14000;good\n")
    result = installation.run("2011-04-01", "2011-04-01")
    assert not result.success
    assert "the header cid,review_str was expected" in failure_messages(result)
    assert "raw_reviews" not in materialized(result)
    assert installation.metric("2011-04-01", "2011-04-01") == []


def test_a_few_bad_rows_are_quarantined_and_the_day_goes_on_with_a_warning(installation: Installation) -> None:
    installation.sell([("2011-05-01 12:00:00", 5, "2.000", "A", 14000)])
    rows = "14000,good\n" * 150
    installation.deliver("movie_review_2011-05-01.csv", f"cid,review_str\n{rows},no customer\n")
    result = installation.run("2011-05-01", "2011-05-01")
    assert result.success, failure_messages(result)
    assert installation.metric("2011-05-01", "2011-05-01") == [(date(2011, 5, 1), 14000, Decimal("10.00000"), 150, 150)]
    warning = checks(result)["raw_reviews:quarantine_is_empty"]
    assert not warning.passed
    assert warning.description == "2011-05-01: movie_review_2011-05-01.csv, line 152: customer id is empty"
    dataset = installation.here.lake.dataset(RAW_REVIEWS)
    quarantine = dataset.quarantine(dataset.current(date(2011, 5, 1)))
    assert quarantine is not None
    assert quarantine.to_pylist() == [
        {
            "source_file": "movie_review_2011-05-01.csv",
            "line_number": 152,
            "reason": "customer id is empty",
            "raw": b",no customer\n",
        }
    ]
