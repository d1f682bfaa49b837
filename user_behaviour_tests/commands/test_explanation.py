"""`explain`, on a day written by hand: what a row of the metric is made of, and why there is none."""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from user_behaviour.classifier.models import Models
from user_behaviour.classifier.review_scoring import Model
from user_behaviour.commands.explanation import explanation, newer_than_the_metric, reason_for_no_row
from user_behaviour.deployments import Deployment
from user_behaviour.lake.manifests import Source
from user_behaviour.tables.schemas import (
    CLASSIFIED_REVIEWS,
    MOVIE_REVIEW_CLEAN_STAGE,
    RAW_PURCHASES,
    RAW_REVIEWS,
    STAGED_PURCHASES,
    USER_PURCHASE_STAGING,
)
from user_behaviour.tables.statements import statement
from user_behaviour_tests.command_line import Home, temporary_installation
from user_behaviour_tests.purchases import publish, purchase_line

DAY = date(2010, 12, 1)
FILE = Source("movie_review_2010-12-01.csv", 99, "v1", "movie_review_file/insert_date=2010-12-01/v1/file.csv")
# Customer 1 bought and reviewed, 2 only bought, 3 only reviewed, 4 bought too little and reviewed, 6 bought too little.
COLUMNS = ("invoice_number", "stock_code", "quantity", "customer_id")
LINES: list[tuple[str, str, int, int | None]] = [
    ("100", "A", 3, 1),
    ("100", "B", 2, 1),
    ("101", "A", 10, 1),
    ("102", "A", 5, 2),
    ("103", "A", 1, 4),
    ("104", "A", 2, 6),
    ("105", "A", 50, None),
]
REVIEWS = [("1", "a good film", 2), ("3", "good", 3), ("001", "bad\nfilm", 4), ("4", "good", 6)]


def publish_purchases(here: Deployment, batch: str) -> None:
    lines = [purchase_line(DAY, **dict(zip(COLUMNS, values, strict=True))) for values in LINES]
    publish(here.lake.dataset(RAW_PURCHASES), DAY, batch, lines)
    staged = [row for row in lines if row["quantity"] > 2]
    publish(here.lake.dataset(STAGED_PURCHASES), DAY, batch, staged, facts={"rule": "quantity > 2 from 2010-12-01"})
    here.external_tables.register(USER_PURCHASE_STAGING, here.lake.dataset(STAGED_PURCHASES), [DAY])


def publish_reviews(here: Deployment, batch: str) -> None:
    origin = [{"source_file": FILE.name, "line_number": number} for _, _, number in REVIEWS]
    texts = [{"cid": cid, "review_str": text} for cid, text, _ in REVIEWS]
    judge = {"classifier": "token_good", "classifier_version": "1"}
    verdicts = [{"cid": cid, "positive_review": "good" in text, **judge} for cid, text, _ in REVIEWS]
    facts = {"rows_in_files": 4, "rows_quarantined": 0}
    landed = [{**row, **where} for row, where in zip(texts, origin, strict=True)]
    publish(here.lake.dataset(RAW_REVIEWS), DAY, batch, landed, sources=(FILE,), facts=facts)
    classified = [{**row, **where} for row, where in zip(verdicts, origin, strict=True)]
    publish(here.lake.dataset(CLASSIFIED_REVIEWS), DAY, batch, classified)
    here.external_tables.register(MOVIE_REVIEW_CLEAN_STAGE, here.lake.dataset(CLASSIFIED_REVIEWS), [DAY])


def write_metric(here: Deployment, batch: str, reads: Mapping[str, str]) -> None:
    span = {"first_day": DAY, "end_day": date(2010, 12, 2), "batch_id": batch}
    partition = "insert into audit.published_partition values (%s, %s, %s, '2010-12-02 01:00', 1, %s, '{}')"

    def work(cursor: Any) -> None:
        for extract in ("purchases_by_customer", "reviews_by_customer"):
            selected = statement(f"warehouse/{extract}.sql")
            cursor.execute(f"create temporary table {extract} as {selected}", span)
        cursor.execute(statement("warehouse/user_behavior_metric.sql"), span)
        cursor.execute(partition, ("public.user_behavior_metric", DAY, batch, json.dumps(reads)))

    here.warehouse.transaction(work)


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    with temporary_installation() as made:
        here = made.deployment()
        publish_purchases(here, "p1")
        publish_reviews(here, "r1")
        write_metric(here, "m1", {USER_PURCHASE_STAGING.name: "p1", MOVIE_REVIEW_CLEAN_STAGE.name: "r1"})
        yield made


def test_a_row_is_traced_to_its_lines_reviews_files_and_batches(home: Home) -> None:
    found = explanation(home.deployment(), 1, DAY)
    assert found.metric == {
        "amount_spent": Decimal("16.25000"), "review_score": 1, "review_count": 2, "batch_id": "m1",
    }  # fmt: skip
    assert [(p.values["invoice_number"], p.values["stock_code"], p.counted, p.amount) for p in found.purchases] == [
        ("100", "A", True, Decimal("3.750")),
        ("101", "A", True, Decimal("12.500")),
        ("100", "B", False, Decimal("2.500")),
    ]
    assert found.rule == "quantity > 2 from 2010-12-01"
    assert [(r["line_number"], r["review_str"], r["positive_review"], r["classifier"]) for r in found.reviews] == [
        (2, "a good film", True, "token_good"),
        (4, "bad\nfilm", False, "token_good"),
    ]
    assert found.kept_at == {FILE.name: f"file://{home.path}/lake/{FILE.kept_at}"}
    assert {name: m.batch_id for name, m in found.manifests.items()} == {
        "raw_purchases": "p1", "raw_reviews": "r1", "staged_purchases": "p1", "classified_reviews": "r1",
    }  # fmt: skip
    assert {name: r.batch_id for name, r in found.registrations.items()} == {
        "spectrum.user_purchase_staging": "p1", "spectrum.movie_review_clean_stage": "r1",
    }  # fmt: skip
    assert found.partition == {
        "batch_id": "m1",
        "written_at": "2010-12-02T01:00:00.000000Z",
        "row_count": 1,
        "sources": {USER_PURCHASE_STAGING.name: "p1", MOVIE_REVIEW_CLEAN_STAGE.name: "r1"},
    }
    assert newer_than_the_metric(found) == []


