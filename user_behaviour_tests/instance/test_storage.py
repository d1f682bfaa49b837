"""The storage of the local Dagster instance: the same rows as stock dagster-postgres, in bulk and over a small pool."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg2
import pytest
import yaml

from user_behaviour.instance.storage import POOL_SIZE
from user_behaviour.local.stack import Stack

RUN_ID = "6f9bd7a5-8d45-4c0f-9a57-5f6f3a1c2b10"
RANGE = {"dagster/asset_partition_range_start": "2024-01-02", "dagster/asset_partition_range_end": "2024-01-05"}
ONE_DAY = {"dagster/partition": "2024-01-03"}
STOCK = {"postgres": {"postgres_url": {"env": "TEST_DAGSTER_URL"}}}
OURS = {
    "custom": {
        "module": "user_behaviour.instance.storage",
        "class": "PooledPostgresStorage",
        "config": {"postgres_url": {"env": "TEST_DAGSTER_URL"}},
    }
}

NewDatabase = Callable[[str], str]
Rows = dict[str, list[tuple[Any, ...]]]

pytestmark = pytest.mark.filterwarnings("ignore::dagster.PreviewWarning")


@pytest.fixture(scope="module")
def new_database(stack: Stack) -> NewDatabase:
    """Makes an empty database of the given name and returns its libpq URL."""
    url = stack.endpoints().dagster

    def create(name: str) -> str:
        with closing(psycopg2.connect(url)) as session:
            session.autocommit = True
            session.cursor().execute(f'drop database if exists "{name}"')
            session.cursor().execute(f'create database "{name}"')
        return url.replace("/dagster", f"/{name}")

    return create


@pytest.fixture
def open_instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    @contextmanager
    def opened(storage: dict[str, Any], url: str, *, batch_size: int = 1000) -> Iterator[dg.DagsterInstance]:
        monkeypatch.setenv("TEST_DAGSTER_URL", url.replace("postgresql://", "postgresql+psycopg2://"))
        monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", str(batch_size))
        config = {"storage": storage, "telemetry": {"enabled": False}, "concurrency": {"pools": {"default_limit": 1}}}
        (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(config))
        with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
            yield instance

    return opened


def rows_of(url: str) -> Rows:
    """Every row of every table, without what differs from run to run; events in their order."""
    with closing(psycopg2.connect(url)) as session, session.cursor() as cursor:
        cursor.execute("select table_name from information_schema.tables where table_schema = 'public' order by 1")
        tables = [name for (name,) in cursor.fetchall()]
        rows: Rows = {}
        for table in tables:
            cursor.execute(f'select row_to_json(t) from "{table}" t')
            found = [row for (row,) in cursor.fetchall()]
            if table == "event_logs":
                rows[table] = [_scrubbed(row) for row in sorted(found, key=lambda row: int(row["id"]))]
            else:
                rows[table] = sorted((_scrubbed(row) for row in found), key=str)
    return rows


def _scrubbed(value: Any) -> Any:
    if isinstance(value, dict):
        differs = re.compile("^id$|^pid$|time|duration_ms|migration_completed|file_key|log_key")
        return {key: _scrubbed(item) for key, item in value.items() if not differs.search(key)}
    if isinstance(value, list):
        return [_scrubbed(item) for item in value]
    if isinstance(value, str) and value.startswith("{"):
        return _scrubbed(json.loads(value))
    if isinstance(value, str):
        return re.sub(r"\d+(\.\d+)?m?s\b|pid: \d+", "…", value)
    return value


def the_job(*, failing: bool = False) -> dg.JobDefinition:
    """Two daily assets and one without days; checks with and without days; tags, metadata and an observation."""
    days = dg.DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-02-01")

    @dg.asset(partitions_def=days, check_specs=[dg.AssetCheckSpec("inline", asset="zebra")], pool="source")
    def zebra(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        for day in context.partition_keys:
            context.add_asset_metadata({"rows": int(day[-2:])}, partition_key=day)
        verdict = dg.AssetCheckResult(passed=True, check_name="inline")
        return dg.MaterializeResult(tags={"colour": "striped"}, check_results=[verdict])

    @dg.asset(partitions_def=days, deps=[zebra])
    def aardvark(context: dg.AssetExecutionContext) -> None:
        context.log_event(dg.AssetObservation("aardvark", partition=context.partition_keys[0], tags={"seen": "yes"}))
        if failing:
            raise dg.Failure("as asked", allow_retries=False)

    @dg.asset(deps=[aardvark])
    def monkey() -> None: ...

    @dg.asset_check(asset=zebra, blocking=True, partitions_def=days)
    def has_stripes() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True, metadata={"stripes": 26})

    @dg.asset_check(asset=aardvark)
    def is_first() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN)

    job = dg.define_asset_job("zoo", selection="*")
    checks = [has_stripes, is_first]
    return dg.Definitions([zebra, aardvark, monkey], asset_checks=checks, jobs=[job]).resolve_job_def("zoo")


@pytest.mark.parametrize(
    ("tags", "failing", "batch_size"),
    [
        pytest.param(RANGE, False, 1000, id="a range in one batch"),
        pytest.param(RANGE, False, 7, id="a range in mixed batches of seven"),
        pytest.param(RANGE, True, 1000, id="a range that fails half-way"),
        pytest.param(ONE_DAY, False, 1000, id="one day"),
    ],
)
def test_a_run_leaves_the_same_rows_as_with_the_stock_storage(
    new_database: NewDatabase, open_instance: Any, tags: dict[str, str], *, failing: bool, batch_size: int
) -> None:
    left = {}
    for name, storage in (("stock", STOCK), ("ours", OURS)):
        url = new_database(name)
        with open_instance(storage, url, batch_size=batch_size) as instance:
            result = the_job(failing=failing).execute_in_process(
                instance=instance, run_id=RUN_ID, tags=tags, raise_on_error=False
            )
            assert result.success is not failing
        left[name] = rows_of(url)

    assert left["ours"] == left["stock"]
    filled = {"event_logs", "asset_keys", "asset_event_tags", "asset_check_executions", "runs", "concurrency_slots"}
    assert filled <= {table for table, rows in left["ours"].items() if rows}


def test_all_planned_events_of_a_run_are_written_in_one_transaction(
    new_database: NewDatabase, open_instance: Any
) -> None:
    url = new_database("one_transaction")
    with open_instance(OURS, url) as instance:
        the_job().execute_in_process(instance=instance, tags=RANGE)

    with closing(psycopg2.connect(url)) as session, session.cursor() as cursor:
        cursor.execute(
            "select dagster_event_type, count(*), count(distinct xmin::text), min(xmin::text) from event_logs "
            "where dagster_event_type like '%PLANNED' group by 1 order by 1"
        )
        (_, checks, *check_writes), (_, materializations, *writes) = cursor.fetchall()
    assert (checks, materializations) == (3, 3 * 4)
    assert check_writes == writes
    assert writes[0] == 1


def test_events_of_a_refused_batch_are_stored_one_by_one_and_only_once(
    new_database: NewDatabase, open_instance: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    left = {}
    for name, storage in (("stock", STOCK), ("ours", OURS)):
        url = new_database(name)
        with open_instance(storage, url) as instance:
            if name == "ours":
                _refuse_asset_keys_after_several_events(url)
            else:
                _skip_event_ids(url, 3 + 3 * 4)  # the batch that is refused uses up as many
            the_job().execute_in_process(instance=instance, run_id=RUN_ID, tags=RANGE)
        left[name] = rows_of(url)

    assert "Exception while storing event batch" in capsys.readouterr().err
    assert left["ours"] == left["stock"]


def _refuse_asset_keys_after_several_events(url: str) -> None:
    """The planned events get in, and the last statement of their transaction fails."""
    with closing(psycopg2.connect(url)) as session, session, session.cursor() as cursor:
        cursor.execute(
            "create function refuse() returns trigger language plpgsql as $$ begin "
            "if (select count(*) from event_logs where xmin = pg_current_xact_id()::xid) > 1 then "
            "raise exception 'one at a time'; end if; return new; end $$"
        )
        cursor.execute("create trigger refuse before insert on asset_keys for each row execute function refuse()")


def _skip_event_ids(url: str, count: int) -> None:
    with closing(psycopg2.connect(url)) as session, session, session.cursor() as cursor:
        cursor.execute("select nextval('event_logs_id_seq') from generate_series(1, %s)", (count,))


def test_a_process_keeps_few_connections_and_none_after_the_instance_is_closed(
    new_database: NewDatabase, open_instance: Any
) -> None:
    with open_instance(OURS, new_database("connections")) as instance:
        the_job().execute_in_process(instance=instance, tags=RANGE)
        engine = instance.event_log_storage._engine
        assert instance.run_storage._engine is engine
        assert instance.schedule_storage._engine is engine
        assert engine.pool.checkedout() == 0
        assert 0 < engine.pool.checkedin() <= POOL_SIZE
    assert engine.pool.checkedin() == 0


FORKING = """
import os, sys
from sqlalchemy import text
from user_behaviour.instance.storage import PooledPostgresStorage

storage = PooledPostgresStorage(sys.argv[1])
def backend() -> int:
    with storage.event_log_storage.index_connection() as connection:
        return connection.execute(text("select pg_backend_pid()")).scalar()

before = backend()
child = os.fork()
if not child:
    os._exit(0 if backend() != before else 1)
_, status = os.waitpid(child, 0)
print(status, backend() == before)
"""


def test_a_forked_child_neither_uses_nor_closes_its_parents_connections(new_database: NewDatabase) -> None:
    url = new_database("forked").replace("postgresql://", "postgresql+psycopg2://")
    done = subprocess.run([sys.executable, "-c", FORKING, url], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["0", "True"], done.stderr
