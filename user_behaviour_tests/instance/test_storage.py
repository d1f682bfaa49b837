"""Dagster's storage on a pool: few connections, good ones, and concurrency pools that neither spin nor fail."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing

import dagster as dg
import psycopg2
import pytest
from sqlalchemy import text

from user_behaviour.instance.storage import CLAIM_PAUSE_SECONDS, POOL_SIZE
from user_behaviour.local.stack import Stack
from user_behaviour_tests.dagster_instances import POOLED, instance_on, with_driver
from user_behaviour_tests.databases import new_database

SESSION = 1  # of a process that executes runs
OF_OTHERS = "pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"


@pytest.fixture(scope="module")
def url(stack: Stack) -> Iterator[str]:
    with new_database(stack.endpoints().warehouse) as made:
        yield made


@pytest.fixture
def instance(url: str) -> Iterator[dg.DagsterInstance]:
    with instance_on(url, POOLED) as opened:
        yield opened


def connections(url: str, *, terminate: bool = False) -> int:
    """How many connections others have to the database; or had, if they are terminated."""
    with closing(psycopg2.connect(url)) as session, session.cursor() as cursor:
        cursor.execute(f"select {'pg_terminate_backend(pid, 10000)' if terminate else 'pid'} from {OF_OTHERS}")
        return cursor.rowcount


def use_every_storage(instance: dg.DagsterInstance) -> None:
    @dg.op(pool="source")
    def step() -> None: ...

    @dg.job
    def job() -> None:
        step()

    assert job.execute_in_process(instance=instance).success
    instance.all_instigator_state()


def test_a_process_keeps_few_connections_and_none_after_the_instance_is_closed(url: str) -> None:
    with instance_on(url, POOLED) as instance:
        use_every_storage(instance)
        assert 0 < connections(url) <= POOL_SIZE + SESSION
    assert connections(url) == 0


def test_connections_that_the_server_dropped_meanwhile_are_replaced(instance: dg.DagsterInstance, url: str) -> None:
    before = instance.get_runs_count()
    assert connections(url, terminate=True) >= 1
    assert instance.get_runs_count() == before


def test_the_webserver_gets_its_statement_timeout_and_no_further_pools(instance: dg.DagsterInstance, url: str) -> None:
    instance.optimize_for_webserver(statement_timeout=12_345, pool_recycle=60, max_overflow=20)
    use_every_storage(instance)
    assert 0 < connections(url) <= POOL_SIZE + SESSION
    with instance.event_log_storage.index_connection() as connection:
        assert connection.execute(text("show statement_timeout")).scalar() == "12345ms"


def test_a_step_that_finds_its_pool_full_waits_instead_of_spinning(instance: dg.DagsterInstance) -> None:
    """Of two runs that wanted the same pool, the second used to keep a core busy with waiting."""
    storage = instance.event_log_storage
    storage.set_concurrency_slots("narrow", 1)
    assert storage.claim_concurrency_slot("narrow", "first", "step").is_claimed

    start = time.monotonic()
    refused = storage.claim_concurrency_slot("narrow", "second", "step")
    assert time.monotonic() - start >= CLAIM_PAUSE_SECONDS
    assert (refused.is_claimed, refused.sleep_interval) == (False, 0.0)

    storage.free_concurrency_slots_for_run("first")
    assert storage.claim_concurrency_slot("narrow", "second", "step").is_claimed


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


def test_a_forked_child_neither_uses_nor_closes_its_parents_connections(url: str) -> None:
    command = [sys.executable, "-c", FORKING, with_driver(url)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["0", "True"], done.stderr
