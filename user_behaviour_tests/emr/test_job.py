"""How a job on EMR starts and ends: what is submitted, each bad end as one clear error, and what is cancelled."""

import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import user_behaviour.spark.emr as emr_module
from user_behaviour.aws.clients import Aws
from user_behaviour.lake.s3 import S3Lake
from user_behaviour.spark.emr import JobState, SparkJobError, job_name
from user_behaviour.spark.emr_serverless import EmrServerlessSpark
from user_behaviour_tests.cloud.emr_worker import Play
from user_behaviour_tests.cloud.fault_proxy import faults
from user_behaviour_tests.cloud.moto_server import Cloud
from user_behaviour_tests.emr.conftest import SUCCEED, Emr, when_logged


def test_a_job_is_submitted_with_its_program_its_job_object_and_a_name_of_its_own(emr: Emr, aws: Aws) -> None:
    emr.worker.plays.append(SUCCEED)

    emr.spark(aws, minutes=7.5).run("verdicts.py", emr.job)

    (job,) = emr.worker.jobs
    version = hashlib.sha256(b"print('one')").hexdigest()[:16]
    program = emr.lake.uri(f"_programs/verdicts/{version}/verdicts.py")
    assert (job.submission.entry_point, job.submission.arguments) == (program, ["--job", emr.job])
    assert job.name == job_name("verdicts.py", emr.job)
    if job.id.startswith("s-"):
        assert job.request["ActionOnFailure"] == "CONTINUE"
        python = ["--conf", "spark.pyspark.python=/usr/bin/python3"]
        assert job.submission.options == ["--deploy-mode", "client", "--name", job.name, *python]
    else:
        assert job.submission.options[1::2] == [
            "spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON=/usr/bin/python3",
            "spark.emr-serverless.driverEnv.PYSPARK_PYTHON=/usr/bin/python3",
            "spark.executorEnv.PYSPARK_PYTHON=/usr/bin/python3",
        ]
        assert (job.request["clientToken"], job.request["executionTimeoutMinutes"]) == (job.name, 8)
        logs = job.request["configurationOverrides"]["monitoringConfiguration"]["s3MonitoringConfiguration"]
        assert logs == {"logUri": emr.lake.uri("_logs/spark") + "/"}


def test_a_changed_program_is_another_object_and_an_unchanged_one_is_written_once(emr: Emr, aws: Aws) -> None:
    emr.worker.plays.extend([SUCCEED] * 3)
    spark = emr.spark(aws)

    spark.run("verdicts.py", emr.job)
    spark.run("verdicts.py", emr.other_job)
    (emr.programs / "verdicts.py").write_text("print('two')")
    spark.run("verdicts.py", emr.job + "x")

    one, again, two = (job.submission.entry_point for job in emr.worker.jobs)
    assert one == again != two
    assert len(emr.lake.list("_programs/verdicts")) == 2


def test_the_name_of_a_job_fits_where_it_goes() -> None:
    jobs = [
        ("a" * 100 + ".py", "s3://lake/1/job.json"),
        ("x.py", "s3://lake/1/job.json"),
        ("x.py", "s3://lake/2/job.json"),
    ]
    names = {job_name(*job) for job in jobs}
    assert len(names) == 3
    assert max(len(name) for name in names) == 64


@pytest.mark.parametrize(
    ("play", "said"),
    [
        (Play("fail", "ExitCode: 1. BadJob: no inputs"), "ended as FAILED: .*BadJob: no inputs"),
        (Play("cancel"), "ended as CANCELLED"),
        (Play("vanish"), "is lost: EMR does not know it any more"),
    ],
    ids=["fails", "is cancelled", "vanishes"],
)
def test_a_job_that_ends_badly_is_an_error_with_the_reason_and_the_logs(
    emr: Emr, aws: Aws, play: Play, said: str
) -> None:
    emr.worker.plays.append(play)

    with pytest.raises(SparkJobError, match=said) as raised:
        emr.spark(aws).run("verdicts.py", emr.job)

    assert emr.log_address() in str(raised.value)


