"""A Dagster run and its Spark job on EMR: what is published, what is not, and what a killed orchestrator leaves.

The worker plays the job's states; a test writes what the program would have written.
"""

import gc
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest

from user_behaviour_tests.cloud.emr_worker import EmrWorker, Job, Play
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.emr.graph import Graph, as_argument, do_the_work
from user_behaviour_tests.io_managers.greenhouse import MON, TUE
from user_behaviour_tests.spark.test_output import VERDICTS

HELD = Play("succeed", hold="RUNNING")


@pytest.fixture
def graph(cloud: Cloud, worker: EmrWorker, tmp_path: Path) -> Graph:
    (tmp_path / "verdicts.py").write_text("")
    return Graph(cloud.url, cloud.bucket(), str(tmp_path), worker.application_id, worker.role_arn)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def published(graph: Graph) -> list[str]:
    """The batches of both days in force."""
    return [manifest.batch_id for manifest in graph.lake.dataset(VERDICTS).manifests([MON, TUE]).values()]


def job_uri(job: Job) -> str:
    return job.submission.arguments[1]


def as_told(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """The lines of the run's own log."""
    return [entry.user_message for entry in instance.all_logs(run_id) if not entry.is_dagster_event]


def when_running(worker: EmrWorker, act: Callable[[Job], None]) -> threading.Thread:
    """Acts, in a thread, on the next job when it runs."""
    thread = threading.Thread(target=lambda: act(worker.wait_for("RUNNING")))
    thread.start()
    return thread


def test_a_run_publishes_what_its_job_wrote_and_tells_of_the_job_in_its_log(
    graph: Graph, worker: EmrWorker, instance: dg.DagsterInstance
) -> None:
    worker.plays.append(HELD)

    def work(job: Job) -> None:
        do_the_work(graph.lake, job_uri(job))
        worker.release(job)

    thread = when_running(worker, work)
    result = graph.run(instance)
    thread.join()

    assert result.success
    assert published(graph) == [result.run_id, result.run_id]
    assert graph.lake.list("_staging") == []
    told, job = as_told(instance, result.run_id), worker.jobs[0]
    logs = f"s3://{graph.bucket}/lake/_logs/spark/applications/{graph.application}/jobs/{job.id}/"
    assert [line for line in told if job.id in line and logs in line]
    assert [line for line in told if f"{job.id} is RUNNING" in line]
    assert [line for line in told if f"{job.id} is SUCCESS" in line]


def test_a_job_that_ends_badly_publishes_nothing_of_what_it_wrote(
    graph: Graph, worker: EmrWorker, instance: dg.DagsterInstance
) -> None:
    worker.plays.append(Play("fail", "disk full", hold="RUNNING"))

    def work(job: Job) -> None:
        do_the_work(graph.lake, job_uri(job))
        worker.release(job)

    thread = when_running(worker, work)
    result = graph.run(instance)
    thread.join()

    assert not result.success
    assert published(graph) == []
    assert graph.lake.list("_staging") == []


def test_a_run_that_is_cancelled_cancels_its_job(graph: Graph, worker: EmrWorker, instance: dg.DagsterInstance) -> None:
    worker.plays.append(HELD)

    def terminate(_: Job) -> None:
        """As Dagster's run launcher does it: says so, and signals the process."""
        instance.report_run_canceling(instance.get_runs()[0])
        os.kill(os.getpid(), signal.SIGINT)

    thread = when_running(worker, terminate)
    graph.run(instance)
    thread.join()
    # urllib3 leaves the connection of a request that a signal breaks off to the collector, which warns in a later test.
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()

    worker.wait_for("CANCELLED")
    assert published(graph) == []
    assert graph.lake.list("_staging") == []
    (run,) = instance.get_runs()
    assert run.status is dg.DagsterRunStatus.CANCELED


def test_after_a_kill_the_retry_waits_for_the_job_that_runs_and_publishes_its_output(
    graph: Graph, worker: EmrWorker, instance: dg.DagsterInstance
) -> None:
    worker.plays.extend([HELD, Play("fail", "must not be submitted")])
    command = [sys.executable, "-m", "user_behaviour_tests.emr.graph", as_argument(graph)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as orchestrator:
        try:
            job = worker.wait_for("RUNNING")
        finally:
            orchestrator.kill()
    (killed,) = graph.lake.list("_staging/verdicts")

    # As Dagster's own retry of a run whose process died: from its failure, named in the tags.
    tags = {"dagster/parent_run_id": killed, "dagster/root_run_id": killed}
    with ThreadPoolExecutor(1) as pool:
        retry = pool.submit(graph.run, instance, select="verdicts", tags=tags)
        do_the_work(graph.lake, job_uri(job))
        worker.release(job)
        result = retry.result()

    assert result.success
    assert [played.id for played in worker.jobs] == [job.id]
    assert published(graph) == [killed, killed]
    assert graph.lake.list("_staging") == []
    assert [line for line in as_told(instance, result.run_id) if "was submitted before; waiting for it" in line]
