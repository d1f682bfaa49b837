"""The `aws` deployment from an empty account to the metric, on what stands for AWS, by the commands of the guide.

Days written by hand, and a few of the real data; all of its days are in test_real_data.
"""

import gzip
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from user_behaviour.classifier.models import Models
from user_behaviour.classifier.review_scoring import Model
from user_behaviour.lake.parquet_part import READ_WHOLE
from user_behaviour.rules import RuleFile
from user_behaviour.tables.marts import WAREHOUSE_TABLES
from user_behaviour_tests.cloud.leaks import places_that_hold
from user_behaviour_tests.cloud.moto_server import Cloud, Wsgi
from user_behaviour_tests.conftest import REAL_DATA
from user_behaviour_tests.graph.aws_installation import OURS, AwsInstallation, aws_installation
from user_behaviour_tests.graph.installation import load_real_purchases, metric, sell
from user_behaviour_tests.graph.test_real_data import expected_metric
from user_behaviour_tests.sql.dialect import UNKNOWN_TO_SQLFLUFF, unparsable

pytestmark = pytest.mark.takes(130)

D1, D2, D3 = (date(2010, 12, day) for day in (1, 2, 3))
REAL_DAYS = (date(2010, 12, 5), date(2010, 12, 6))
LARGE = [b"99999,%s\n" % random.Random(n).randbytes(25_000).hex().encode() for n in range(100)]
RANGE = ("--from", "2010-12-01", "--to", "2010-12-06")


@pytest.fixture(scope="module")
def account(cloud: Cloud) -> Iterator[AwsInstallation]:
    """An account before its first run: day one has both sides, day two a broken file, day three no file.

    Two days later are those of the real data, where that is at hand.
    """
    with aws_installation(cloud) as account:
        sell(
            account.stack,
            [
                ("2010-12-01 08:00:00", 3, "2.500", "A", 12346),
                ("2010-12-01 09:00:00", 4, "1.000", "B", 12346),
                ("2010-12-01 09:30:00", 2, "9.000", "B", 12346),  # the rule leaves it out
                ("2010-12-01 10:00:00", 5, "1.250", "A", 12347),
                ("2010-12-02 10:00:00", 6, "1.000", "A", 12346),
                ("2010-12-03 10:00:00", 6, "1.000", "A", 12346),
            ],
        )
        reviews = b"cid,review_str\n12346,a good film\n12346,bad\n99999,good\n"
        account.put("movie_review_2010-12-01.csv", reviews + b"".join(LARGE))
        account.put("movie_review_2010-12-02.csv.gz", gzip.compress(b"cid,review_str\n12346,good\n")[:-9])
        if (REAL_DATA / "online_retail.csv.gz").exists():
            load_real_purchases(account.stack, REAL_DATA, days=REAL_DAYS)
            account.deliver(*(REAL_DATA / "vendor_drops" / f"movie_review_{day}.csv" for day in REAL_DAYS))
        yield account


@pytest.fixture(scope="module")
def first_run(account: AwsInstallation) -> str:
    """What the first run said, on the tables that were made before it."""
    with account.cloud.behind(partial(_watching, account.read)):
        migrated, call = account.call(("migrate",), ("run", *RANGE))
    assert (migrated.returncode, call.returncode) == (0, 1), migrated.stderr + call.stdout + call.stderr
    return call.stdout


def test_the_metric_is_right_and_a_broken_file_holds_only_its_own_day_back(
    account: AwsInstallation, first_run: str
) -> None:
    assert "movie_review_2010-12-02.csv.gz" in first_run
    assert "is cut off" in first_run
    assert metric(account.here, D1, D3) == [(D1, 12346, Decimal("11.50000"), 1, 2)]


def _watching(read: Counter[str], application: Wsgi) -> Wsgi:
    """Sums up, by their paths, the bytes of the objects of S3 that our own processes are given."""

    def watched(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        answer = application(environ, start_response)
        agent = environ.get("HTTP_USER_AGENT", "")
        if environ["REQUEST_METHOD"] != "GET" or not (f"app/{OURS}" in agent or "aws-sdk-cpp" in agent):
            return answer
        content = b"".join(answer)
        read[environ["PATH_INFO"]] += len(content)
        return [content]

    return watched


def test_neither_a_vendor_s_file_nor_a_review_passes_through_the_orchestrator(
    account: AwsInstallation, first_run: str
) -> None:
    """Told by a large day: of a small file one request brings all, for its footer; of the newest day rows are shown."""
    client, read = account.cloud.aws.client("s3"), account.read
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=account.lake)
    sizes = {f"/{account.lake}/{found['Key']}": found["Size"] for page in pages for found in page["Contents"]}
    (landed,) = [path for path in sizes if "/raw_reviews/insert_date=2010-12-01/" in path and "/part-" in path]

    assert [path for path in read if "/drop/" in path or "/movie_review_file/" in path] == []
    assert sizes[landed] > READ_WHOLE
    assert 0 < read[landed] < 200_000  # its footer