@pytest.mark.parametrize("hold", ["at first", "RUNNING"])
def test_a_job_that_takes_too_long_is_cancelled(emr: Emr, aws: Aws, hold: str) -> None:
    state = emr.waiting if hold == "at first" else hold
    emr.worker.plays.append(Play("succeed", hold=state))

    with pytest.raises(SparkJobError, match=f"was {state} after 0.01 minutes and is cancelled") as raised:
        emr.spark(aws, minutes=0.01).run("verdicts.py", emr.job)

    assert emr.log_address() in str(raised.value)
    emr.worker.wait_for("CANCELLED")


class OnAClock(EmrServerlessSpark):
    """Finds a job that takes so many seconds from the first look on."""

    takes: float

    def find(self, name: str) -> str | None:
        return "a-job"

    def state(self, job_id: str) -> JobState | None:
        return JobState("RUNNING", succeeded=True if emr_module.time.monotonic() >= self.takes else None)


@pytest.mark.parametrize(("takes", "late", "asked"), [(1, 1, 3), (12, 1.2, 14), (300, 10, 60)])
def test_the_end_of_a_job_is_seen_soon_and_emr_is_asked_seldom(
    takes: float, late: float, asked: int, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked every ten seconds, of a job of eleven the end was seen after twenty."""
    waits = [0.0]
    monkeypatch.setattr(emr_module, "time", SimpleNamespace(monotonic=lambda: sum(waits), sleep=waits.append))

    lake = S3Lake(aws=aws, bucket="lake", prefix="lake")
    OnAClock(takes=takes, aws=aws, programs="", lake=lake, application="a", role="b").run("verdicts.py", "job.json")

    assert takes <= sum(waits) <= takes + late
    assert len(waits) <= asked


def interrupt() -> None:
    """As SIGINT does in the main thread, but at a moment that is known."""
    raise KeyboardInterrupt


def test_an_interruption_of_the_wait_cancels_the_job_and_goes_on(emr: Emr, aws: Aws) -> None:
    emr.worker.plays.append(Play("succeed", hold="RUNNING"))

    with when_logged("is RUNNING", interrupt), pytest.raises(KeyboardInterrupt):
        emr.spark(aws).run("verdicts.py", emr.job)

    emr.worker.wait_for("CANCELLED")


def test_an_interruption_of_the_submission_cancels_the_job_and_goes_on(emr: Emr, aws: Aws) -> None:
    """It once left the job running: the answer that names it was lost with the interruption."""
    emr.worker.plays.append(Play("succeed", hold="RUNNING"))
    spark = emr.spark(aws, minutes=0.1)
    once = aws.model_copy(update={"max_attempts": 1})  # steps are submitted by a client that repeats nothing
    clients = [one.client(spark.service) for one in (aws, once)]

    def answered(model: Any, **_event: Any) -> None:
        if model.name == emr.submits:
            interrupt()

    for client in clients:
        client.meta.events.register("after-call", answered)
    with pytest.raises(KeyboardInterrupt):
        spark.run("verdicts.py", emr.job)
    for client in clients:
        client.meta.events.unregister("after-call", answered)

    emr.worker.wait_for("CANCELLED")


def test_a_job_that_cannot_be_watched_is_cancelled(emr: Emr, cloud: Cloud) -> None:
    emr.worker.plays.append(Play("succeed", hold="RUNNING"))

    with (
        faults(cloud, emr.look) as proxy,
        pytest.raises(SparkJobError, match=r"Watching Spark job .* says AccessDenied"),
    ):
        emr.spark(proxy.aws).run("verdicts.py", emr.job)

    emr.worker.wait_for("CANCELLED")


def test_a_refused_submission_names_the_job_and_what_aws_said(cloud: Cloud, aws: Aws, tmp_path: Path) -> None:
    (tmp_path / "verdicts.py").write_text("")
    lake = S3Lake(aws=aws, bucket=cloud.bucket(), prefix="lake")
    role = "arn:aws:iam::123456789012:role/spark-job"
    spark = EmrServerlessSpark(
        aws=aws, programs=str(tmp_path), lake=lake, application="00nowhere", role=role, minutes=1
    )

    with pytest.raises(SparkJobError, match=r"Submitting verdicts.py .*00nowhere does not exist.*doctor"):
        spark.run("verdicts.py", "s3://lake/job.json")
