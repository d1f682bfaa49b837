"""Re-execution from failure heals, and what is not published stays red: runs as Dagster re-executes them."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from user_behaviour.checks.re_execution import MAKES_AGAIN_FOR
from user_behaviour.tables.days import DayRange
from user_behaviour_tests.graph.installation import GOOD, Installation, checks, failure_messages, new_installation

pytestmark = pytest.mark.takes(45)

BAD = "cid,review_str\n14000,good\nnobody,bad\n"
REVIEWS = ["raw_reviews", "classified_reviews", "spectrum/movie_review_clean_stage", "public/user_behavior_metric"]
PUBLISHED = "raw_reviews:every_day_is_published"
QUARANTINE = "raw_reviews:quarantine_is_empty"


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    """One for all of these tests; each has a month of its own."""
    with new_installation() as installation:
        yield installation


def job_of(home: str) -> dg.JobDefinition:
    """The job of an installation, for a process that finds it by the name of this function."""
    return Installation(Path(home)).defs.resolve_job_def("user_behavior_metric_job")


def run(installation: Installation, first: str, last: str) -> dg.ExecuteInProcessResult:
    """A run of the job over the days."""
    days = DayRange(date.fromisoformat(first), date.fromisoformat(last))
    job = installation.defs.resolve_job_def("user_behavior_metric_job")
    return job.execute_in_process(instance=installation.instance, tags=days.tags(), raise_on_error=False)


def re_executed(installation: Installation, options: dg.ReexecutionOptions) -> dg.JobExecutionResult:
    """Re-executes a run, as the UI does."""
    job = dg.build_reconstructable_job(__name__, "job_of", (str(installation.home),))
    parent = installation.instance.get_run_by_id(options.parent_run_id)
    assert parent is not None
    return dg.execute_job(
        job, installation.instance, tags=parent.tags, reexecution_options=options, raise_on_error=False
    )


def test_a_day_that_is_not_published_is_red_until_it_is_and_fails_no_later_run(installation: Installation) -> None:
    """A run of the next day turned the check green over ten red days, and their warnings were gone."""
    installation.three_days("02", second=BAD)
    alone = run(installation, "2011-02-02", "2011-02-02")
    assert not alone.success
    published = dg.AssetCheckKey(dg.AssetKey("raw_reviews"), "every_day_is_published")
    (of_alone,) = installation.instance.event_log_storage.get_asset_check_execution_history(published, limit=9)
    assert (of_alone.run_id, of_alone.status.value) == (alone.run_id, "FAILED")
    assert of_alone.evaluation.description.startswith("2011-02-02: movie_review_2011-02-02.csv, line 3: customer id")
    assert not run(installation, "2011-02-01", "2011-02-02").success
    later = run(installation, "2011-02-03", "2011-02-03")
    assert later.success, failure_messages(later)
    said = checks(later)
    for asset in REVIEWS:
        claim = said[f"{asset}:every_day_is_published"]
        assert (claim.passed, claim.severity) == (False, dg.AssetCheckSeverity.ERROR), asset
        assert "2011-02-02" in claim.metadata["days"].value
        assert claim.metadata["days_looked_at"].value == 1
    assert said[PUBLISHED].description.startswith("Not of this run: 2011-")
    assert "movie_review_2011-02-02.csv, line 3: customer id" in said[PUBLISHED].metadata["sample"].value
    assert "movie_review_2011-02-02.csv, line 3: customer id" in said[QUARANTINE].metadata["sample"].value
    assert said["raw_purchases:every_day_is_published"].passed
    installation.deliver("movie_review_2011-02-02.csv", GOOD)
    again = re_executed(installation, dg.ReexecutionOptions(parent_run_id=alone.run_id))
    assert again.success
    assert not installation.instance.get_runs(dg.RunsFilter(tags={MAKES_AGAIN_FOR: again.run_id}))
    healed = checks(run(installation, "2011-02-03", "2011-02-03"))
    assert all(healed[f"{asset}:every_day_is_published"].passed for asset in REVIEWS)
    assert healed[QUARANTINE].passed


def test_a_retry_makes_the_held_back_days_again_and_no_other(installation: Installation) -> None:
    """Only the checks of a mixed range fail, so the retry ran these and complained of a file that was whole by then."""
    installation.three_days("03", second=BAD)
    failed = run(installation, "2011-03-01", "2011-03-03")
    assert not failed.success
    installation.deliver("movie_review_2011-03-02.csv", GOOD)
    retry = re_executed(installation, dg.ReexecutionOptions.from_failure(failed.run_id, installation.instance))
    assert retry.success
    assert [row[0].day for row in installation.metric("2011-03-01", "2011-03-28")] == [1, 2, 3]
    (made,) = installation.instance.get_runs(dg.RunsFilter(tags={MAKES_AGAIN_FOR: retry.run_id}))
    assert made.is_success
    said = {e.asset_key.to_user_string(): e for e in retry.get_asset_check_evaluations()}
    assert list(said)
    assert all(each.passed for each in said.values())
    for each in said.values():
        assert each.metadata["made again from 2011-03-02 to 2011-03-02"].value == made.run_id


def test_a_retry_speaks_of_the_files_that_are_there_now(installation: Installation) -> None:
    installation.three_days("04", second=BAD)
    failed = run(installation, "2011-04-01", "2011-04-03")
    installation.deliver("movie_review_2011-04-02.csv", "cid,review_str\n14000,good\n14001\n")
    retry = re_executed(installation, dg.ReexecutionOptions.from_failure(failed.run_id, installation.instance))
    assert not retry.success
    (made,) = installation.instance.get_runs(dg.RunsFilter(tags={MAKES_AGAIN_FOR: retry.run_id}))
    assert made.status is dg.DagsterRunStatus.FAILURE
    said = {e.asset_key.to_user_string(): e.description for e in retry.get_asset_check_evaluations()}
    assert said["raw_reviews"].startswith("2011-04-02: movie_review_2011-04-02.csv, line 3: 2 fields expected, 1 found")
    assert said["public/user_behavior_metric"].startswith("2011-04-02: not written")
