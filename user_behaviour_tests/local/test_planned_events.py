"""The local storage writes planned events in bulk, and a run leaves the rows that stock dagster-postgres leaves."""

import json
import re
from contextlib import closing
from typing import Any

import dagster as dg
import psycopg2
import pytest

from user_behaviour.instance.dead_runs import SESSION_TAG
from user_behaviour.local.stack import Stack
from user_behaviour_tests.dagster_instances import BULK, POOLED, STOCK, instance_on
from user_behaviour_tests.databases import new_database

RUN_ID = "6f9bd7a5-8d45-4c0f-9a57-5f6f3a1c2b10"
RANGE = {"dagster/asset_partition_range_start": "2024-01-02", "dagster/asset_partition_range_end": "2024-01-05"}
ONE_DAY = {"dagster/partition": "2024-01-03"}
DIFFERS = re.compile("^id$|^pid$|time|duration_ms|migration_completed|file_key|log_key|user_behaviour/session")

Rows = dict[str, list[Any]]

pytestmark = pytest.mark.filterwarnings("ignore::dagster.PreviewWarning")


def rows_of(url: str) -> Rows:
    """Every row of every table, without what differs from run to run; events in their order."""
    with closing(psycopg2.connect(url)) as session, session.cursor() as cursor:
        cursor.execute("select table_name from information_schema.tables where table_schema = 'public' order by 1")
        rows: Rows = {}
        for (table,) in cursor.fetchall():
            cursor.execute(f'select row_to_json(t) from "{table}" t')
            found = [row for (row,) in cursor.fetchall() if row.get("key") != SESSION_TAG]
            if table == "event_logs":
                rows[table] = [_scrubbed(row) for row in sorted(found, key=lambda row: int(row["id"]))]
            else:
                rows[table] = sorted((_scrubbed(row) for row in found), key=str)
    return rows


def _scrubbed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _scrubbed(item) for key, item in value.items() if not DIFFERS.search(key)}
    if isinstance(value, list):
        return [_scrubbed(item) for item in value]
    if isinstance(value, str) and value.startswith("{"):
        return _scrubbed(json.loads(value))
    if isinstance(value, str):
        return re.sub(r"\d+(\.\d+)?m?s\b|pid: \d+", "…", value)
    return value


def the_job(*, failing: bool = False) -> dg.JobDefinition:
    """Two daily assets and one without days; checks; tags, metadata and an observation."""
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

    @dg.asset_check(asset=zebra, blocking=True)
    def has_stripes() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True, metadata={"stripes": 26})

    @dg.asset_check(asset=aardvark)
    def is_first() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN)

    job = dg.define_asset_job("zoo", selection="*")
    checks = [has_stripes, is_first]
    return dg.Definitions([zebra, aardvark, monkey], asset_checks=checks, jobs=[job]).resolve_job_def("zoo")


def rows_left_by(storage: str, stack: Stack, tags: dict[str, str], *, failing: bool = False, first: str = "") -> Rows:
    """The rows that a run leaves in a new database; `first` is SQL for the database once it has its tables."""
    with new_database(stack.endpoints().warehouse) as url:
        with instance_on(url, storage) as instance:
            with closing(psycopg2.connect(url)) as session, session, session.cursor() as cursor:
                cursor.execute(first or "select 1")
            job = the_job(failing=failing)
            result = job.execute_in_process(instance=instance, run_id=RUN_ID, tags=tags, raise_on_error=False)
            assert result.success is not failing
        return rows_of(url)


def open_plans(rows: Rows) -> int:
    """Takes the checks that a run planned, and did not do, out of its rows; gives their number."""
    executions = rows["asset_check_executions"]
    rows["asset_check_executions"] = [row for row in executions if row["execution_status"] != "PLANNED"]
    return len(executions) - len(rows["asset_check_executions"])


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
    stack: Stack, monkeypatch: pytest.MonkeyPatch, tags: dict[str, str], *, failing: bool, batch_size: int
) -> None:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", str(batch_size))
    stock, bulk = (rows_left_by(storage, stack, tags, failing=failing) for storage in (STOCK, BULK))
    (stock_open, bulk_open) = (open_plans(rows) for rows in (stock, bulk))
    assert bulk == stock
    # Stock plans each of the three checks for each day, and closes no such plan; here what did not run is open, once.
    assert stock_open == 3 * (1 if tags == ONE_DAY else 4)
    assert bulk_open == (1 if failing else 0)
    filled = {"event_logs", "asset_keys", "asset_event_tags", "asset_check_executions", "runs", "concurrency_slots"}
    assert filled <= {table for table, rows in bulk.items() if rows}


def test_all_planned_events_of_a_run_are_written_in_one_transaction(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "1000")
    with new_database(stack.endpoints().warehouse) as url, instance_on(url, BULK) as instance:
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


# The planned events get in, and the last statement of their transaction fails.
REFUSE_SEVERAL = """
create function refuse() returns trigger language plpgsql as $$ begin
if (select count(*) from event_logs where xmin = pg_current_xact_id()::xid) > 1 then raise exception 'one at a time';
end if; return new; end $$;
create trigger refuse before insert on asset_keys for each row execute function refuse()
"""
# The batch that is refused uses up as many ids.
SKIP_IDS = "select nextval('event_logs_id_seq') from generate_series(1, 3 + 3 * 4)"


def test_events_of_a_refused_batch_are_stored_one_by_one_and_only_once(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "1000")
    bulk = rows_left_by(BULK, stack, RANGE, first=REFUSE_SEVERAL)
    assert "Exception while storing event batch" in capsys.readouterr().err
    assert bulk == rows_left_by(POOLED, stack, RANGE, first=SKIP_IDS)
