"""The Dagster instance: its file and its environment."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.instance.config import PoolGranularity

from user_behaviour.instance.instance import prepare
from user_behaviour.instance.launcher import WatchedRunLauncher
from user_behaviour.instance.storage import PooledRunStorage, PooledScheduleStorage
from user_behaviour.local.planned_events import BulkEventLogStorage, LocalPostgresStorage
from user_behaviour_tests.instance.conftest import LOCAL


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
    assert type(instance.run_launcher) is WatchedRunLauncher
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