def test_the_days_that_are_mended_follow_and_every_place_agrees(account: AwsInstallation, first_run: str) -> None:
    account.put("movie_review_2010-12-02.csv.gz", gzip.compress(b"cid,review_str\n12346,good\n"))

    query = "select insert_date, customerid from public.user_behavior_metric limit 2"
    version = Models(account.here.lake).add(Model("", {"bad": (1.0, 1.0)}, intercept=0, slope=1, offset=0), {})
    rerun, reconciled, read, shadow = account.call(
        ("run", *RANGE, "--missing"),
        ("reconcile",),
        ("query", "--csv", query),
        ("shadow", version, "--from", f"{D1}", "--to", f"{D2}"),
    )

    assert (rerun.returncode, reconciled.returncode) == (0, 0), rerun.stdout + rerun.stderr + reconciled.stdout
    assert metric(account.here, D1, D3) == [
        (D1, 12346, Decimal("11.50000"), 1, 2),
        (D2, 12346, Decimal("6.00000"), 1, 1),
    ]
    assert (read.returncode, len(read.stdout.splitlines())) == (0, 3), read.stderr
    # The first day's row stays at one positive review of two, the second day's loses its own.
    assert "all 3 3 2 1" in [" ".join(line.split()) for line in shadow.stdout.splitlines()], shadow.stderr
    assert account.here.lake.list("_staging") == []


def test_the_report_lies_in_the_lake_and_a_copy_of_it_in_the_home(account: AwsInstallation, first_run: str) -> None:
    (call,) = account.call(("report", "--day", f"{D1}"))

    copy = account.home / "aws" / "reports" / f"insert_date={D1}" / "report.html"
    assert (call.returncode, call.stdout) == (0, f"{copy}\n"), call.stderr
    found = account.here.lake.read(f"reports/insert_date={D1}/report.html")
    assert found is not None
    assert found[0] == copy.read_bytes()
    assert b"1 customer spent 11.50 and wrote 2 reviews, 1 of them positive." in found[0]


def test_nothing_that_the_commands_left_behind_holds_a_secret(account: AwsInstallation, first_run: str) -> None:
    """Of the source, of Dagster's storage (the same PostgreSQL) and of Redshift; the state of the stand-ins aside."""
    at = account.stack.endpoints()
    passwords = (re.split("[:@]", url)[2] for url in (at.shop, at.reader))
    for secret in (*passwords, account.redshift.password):
        assert len(secret) > 10
        places = places_that_hold(
            secret,
            account.home / "aws",
            databases=[account.stack.endpoints().dagster],
            buckets=[(account.cloud.aws, account.lake), (account.cloud.aws, account.vendor)],
            statements=[statement.text for statement in account.redshift.statements],
        )
        assert places == []
        assert [said for said in account.said if secret in said] == []


def test_every_statement_that_redshift_was_sent_is_of_its_dialect(account: AwsInstallation, first_run: str) -> None:
    told = {statement.text for statement in account.redshift.statements}
    texts = {text for text in told if not UNKNOWN_TO_SQLFLUFF.match(text)}

    assert len(texts) > 50
    assert unparsable(texts) == []


def test_a_query_says_for_which_asset_and_run_it_works(account: AwsInstallation, first_run: str) -> None:
    sql = (
        "select distinct trim(query_label) as label from sys_query_history "
        "where query_text like '--%%' and query_text like '%%insert into public.user_behavior_metric%%'"
    )
    labels = [row["label"] for row in account.here.warehouse.rows(sql, {})]

    assert labels
    assert all(re.fullmatch(r"public/user_behavior_metric [0-9a-f-]{36}", label) for label in labels)


