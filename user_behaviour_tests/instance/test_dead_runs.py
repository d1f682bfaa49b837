"""Whose run is dead: by its session, on whatever host; what becomes of what it held; what a run says that waits."""

import io
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
import pytest
from dagster._daemon.monitoring.run_monitoring import monitor_started_run
from rich.console import Console
from sqlalchemy import text

from user_behaviour.commands.progress import RunProgress
from user_behaviour.commands.run_report import RunReport
from user_behaviour.instance import sessions
from user_behaviour.instance.dead_runs import (
    CODE_LOCATION_TAG,
    PROCESS_TAG,
    SESSION_TAG,
    dead,
    process_tag,
    report_abandoned,
)
from user_behaviour.instance.pool_wait import PoolWait
from user_behaviour.instance.sessions import LOCK_CLASS, Session, open_sessions
from user_behaviour.instance.storage import pooled_engine
from user_behaviour.tables.days import DayRange
from user_behaviour_tests.vendor.files import D1

HERE = socket.gethostname()
LONG_RUN = """
import os, socket, sys, time
socket.gethostname = lambda: "container-1"
import dagster as dg

@dg.asset(pool="narrow")
def endless() -> None:
    os.write(int(sys.argv[1]), b"started")
    time.sleep(600)

with dg.DagsterInstance.get() as instance:
    job = dg.Definitions([endless]).resolve_implicit_global_asset_job_def()
    job.execute_in_process(instance=instance, run_id=sys.argv[2])
"""


@dg.asset(pool="narrow")
def anything() -> None: ...


JOB = dg.Definitions([anything]).resolve_implicit_global_asset_job_def()


@pytest.fixture
def session(instance: dg.DagsterInstance) -> Iterator[Session]:
    """The session of a process, as if on another host."""
    session = Session(
        pooled_engine(os.environ["USER_BEHAVIOUR_DAGSTER_URL"] + "?connect_timeout=20&keepalives_idle=60")
    )
    yield session
    session.close()


