"""The Dagster instance: its file, its environment, and what becomes of the runs of a killed process."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.instance.config import PoolGranularity

from user_behaviour.instance.instance import PROCESS_TAG, abandoned_runs, prepare, process_tag, report_abandoned
from user_behaviour.instance.storage import PooledRunStorage, PooledScheduleStorage
from user_behaviour.local.planned_events import BulkEventLogStorage, LocalPostgresStorage
from user_behaviour.local.stack import Stack
from user_behaviour.project_files import PROJECT_FILES as CHECKOUT

LOCAL = CHECKOUT / "user_behaviour" / "local" / "dagster.yaml"
KILLED_RUN = """
import os, sys, time
import dagster as dg
from user_behaviour.instance.instance import process_tag

@dg.asset(pool="spark")
def endless() -> None:
    os.write(int(sys.argv[1]), b"started")
    time.sleep(600)

with dg.DagsterInstance.get() as instance:
    job = dg.Definitions([endless]).resolve_implicit_global_asset_job_def()
    job.execute_in_process(instance=instance, tags=process_tag(), run_id=sys.argv[2])
"""


@pytest.fixture
def instance(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """The local instance, in a home of the test's own, with its environment in this process."""
    for name, value in prepare(tmp_path, LOCAL, dagster_url=stack.endpoints().dagster).items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.get() as opened:
        yield opened


def test_preparing_writes_the_file_once_and_again_only_when_it_differs(tmp_path: Path) -> None:
    home = tmp_path / "new" / "dagster"
    before = dict(os.environ)

    environment = prepare(home, LOCAL, dagster_url="postgresql://me:secret@127.0.0.1:5/dagster")
    written = (home / "dagster.yaml").stat()
    prepare(home, LOCAL, dagster_url="postgresql://me:secret@127.0.0.1:6/dagster")
    assert (home / "dagster.yaml").stat().st_ino == written.st_ino

    (home / "dagster.yaml").write_text("telemetry: {enabled: true}\n")
    prepare(home, LOCAL, dagster_url="postgresql://me:secret@127.0.0.1:5/dagster")
    assert (home / "dagster.yaml").read_bytes() == LOCAL.read_bytes()
    assert [file.name for file in home.iterdir()] == ["dagster.yaml"]

    assert dict(os.environ) == before
    assert environment == {
        "DAGSTER_HOME": str(home),
        "USER_BEHAVIOUR_DAGSTER_URL": "postgresql+psycopg2://me:secret@127.0.0.1:5/dagster",
        "DAGSTER_EVENT_BATCH_SIZE": "1000",
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
    }


def test_a_url_that_names_its_driver_is_kept(tmp_path: Path) -> None:
    environment = prepare(tmp_path, LOCAL, dagster_url="postgresql+psycopg2://me@127.0.0.1:5/dagster")
    assert environment["USER_BEHAVIOUR_DAGSTER_URL"] == "postgresql+psycopg2://me@127.0.0.1:5/dagster"


def test_importing_the_module_does_not_import_dagster() -> None:
    code = "import sys, user_behaviour.instance.instance; sys.exit('dagster' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_dagster_takes_every_setting_of_the_file(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    assert isinstance(instance.get_ref().storage, LocalPostgresStorage)
    run_queue = instance.get_concurrency_config().run_queue_config
    assert run_queue is not None
    assert run_queue.max_concurrent_runs == 2
    pools = instance.get_concurrency_config().pool_config
    assert (pools.pool_granularity, pools.default_pool_limit) == (PoolGranularity.OP, 2)
    assert type(instance.run_coordinator).__name__ == "QueuedRunCoordinator"
    assert instance.run_monitoring_enabled
    assert instance.run_monitoring_settings["free_slots_after_run_end_seconds"] == 60
    assert (instance.run_retries_enabled, instance.run_retries_max_retries) == (True, 2)
    assert instance.run_retries_retry_on_asset_or_op_failure is False
    kept = {"SKIPPED": 2, "STARTED": 30, "FAILURE": 30, "SUCCESS": 90}
    assert _days_kept(instance, InstigatorType.SENSOR) == kept
    assert set(_days_kept(instance, InstigatorType.SCHEDULE).values()) == {90}
    assert not instance.telemetry_enabled
    assert not instance.nux_enabled
    assert instance.compute_log_manager.get_captured_local_path(["run"], "out").startswith(f"{tmp_path}/")


def _days_kept(instance: dg.DagsterInstance, what: InstigatorType) -> dict[str, int]:
    return {status.value: days for status, days in instance.get_tick_retention_settings(what).items()}


def test_another_process_gets_the_same_storage_from_the_reference_of_the_instance(instance: dg.DagsterInstance) -> None:
    with dg.DagsterInstance.from_ref(instance.get_ref()) as same:
        assert isinstance(same.event_log_storage, BulkEventLogStorage)
        assert isinstance(same.run_storage, PooledRunStorage)
        assert isinstance(same.schedule_storage, PooledScheduleStorage)


def test_a_run_whose_process_was_killed_is_reported_once_and_its_pool_slot_is_free(
    instance: dg.DagsterInstance,
) -> None:
    """Runs of a killed command used to be `STARTED` for ever, and the next command waited for their pool slots."""
    run_id = "0d4e6bd2-52a1-4f6c-8a86-6ccf6d3ac3a1"
    _run_and_kill(run_id)

    assert [run.run_id for run in abandoned_runs(instance)] == [run_id]
    assert len(instance.event_log_storage.get_concurrency_info("spark").claimed_slots) == 1
    assert report_abandoned(instance) == 1

    run = instance.get_run_by_id(run_id)
    assert run is not None
    assert run.status == dg.DagsterRunStatus.FAILURE
    (failure,) = instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    assert "ended without finishing it: it was killed, or the machine stopped." in failure.get_dagster_event().message
    assert instance.event_log_storage.get_concurrency_info("spark").claimed_slots == []
    assert run.tags["dagster/will_retry"] == "false"
    assert report_abandoned(instance) == 0


def _run_and_kill(run_id: str) -> None:
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED_RUN, str(writer), run_id],
        pass_fds=[writer],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    try:
        assert os.read(reader, 7) == b"started"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        os.close(reader)


def test_runs_of_others_and_of_the_living_are_left_alone(instance: dg.DagsterInstance) -> None:
    @dg.asset
    def anything() -> None: ...

    job = dg.Definitions([anything]).resolve_implicit_global_asset_job_def()
    gone = f"{socket.gethostname()}:{os.getpid()}:1"  # a process of long ago that had the id of this one
    tags = [process_tag(), {}, {PROCESS_TAG: "elsewhere.example:1:1"}, {PROCESS_TAG: "what?"}, {PROCESS_TAG: gone}]
    runs = [instance.create_run_for_job(job, tags=tag, status=dg.DagsterRunStatus.STARTED) for tag in tags]
    assert [run.run_id for run in abandoned_runs(instance)] == [runs[-1].run_id]