def test_a_run_reads_its_days_of_each_external_table_once_a_need_and_never_under_the_lock(
    account: AwsInstallation, first_run: str
) -> None:
    """Eight times it was for the metric alone, by audit, facts and checks; subqueries that name no days read all.

    Purchases are read for the check, the metric, three dimensions and a fact; reviews for one dimension, else alike.
    """
    scans, statements = len(account.redshift.scans), len(account.redshift.statements)

    account.call(("run", "--day", "2010-12-01"))

    assert {(scan.table, scan.qualified) for scan in account.redshift.scans[scans:]} == {
        ("spectrum.user_purchase_staging", ("2010-12-01",)),
        ("spectrum.movie_review_clean_stage", ("2010-12-01",)),
    }
    assert len(account.redshift.scans[scans:]) == 6 + 4
    told = account.redshift.statements[statements:]
    locks = [at for at, said in enumerate(told) if said.text.startswith("lock table audit.writer_lock")]
    assert len(locks) == len(WAREHOUSE_TABLES)
    for lock in locks:
        under_it = [said.text for said in told[lock:] if said.session == told[lock].session]
        assert len(under_it) > 5
        before_it = [said.text for said in told[:lock] if said.session == told[lock].session]
        assert before_it[-1].lower() == "begin"  # a snapshot taken before the lock would not see what it waited for
        assert [text for text in under_it if re.search(r"(from|join)\s+spectrum\.", text)] == []


def test_on_days_of_the_real_data_the_metric_is_what_their_files_say(
    account: AwsInstallation, first_run: str, real_data: Path
) -> None:
    expected = [row for row in expected_metric(real_data) if row[0] in REAL_DAYS]

    assert len(expected) > 20
    assert metric(account.here, *REAL_DAYS) == expected


def test_a_late_line_is_recorded_and_the_day_as_it_was_published_before_can_be_asked_for(
    account: AwsInstallation, first_run: str
) -> None:
    moment = datetime.now(UTC).isoformat()
    sell(account.stack, [("2010-12-01 18:00:00", 4, "0.500", "A", 12346)])
    spent = "select amount_spent from public.user_behavior_metric where insert_date = '2010-12-01'"

    rerun, now, then = account.call(
        ("run", "--day", f"{D1}", "--select", "key:raw_purchases+"),
        ("query", "--csv", spent),
        ("query", "--csv", "--as-of", moment, spent),
    )

    assert rerun.returncode == 0, rerun.stdout + rerun.stderr
    assert "Restated: 1 day, amount 11.50 → 13.50" in rerun.stdout
    assert (now.stdout, then.stdout) == ("amount_spent\n13.50000\n", "amount_spent\n11.50000\n"), then.stderr
    recorded = account.here.warehouse.rows("select insert_date, rows_changed, cause from audit.restatement")
    cause = "late rows of the shop, 1 line more"
    assert recorded == [{"insert_date": D1, "rows_changed": 1, "cause": cause}]


def test_a_plan_says_what_apply_then_makes_so(account: AwsInstallation, first_run: str) -> None:
    """The last, since it changes a rule. To plan asks for no lock, and nothing but the plan stays behind."""
    lake, before, told = account.here.lake, metric(account.here), len(account.redshift.statements)

    (planned,) = account.call(("plan", "--quantity-rule", f"{D1}:3", "--to", f"{D1}"))

    assert planned.returncode == 0, planned.stderr
    statements = [said.text for said in account.redshift.statements[told:]]
    assert [text for text in statements if re.search("writer_lock|^commit", text, re.IGNORECASE)] == []
    assert any(text.startswith('copy "purchases_by_customer"') for text in statements)
    assert unparsable({text for text in statements if not UNKNOWN_TO_SQLFLUFF.match(text)}) == []
    assert (metric(account.here), lake.list("rules"), lake.list("exchange")) == (before, [], [])
    plan_id = re.findall("apply ([0-9a-f]{8})", planned.stdout)[0]
    plan = json.loads((lake.read(f"plans/{plan_id}.json") or (b"",))[0])
    assert [(row["insert_date"], row["customerid"]) for row in plan["largest"]] == [(f"{D1}", 12346)]

    (applied,) = account.call(("apply", plan_id, "--why", "a test"))

    assert applied.returncode == 0, applied.stdout + applied.stderr
    ((*_, spent, _, _),) = metric(account.here, D1, D1)
    assert spent == Decimal(plan["largest"][0]["amount_after"]) == before[0][2] - Decimal("7.5")
    assert [(rule.name, rule.plan) for rule in RuleFile(lake).read().rules] == [(f"quantity > 3 from {D1}", plan_id)]
