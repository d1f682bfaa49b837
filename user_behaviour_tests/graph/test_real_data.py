"""The real purchases and reviews, every day, against figures computed from the CSV files by other means."""

import csv
import gzip
import html
import json
import math
import re
import runpy
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from user_behaviour.classifier.models import Models
from user_behaviour.classifier.training import Configuration, train
from user_behaviour.project_files import PROJECT_FILES as CHECKOUT
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.schemas import CLASSIFIED_REVIEWS, RAW_PURCHASES, RAW_REVIEWS
from user_behaviour_tests.cloud.moto_server import Cloud, Wsgi
from user_behaviour_tests.graph.aws_installation import aws_installation
from user_behaviour_tests.graph.installation import (
    Installation,
    Row,
    failure_messages,
    load_real_purchases,
    metric,
    new_installation,
)

pytestmark = pytest.mark.takes(70)

FIRST, LAST = "2010-12-01", "2011-12-09"
PURCHASE_LINES, REVIEWS = 541_909, 25_000  # as the description of the data says
SCORED = ["classified_reviews", "spectrum/movie_review_clean_stage", "public/user_behavior_metric"]
NEGATIONS = {"cannot", "neither", "never", "no", "nobody", "none", "nor", "not", "nothing", "nowhere", "without"}
WHITE_SPACE = re.compile(r"[ \t\n\x0b\f\r]")  # what Java, and so Spark's Tokenizer, takes for \s


