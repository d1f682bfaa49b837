"""Two of the three ways to fill history, on a real daemon; the third, `user-behaviour run`, is tested with the CLI."""

import re

from playwright.sync_api import Page, expect

from user_behaviour_tests.graph.installation import Installation
from user_behaviour_tests.ui.conftest import Backfill
from user_behaviour_tests.ui.dev_server import DevServer
from user_behaviour_tests.ui.runs import finished, launch_days, most_at_once
from user_behaviour_tests.ui.small_shop import DAYS, METRIC

RUNS_AT_ONCE = 2  # max_concurrent_runs of dagster.yaml
RUNS_LIMIT_SECONDS = 240
SINGLE_DAYS = DAYS[:4]  # more would only take longer: each starts a Spark of its own

_PARTITIONS = "{ assetNodes { isMaterializable assetKey { path } partitionStats { numMaterialized numFailed } } }"


def test_a_backfill_of_all_days_is_one_run_over_the_range_and_makes_the_metric(backfilled: Backfill) -> None:
    assert backfilled.status == "COMPLETED_SUCCESS"
    [run] = backfilled.runs
    assert run.status == "SUCCESS"
    assert run.tags["dagster/asset_partition_range_start"] == DAYS[0]
    assert run.tags["dagster/asset_partition_range_end"] == DAYS[-1]
    assert backfilled.metric == METRIC


def test_after_a_backfill_every_day_of_every_asset_is_green(
    page: Page, server: DevServer, backfilled: Backfill
) -> None:
    page.goto("/assets/public/user_behavior_metric?view=partitions")
    for filter_ in ("Failed (0)", "Materialized (6)", "Materializing (0)", "Missing (0)"):
        expect(page.get_by_text(filter_)).to_be_visible()
    for day in DAYS:
        expect(page.get_by_text(day, exact=True).first).to_be_visible()
    materializable = [asset for asset in server.ask(_PARTITIONS)["assetNodes"] if asset["isMaterializable"]]
    assert len(materializable) == 7
    for asset in materializable:
        assert asset["partitionStats"] == {"numMaterialized": 6, "numFailed": 0}, asset["assetKey"]["path"]


def test_one_run_a_day_and_several_at_once_change_no_row(
    page: Page, server: DevServer, shop: Installation, backfilled: Backfill
) -> None:
    before = shop.metric()
    launched = launch_days(server, "user_behavior_metric_job", SINGLE_DAYS)
    page.goto("/runs")
    expect(page.get_by_text(re.compile(r"^Queued \([1-4]\)$"))).to_be_visible()
    ran = finished(server, launched, within=RUNS_LIMIT_SECONDS)
    assert {run.tags["dagster/partition"]: run.status for run in ran} == dict.fromkeys(SINGLE_DAYS, "SUCCESS")
    assert most_at_once(ran) == RUNS_AT_ONCE
    assert shop.metric() == before