@pytest.fixture(autouse=True)
def _own_pool(instance: dg.DagsterInstance) -> Iterator[None]:
    instance.event_log_storage.set_concurrency_slots("narrow", 1)
    yield
    for run in instance.get_runs():
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        instance.delete_run(run.run_id)


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server has been up for long."""
    monkeypatch.setattr(sessions, "SETTLED_SECONDS", 0)


def started_run(instance: dg.DagsterInstance, **tags: str) -> dg.DagsterRun:
    run_id = instance.create_run_for_job(JOB, status=dg.DagsterRunStatus.STARTED).run_id
    instance.add_run_tags(run_id, {f"user_behaviour/{name}": value for name, value in tags.items()})
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run


@contextmanager
def long_run(run_id: str) -> Iterator[subprocess.Popen[bytes]]:
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", LONG_RUN, str(writer), run_id],
        pass_fds=[writer],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    try:
        assert os.read(reader, 7) == b"started"
        yield process
    finally:
        process.kill()
        process.wait()
        os.close(reader)


@pytest.mark.usefixtures("settled")
def test_a_run_of_another_host_keeps_its_slot_while_its_process_is_there_and_loses_it_when_that_is_killed(
    instance: dg.DagsterInstance,
) -> None:
    """A container has another name at each start: the run of a killed one was `STARTED`, and had its slot, for ever."""
    run_id = "0d4e6bd2-52a1-4f6c-8a86-6ccf6d3ac3a1"
    with long_run(run_id) as process:
        process.send_signal(signal.SIGSTOP)  # as a laptop that sleeps, or Ctrl-Z: no heart beats
        assert report_abandoned(instance) == 0
        (slot,) = instance.event_log_storage.get_concurrency_info("narrow").claimed_slots
        assert slot.run_id == run_id

    waiting = started_run(instance)
    claims = [instance.event_log_storage.claim_concurrency_slot("narrow", waiting.run_id, "step") for _ in range(2)]
    assert [claim.is_claimed for claim in claims] == [False, True]  # it waits, and finds the holder dead

    run = instance.get_run_by_id(run_id)
    assert run is not None
    assert run.status == dg.DagsterRunStatus.FAILURE
    (failure,) = instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    assert f"(container-1:{process.pid}:" in failure.get_dagster_event().message
    assert "ended without finishing it: it was killed, or the machine stopped." in failure.get_dagster_event().message
    assert run.tags["dagster/will_retry"] == "false"
    assert report_abandoned(instance) == 0


@pytest.mark.parametrize("is_settled", [True, False])
def test_who_is_dead(
    instance: dg.DagsterInstance, session: Session, monkeypatch: pytest.MonkeyPatch, is_settled: bool
) -> None:
    monkeypatch.setattr(sessions, "SETTLED_SECONDS", 0 if is_settled else 1 << 30)
    is_open, unknown = session.hold(), "7"
    gone = f"{HERE}:{os.getpid()}:1"  # a process of long ago that had the id of this one
    runs = {
        "of an open session": started_run(instance, session=f"elsewhere:1:1:{is_open}"),
        "of an open session, whose process id another container knows nothing of": started_run(
            instance, session=f"{gone}:{is_open}"
        ),
        "of a session that is gone": started_run(instance, session=f"elsewhere:1:1:{unknown}"),
        "of a session and a process that are gone": started_run(instance, session=f"{gone}:{unknown}"),
        "of version 0.2.0, here": started_run(instance, process=gone),
        "of version 0.2.0, elsewhere": started_run(instance, process="elsewhere.example:1:1"),
        "of this process, not begun": started_run(instance, process=process_tag()[PROCESS_TAG]),
        "odd": started_run(instance, process="what?"),
        "of nobody": started_run(instance),
    }

    found = dead(instance, runs.values())

    certain = ["of a session and a process that are gone", "of version 0.2.0, here"]
    # A server that has just started has no sessions yet, and the processes live.
    expected = ["of a session that is gone", *certain] if is_settled else certain
    assert [name for name, run in runs.items() if run in found] == expected


def test_a_session_that_the_server_ended_is_opened_again_with_its_number(
    instance: dg.DagsterInstance, session: Session
) -> None:
    number = session.hold()
    holder = f"select pid from pg_locks where locktype = 'advisory' and classid = {LOCK_CLASS} and objid = {number}"
    with pooled_engine(os.environ["USER_BEHAVIOUR_DAGSTER_URL"]).connect() as connection:
        before = connection.execute(text(holder)).scalar_one()
        connection.execute(text(f"select pg_terminate_backend({before}, 10000)"))
        give_up = time.monotonic() + 20
        while (now := connection.execute(text(holder)).scalar()) in (None, before):
            assert time.monotonic() < give_up
        assert now is not None
        session.close()
        while number in open_sessions(connection).numbers:
            assert time.monotonic() < give_up


def test_a_run_that_is_executed_again_does_not_take_over_the_session_of_its_parent(
    instance: dg.DagsterInstance,
) -> None:
    """Dagster gives it the tags of its parent, and the parent is dead."""
    run = instance.create_run_for_job(JOB, tags={SESSION_TAG: "elsewhere:1:1:7", "kept": "yes"})
    stored = instance.get_run_by_id(run.run_id)
    assert stored is not None
    assert (SESSION_TAG in run.tags, SESSION_TAG in stored.tags, stored.tags["kept"]) == (False, False, "yes")


def test_a_run_that_names_its_code_location_can_be_executed_again_in_the_ui(instance: dg.DagsterInstance) -> None:
    """Runs of the command had no origin, and the UI's button ended in a CheckError of Dagster's."""
    run = instance.create_run_for_job(JOB, tags={CODE_LOCATION_TAG: "here", **process_tag()})
    assert run.remote_job_origin is not None
    repository = run.remote_job_origin.repository_origin
    found = (run.remote_job_origin.location_name, repository.repository_name, run.remote_job_origin.job_name)
    assert found == ("here", "__repository__", JOB.name)
    again = instance.create_run_for_job(JOB, tags=dict(run.tags), parent_run_id=run.run_id, root_run_id=run.run_id)
    assert PROCESS_TAG not in again.tags


def test_a_step_that_waits_says_once_who_holds_the_slots_and_how_to_free_one(
    instance: dg.DagsterInstance, session: Session
) -> None:
    holder = started_run(instance, session=f"elsewhere:12:1300000000:{session.hold()}")
    waiting = started_run(instance)
    console = Console(record=True, width=1000, file=io.StringIO())
    report = RunReport(waiting.run_id, [anything.key], DayRange(D1, D1), RunProgress(console))
    instance.add_event_listener(waiting.run_id, report)
    storage = instance.event_log_storage
    assert storage.claim_concurrency_slot("narrow", holder.run_id, "classified_reviews").is_claimed

    for _ in range(2):
        assert not storage.claim_concurrency_slot("narrow", waiting.run_id, "anything").is_claimed

    said = (
        f"Waits for a slot of pool narrow; they are held by classified_reviews of run {holder.run_id} "
        "(elsewhere:12:1300000000). It goes on when one of these steps ends, or its process (host:pid:start). To free "
        "a slot by hand: Deployment, Concurrency, narrow in Dagster's UI."
    )
    events = instance.all_logs(waiting.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    assert [event.get_dagster_event().message for event in events] == [said]
    assert console.export_text() == f"  anything: {said}\n"


def test_a_pool_whose_slots_were_given_back_meanwhile_has_nothing_to_be_said_of(instance: dg.DagsterInstance) -> None:
    """Dagster refuses to look for the runs of no id, and the step that waited failed."""
    waiting = started_run(instance)
    PoolWait().look(instance, "narrow", waiting.run_id, "anything")
    assert instance.all_logs(waiting.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT) == []


@pytest.mark.usefixtures("settled")
def test_the_daemon_finds_the_dead_too_and_leaves_the_living_alone(
    instance: dg.DagsterInstance, session: Session
) -> None:
    """Two runs that died with their container used to fill the queue: no other run was launched, ever."""
    living = started_run(instance, session=f"elsewhere:1:1:{session.hold()}")
    gone = started_run(instance, session="elsewhere:1:1:7")
    assert instance.event_log_storage.claim_concurrency_slot("narrow", gone.run_id, "step").is_claimed

    for run in (living, gone):
        record = instance.get_run_record_by_id(run.run_id)
        assert record is not None
        monitor_started_run(instance, None, record, logging.getLogger())  # type: ignore[arg-type]

    statuses = {run.run_id: run.status for run in instance.get_runs()}
    assert statuses == {living.run_id: dg.DagsterRunStatus.STARTED, gone.run_id: dg.DagsterRunStatus.FAILURE}
    assert instance.event_log_storage.get_concurrency_info("narrow").claimed_slots == []