@pytest.mark.parametrize(
    ("customer", "day", "reason"),
    [
        (2, DAY, "Customer 2 bought on 2010-12-01 but did not review on that day."),
        (3, DAY, "Customer 3 reviewed on 2010-12-01, but did not buy on that day."),
        (
            4,
            DAY,
            "Customer 4 reviewed on 2010-12-01, but none of the 1 lines of that day is let in by the rule "
            "quantity > 2 from 2010-12-01.",
        ),
        (5, DAY, "Customer 5 neither bought nor reviewed on 2010-12-01."),
        (
            6,
            DAY,
            "Customer 6 did not review on 2010-12-01, and none of the 1 lines of that day is let in by the rule "
            "quantity > 2 from 2010-12-01.",
        ),
        (
            1,
            date(2010, 12, 2),
            "2010-12-02 is not materialised; if it is a day of the calendar, "
            "`user-behaviour run --day 2010-12-02` does it.",
        ),
    ],
)
def test_where_there_is_no_row_the_reason_is_said(home: Home, customer: int, day: date, reason: str) -> None:
    found = explanation(home.deployment(), customer, day)
    assert found.metric is None
    assert reason_for_no_row(found) == reason


def test_the_command_shows_it_all(home: Home) -> None:
    call = home.call("explain", "--customer", "1", "--day", "2010-12-01")
    assert call.returncode == 0, call.stderr
    said = [" ".join(line.split()) for line in call.stdout.splitlines()]
    assert said[0] == "Customer 1 on 2010-12-01: spent 16.25000, 1 of 2 reviews positive."
    assert "Purchase lines: 2 count, worth 16.250; 1 left out by the rule quantity > 2 from 2010-12-01" in said
    assert "100 2010-12-01 08:26:00 B 2 1.250 rule" in said
    assert f"{FILE.name} 4 not positive token_good 1 bad film" in said
    assert all(f"{FILE.name} {line} `good` is {isnt}among the words" in said for line, isnt in ((2, ""), (4, "not ")))
    assert "Vendor files of the day: 1, 4 rows, 0 in quarantine" in said
    assert any(line.startswith(f"{FILE.name} 99 v1 file://") for line in said)
    assert any(line.startswith("classified_reviews r1 2010-12-05T00:00:00.000000Z ") for line in said)


def test_the_terms_that_decided_a_review_are_shown_or_why_they_cannot_be(home: Home) -> None:
    """Sixteen terms of length 1 are 4 long together: with a slope of 4 each adds its pull."""
    here, day = home.deployment(), date(2010, 12, 3)
    pulls = {f"p{n}": n / 10 for n in range(1, 10)} | {f"n{n}": -n / 10 for n in range(1, 8)}
    model = Model("", {term: (1.0, pull) for term, pull in pulls.items()}, intercept=0, slope=4, offset=0)
    version = Models(here.lake).add(model, {})
    rows = [
        {"cid": "1", "review_str": " ".join(pulls), "source_file": FILE.name, "line_number": 2 + number,
         "positive_review": positive, "classifier": "terms", "classifier_version": by, "probability": Decimal("0.9")}
        for number, (positive, by) in enumerate([(True, version), (False, version), (True, "gone")])
    ]  # fmt: skip
    for table in (RAW_REVIEWS, CLASSIFIED_REVIEWS):
        publish(here.lake.dataset(table), day, "t", rows, facts={"rows_in_files": 3, "rows_quarantined": 0})
    here.external_tables.register(MOVIE_REVIEW_CLEAN_STAGE, here.lake.dataset(CLASSIFIED_REVIEWS), [day])

    call = home.call("explain", "--customer", "1", "--day", f"{day}")

    assert call.returncode == 0, call.stderr
    said = [" ".join(line.replace(FILE.name, "").split()) for line in call.stdout.splitlines()]
    assert "2 0.900000 p9 +0.90 · p8 +0.80 · p7 +0.70 · p6 +0.60 · p5 +0.50 n7 -0.70 · n6 -0.60 · n5 -0.50" in said
    assert "3 0.900000 n7 -0.70 · n6 -0.60 · n5 -0.50 · n4 -0.40 · n3 -0.30 p9 +0.90 · p8 +0.80 · p7 +0.70" in said
    assert any(line.startswith("4 0.900000 There is no version 'gone' of the classifier; there are: ") for line in said)


def test_a_day_that_is_not_there_is_explained_too(home: Home) -> None:
    call = home.call("explain", "--customer", "1", "--day", "2010-12-02")
    assert call.returncode == 0, call.stderr
    assert call.stdout.startswith("No row of the metric. 2010-12-02 is not materialised;")


def test_a_later_batch_of_an_earlier_stage_is_pointed_out(home: Home) -> None:
    """The last of this module: it puts new purchases in force."""
    here = home.deployment()
    publish_purchases(here, "p2")
    publish(here.lake.dataset(CLASSIFIED_REVIEWS), DAY, "r2", [])
    assert newer_than_the_metric(explanation(here, 1, DAY)) == [
        "The metric was made from batch p1 of spectrum.user_purchase_staging; it now has p2.",
        "spectrum.movie_review_clean_stage points at batch r1; r2 is in force.",
    ]
