"""A job on EMR is submitted once, whatever becomes of answers and orchestrators, and is found again."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from user_behaviour.aws.clients import Aws
from user_behaviour.spark.emr import SparkJobError
from user_behaviour_tests.cloud.emr_worker import Play
from user_behaviour_tests.cloud.fault_proxy import faults
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.emr.conftest import SUCCEED, Emr, when_logged


def test_a_submission_whose_answer_is_lost_starts_one_job(emr: Emr, cloud: Cloud) -> None:
    emr.worker.plays.extend([SUCCEED, SUCCEED])

    with faults(cloud, emr.submission) as proxy:
        emr.spark(proxy.aws).run("verdicts.py", emr.job)

    assert proxy.struck() == 1
    assert len(emr.worker.jobs) == 1


def test_throttling_is_waited_out(emr: Emr, cloud: Cloud) -> None:
    emr.worker.plays.append(SUCCEED)

    with faults(cloud, *emr.throttled) as proxy:
        emr.spark(proxy.aws).run("verdicts.py", emr.job)

    assert proxy.struck() >= 2
    assert len(emr.worker.jobs) == 1


def test_the_same_job_again_waits_for_the_one_that_runs(emr: Emr, aws: Aws) -> None:
    emr.worker.plays.extend([Play("succeed", hold="RUNNING"), Play("fail", "must not be submitted")])
    attached = threading.Event()
    with ThreadPoolExecutor(2) as pool, when_logged("was submitted before; waiting", attached.set):
        first = pool.submit(emr.spark(aws).run, "verdicts.py", emr.job)
        job = emr.worker.wait_for("RUNNING")
        second = pool.submit(emr.spark(aws).run, "verdicts.py", emr.job)
        assert attached.wait(30)

        emr.worker.release(job)
        first.result()
        second.result()

    assert len(emr.worker.jobs) == 1


def test_a_job_that_has_ended_well_is_taken_as_done_and_one_that_has_not_as_failed(emr: Emr, aws: Aws) -> None:
    emr.worker.plays.extend([SUCCEED, Play("fail", "no inputs")])
    spark = emr.spark(aws)

    for _ in range(2):
        spark.run("verdicts.py", emr.job)
    for _ in range(2):
        with pytest.raises(SparkJobError, match="no inputs"):
            spark.run("verdicts.py", emr.other_job)

    assert len(emr.worker.jobs) == 2


def test_a_job_is_found_behind_many_others(emr: Emr, aws: Aws, cloud: Cloud) -> None:
    emr.worker.plays.extend([SUCCEED] * 102)
    spark = emr.spark(aws)
    others: list[Callable[[], object]] = [
        partial(spark.submit, f"other-{n}", "s3://lake/other.py", ["--job", emr.job], spark.python) for n in range(101)
    ]
    ours = partial(spark.run, "verdicts.py", emr.job)
    for submit in [*others, ours] if emr.waiting == "SUBMITTED" else [ours, *others]:  # not on the first page
        submit()

    with faults(cloud) as proxy:
        emr.spark(proxy.aws).run("verdicts.py", emr.job)

    assert len(emr.worker.jobs) == 102
    assert sum("ListSteps" in asked.target or "jobruns?" in asked.path for asked in proxy.requests) > 1
