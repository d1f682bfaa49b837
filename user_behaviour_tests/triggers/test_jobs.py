"""The jobs: what each runs, and which days a job can be asked for."""

from datetime import UTC, date, datetime

import dagster as dg
import pytest

from user_behaviour.assets import CLASSIFIER_ASSETS
from user_behaviour.definitions import defs
from user_behaviour.partitions import DAILY, existing_days
from user_behaviour.tables.days import DayRange
from user_behaviour.tables.marts import WAREHOUSE_TABLES
from user_behaviour.triggers.jobs import JOBS, PurgeConfig, classifier_job

SIDES = {
    "purchases_job": {"raw_purchases", "staged_purchases", "spectrum/user_purchase_staging"},
    "reviews_job": {"raw_reviews", "classified_reviews", "spectrum/movie_review_clean_stage"},
    "metric_job": {*(table.name.replace(".", "/") for table in WAREHOUSE_TABLES), "daily_report"},
}


def assets_of(job: dg.JobDefinition) -> set[str]:
    return {key.to_user_string() for key in job.asset_layer.executable_asset_keys}


def checks_of(job: dg.JobDefinition) -> set[dg.AssetCheckKey]:
    return set(job.asset_layer.asset_graph.asset_check_keys)


def test_the_main_job_runs_every_asset_and_every_check_of_one() -> None:
    """The check of a source is no step: the landing gives its result."""
    job = defs.resolve_job_def("user_behavior_metric_job")

    assert assets_of(job) == set().union(*SIDES.values())
    checks = defs.resolve_asset_graph().asset_check_keys
    assert checks_of(job) == {key for key in checks if key.asset_key.to_user_string() in assets_of(job)}


def test_the_classifier_is_in_no_job_of_days() -> None:
    job, of_classifier = (
        defs.resolve_job_def("classifier_job"),
        {asset.key.to_user_string() for asset in CLASSIFIER_ASSETS},
    )

    assert assets_of(job) == of_classifier
    assert job.partitions_def is None
    assert [
        one.name
        for one in JOBS
        if one is not classifier_job and of_classifier & assets_of(defs.resolve_job_def(one.name))
    ] == []


@pytest.mark.parametrize("name", SIDES)
def test_a_side_runs_its_assets_and_their_checks(name: str) -> None:
    job = defs.resolve_job_def(name)

    assert assets_of(job) == SIDES[name]
    assert checks_of(job) == {
        key for key in defs.resolve_asset_graph().asset_check_keys if key.asset_key.to_user_string() in SIDES[name]
    }
    assert job.partitions_def == DAILY


def test_every_job_says_what_it_does() -> None:
    assert [job.name for job in JOBS if not job.description] == []


def test_a_day_exists_when_it_is_over() -> None:
    assert existing_days(datetime(2010, 12, 1, 23, 59, tzinfo=UTC)) is None
    assert existing_days(datetime(2010, 12, 3, tzinfo=UTC)) == DayRange(date(2010, 12, 1), date(2010, 12, 2))


def test_batches_are_kept_for_thirty_days_and_never_for_none() -> None:
    assert PurgeConfig().keep_days == 30
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        PurgeConfig(keep_days=0)
