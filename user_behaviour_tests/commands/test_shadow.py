"""`shadow`, on days and a model written by hand: what a version would change, and that nothing is changed by asking."""

import hashlib
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from user_behaviour.classifier.models import Models
from user_behaviour.classifier.review_scoring import Model
from user_behaviour.lake.manifests import Source
from user_behaviour.tables.schemas import (
    CLASSIFIED_REVIEWS,
    MOVIE_REVIEW_CLEAN_STAGE,
    RAW_REVIEWS,
)
from user_behaviour_tests.command_line import Home, temporary_installation
from user_behaviour_tests.purchases import publish

# The probability of a review with one of these is 1 / (1 + e^-pull): 0.982014, 0.880797, 0.047426; else one half.
MODEL = Model("", {"superb": (1.0, 4.0), "fine": (1.0, 2.0), "awful": (1.0, -3.0)}, intercept=0, slope=1, offset=0)
LAST, FIRST, STALE, BEHIND, SHIFTED = (date(2010, 12, 31), *(date(2011, 1, day) for day in (1, 2, 4, 5)))
REVIEWS = {  # cid, text, and whether the verdict in force is positive; the first on line 2
    LAST: [("1", "superb film", False), ("01", "good but awful", True), ("2", "fine \x1b[31m film", False)],
    FIRST: [("2", "fine", False), ("3", "good", True), ("4", "superb", True)],
    STALE: [("2", "superb", False)],
    BEHIND: [("2", "awful", True)],
    SHIFTED: [("2", "awful", True)],
}
METRIC = [(1, 1, LAST), (2, 0, LAST), (2, 0, FIRST), (4, 1, FIRST), (2, 1, BEHIND)]


def publish_reviews(home: Home, day: date) -> None:
    lake = home.deployment().lake
    where = [{"source_file": "a.csv", "line_number": number} for number, _ in enumerate(REVIEWS[day], 2)]
    landed = [{"cid": cid, "review_str": text} for cid, text, _ in REVIEWS[day]]
    by = {"classifier": "token_good", "classifier_version": "1"}
    verdicts = [{"cid": cid, "positive_review": positive, **by} for cid, _, positive in REVIEWS[day]]
    publish(lake.dataset(RAW_REVIEWS), day, "r", [{**row, **at} for row, at in zip(landed, where, strict=True)])
    sources = (Source(RAW_REVIEWS.name, len(landed), "before r" if day == STALE else "r"),)
    rows = [{**row, **at} for row, at in zip(verdicts, where, strict=True)]
    if day == SHIFTED:
        rows[0]["line_number"] = 3
    publish(lake.dataset(CLASSIFIED_REVIEWS), day, "v", rows, sources=sources)


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    with temporary_installation() as made:
        for day in REVIEWS:
            publish_reviews(made, day)

        def write(cursor: Any) -> None:
            cursor.executemany("insert into public.user_behavior_metric values (%s, 9, %s, 2, 'm', %s)", METRIC)
            read = {day: "before v" if day == BEHIND else "v" for _, _, day in METRIC}
            rows = [(day, json.dumps({MOVIE_REVIEW_CLEAN_STAGE.name: batch})) for day, batch in read.items()]
            published = "'public.user_behavior_metric', %s, 'm', '2011-01-05', 2, %s, '{}'"
            cursor.executemany(f"insert into audit.published_partition values ({published})", rows)

        made.deployment().warehouse.transaction(write)
        yield made


def all_there_is(home: Home) -> dict[str, Any]:
    """The digest of each file of the lake, and the rows of the warehouse's tables."""
    files = [path for path in (home.path / "lake").rglob("*") if path.is_file()]
    tables = ("public.user_behavior_metric", "audit.published_partition", "spectrum.movie_review_clean_stage")
    rows = {table: sorted(map(repr, home.rows(f"select * from {table}"))) for table in tables}
    return {**{str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}, **rows}


def test_what_would_change_is_said_and_nothing_is_changed(home: Home) -> None:
    models = Models(home.deployment().lake)
    version, foreign = models.add(MODEL, {}), models.add(MODEL, {"of": "another release"})
    card = Path(home.path, "lake", models.directory(foreign), "card.json")
    card.write_text(json.dumps({**models.card(foreign), "format": 9}))
    before = all_there_is(home)

    span = ("--from", f"{LAST}", "--to", f"{BEHIND}")
    done, failed, *refused = home.processes(
        ("shadow", version, *span),
        ("shadow", version, "--from", f"{SHIFTED}"),
        *(("shadow", one, *span) for one in (foreign, "f00")),
    )

    assert done.returncode == 0, done.stderr
    said = [" ".join(line.split()) for line in done.stdout.splitlines() if line.strip(" ─")]
    assert said == [
        "No reviews are landed: 2011-01-03.",
        "The reviews that are landed have no verdicts: 2011-01-02.",
        "The metric is not of the verdicts in force, and left out: 2011-01-04.",
        f"Scoring 7 reviews of 3 days by {version} …",
        "month reviews to_positive to_negative metric_rows changed_rows review_score would_be changed_customers",
        "2010-12 3 2 1 2 1 1 2 1",  # the two reviews of customer 1 change places
        "2011-01 4 1 2 2 1 1 2 1",
        "all 7 3 3 4 2 2 4 1",
        f"The verdicts that {version} changes most: 6",
        "day customer in force probability review",
        "2010-12-31 1 not positive 0.982014 superb film",
        "2010-12-31 1 positive 0.047426 good but awful",
        "2011-01-04 2 positive 0.047426 awful",
        r"2010-12-31 2 not positive 0.880797 fine \x1b[31m film",
        "2011-01-01 2 not positive 0.880797 fine",
        "2011-01-01 3 positive 0.500000 good",
    ]
    assert failed.stderr == "Error: 2011-01-05: ('a.csv', 2) was scored where ('a.csv', 3) has a verdict.\n"
    assert refused[0].stderr.startswith(f"Error: Model {foreign} has format 9")
    assert refused[1].stderr.startswith("Error: There is no version 'f00' of the classifier; there are: ")
    assert all_there_is(home) == before