def expected_metric(data: Path) -> list[Row]:
    """The metric by the csv module and Decimal: no SQL, and nothing of the package."""
    spent: dict[tuple[date, int], Decimal] = defaultdict(Decimal)
    with gzip.open(data / "online_retail.csv.gz", "rt", encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            if int(line["Quantity"]) > 2 and line["CustomerID"]:
                key = (date.fromisoformat(line["InvoiceDate"][:10]), int(line["CustomerID"]))
                spent[key] += int(line["Quantity"]) * Decimal(line["UnitPrice"])
    verdicts: dict[tuple[date, int], list[bool]] = defaultdict(list)
    for path in (data / "vendor_drops").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            for review in csv.DictReader(file):
                key = (date.fromisoformat(path.stem.removeprefix("movie_review_")), int(review["cid"]))
                verdicts[key].append("good" in WHITE_SPACE.split(review["review_str"].lower()))
    both = sorted(spent.keys() & verdicts.keys())
    return [(*key, spent[key], sum(verdicts[key]), len(verdicts[key])) for key in both]


@pytest.fixture(scope="module")
def shop(real_data: Path) -> Iterator[Installation]:
    """An installation that has run all days of the real data once."""
    with new_installation() as installation:
        load_real_purchases(installation.stack, real_data)
        for path in (real_data / "vendor_drops").iterdir():
            shutil.copy(path, installation.vendor)
        result = installation.run(FIRST, LAST)
        assert result.success, failure_messages(result)
        yield installation


def test_every_row_of_the_metric_is_right(shop: Installation, real_data: Path) -> None:
    assert shop.metric() == expected_metric(real_data)


def test_every_line_and_review_lands_and_nothing_is_quarantined(shop: Installation) -> None:
    days = DayRange(date.fromisoformat(FIRST), date.fromisoformat(LAST)).days()
    assert len(days) == 374
    landed = {
        table.name: shop.here.lake.dataset(table).manifests(days)
        for table in (RAW_PURCHASES, RAW_REVIEWS, CLASSIFIED_REVIEWS)
    }
    assert {name: len(manifests) for name, manifests in landed.items()} == dict.fromkeys(landed, 374)
    assert {name: sum(m.rows for m in manifests.values()) for name, manifests in landed.items()} == {
        "raw_purchases": PURCHASE_LINES,
        "raw_reviews": REVIEWS,
        "classified_reviews": REVIEWS,
    }
    assert sum(m.facts["rows_quarantined"] for m in landed["raw_reviews"].values()) == 0


def test_running_parts_again_changes_no_row(shop: Installation) -> None:
    before = shop.metric()
    assert shop.run("2011-11-14", "2011-11-27").success
    assert shop.run_day("2011-11-20").success
    assert shop.run("2010-12-01", "2010-12-03", select=["staged_purchases", "public/user_behavior_metric"]).success
    assert shop.metric() == before


@pytest.mark.slow
def test_by_a_model_the_score_is_what_its_artefact_says_and_nothing_else_changes(
    shop: Installation, real_data: Path
) -> None:
    before = shop.metric("2011-11-14", "2011-11-27")
    with gzip.open(real_data / "labelled_reviews.csv.gz", "rt", encoding="utf-8", newline="") as file:
        labels = [(row["review_str"], row["positive_review"] == "true") for row in islice(csv.DictReader(file), 3_000)]
    texts, truth = zip(*labels, strict=True)
    models = Models(shop.here.lake)
    trained = train(texts, truth, range(len(texts)), configurations=[Configuration(5, 0.5)])
    version = models.add(trained.model, {})
    models.promote(version, why="a test")

    assert shop.run("2011-11-14", "2011-11-27", select=SCORED).success

    card = json.loads((shop.home / "lake" / models.directory(version) / "card.json").read_text())
    rows = pq.read_table(shop.home / "lake" / models.directory(version) / "terms.parquet").to_pylist()
    weights = {row["term"]: (row["length"], row["pull"]) for row in rows}
    positive: Counter[tuple[date, int]] = Counter()
    for day in {row[0] for row in before}:
        with (real_data / "vendor_drops" / f"movie_review_{day}.csv").open(encoding="utf-8", newline="") as opened:
            for review in csv.DictReader(opened):
                positive[day, int(review["cid"])] += is_positive(review["review_str"], card, weights)
    after = shop.metric("2011-11-14", "2011-11-27")
    assert after == [(*row[:3], positive[row[:2]], row[4]) for row in before]
    assert sum(row[3] for row in after) != sum(row[3] for row in before)
    models.demote(why="a test")
    assert shop.run("2011-11-14", "2011-11-27", select=SCORED).success
    assert shop.metric("2011-11-14", "2011-11-27") == before


def is_positive(text: str, card: dict[str, Any], weights: dict[str, tuple[float, float]]) -> bool:
    """The verdict by what docs/adr/0028 says of a model, and nothing of the package."""
    plain = re.sub(r"</?[a-zA-Z!][^<>]{0,200}>", " ", text)
    for quote in "\u2018\u2019\u00b4`":
        plain = plain.replace(quote, "'")
    marked, left = [], 0
    for word in re.findall(r"[a-z0-9]+(?:'[a-z]+)?|[^\sa-z0-9]", html.unescape(plain).replace("\u2019", "'").lower()):
        is_negation = word.endswith("n't") or word in NEGATIONS
        is_end = word in set('.,;:!?()"')
        marked.append("NOT_" + word if left and not (is_negation or is_end) else word)
        left = 4 if is_negation else 0 if is_end else max(left - 1, 0)
    grams = {" ".join(marked[at : at + size]) for size in (1, 2, 3) for at in range(len(marked) - size + 1)}
    known = [weights[gram] for gram in grams if gram in weights]
    length = math.sqrt(math.fsum(of * of for of, _ in known))
    score = (math.fsum(pull for _, pull in known) / length if known else 0) + card["intercept"]
    return bool(card["slope"] * score + card["offset"] > 0)


@pytest.mark.slow
@pytest.mark.search
def test_the_aws_deployment_makes_the_same_metric_row_for_row(
    shop: Installation, real_data: Path, cloud: Cloud, searching: bool
) -> None:
    """By the commands of the guide, on what stands for AWS; Spark is real, in another process.

    `make search` takes all days; else the last are taken: the busiest, and more than a hundred, which is how many
    partitions go into a catalog at once. A few of the days are in test_aws.
    """
    days = DayRange(date.fromisoformat(FIRST if searching else "2011-08-20"), date.fromisoformat(LAST))
    with aws_installation(cloud) as account:
        load_real_purchases(account.stack, real_data, days=days.days())
        account.deliver(*(file for day in days.days() for file in (real_data / "vendor_drops").glob(f"*{day}.csv")))
        charged: Counter[str] = Counter()
        with cloud.behind(partial(_counting, charged)):
            for call in account.call(("migrate",), ("run", "--from", str(days.first), "--to", LAST), ("reconcile",)):
                assert call.returncode == 0, call.stdout + call.stderr

        assert len(account.emr.jobs) == 2  # one a stage
        assert metric(account.here) == shop.metric(days.first, days.last)
    # What deploy/costs.py reckons with for each day.
    amounts = runpy.run_path(str(CHECKOUT / "deploy" / "costs.py"))["AMOUNTS"]
    assert charged["write"] / len(days.days()) <= amounts["S3 writes, a day"].value
    assert charged["read"] / len(days.days()) <= amounts["S3 reads, a day"].value


def _counting(charged: Counter[str], application: Wsgi) -> Wsgi:
    """Counts the requests to S3 by what they cost: PUT, COPY, POST and LIST, or GET and HEAD; DELETE is free."""

    def counted(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if "HTTP_X_AMZ_TARGET" not in environ and environ["REQUEST_METHOD"] != "DELETE":
            is_list = "list-type" in environ["QUERY_STRING"] or environ["QUERY_STRING"].startswith("uploads")
            charged["write" if is_list or environ["REQUEST_METHOD"] in ("PUT", "POST") else "read"] += 1
        return application(environ, start_response)

    return counted
