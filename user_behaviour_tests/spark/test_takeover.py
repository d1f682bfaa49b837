"""What becomes of a Spark job whose orchestrator was killed, when its run is tried again or resumed: state by state."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date

import pytest

from user_behaviour.lake.dataset import BatchInForceError, Dataset
from user_behaviour.lake.locations import Locations
from user_behaviour.recipes import SparkDay, SparkFiles
from user_behaviour.spark.output import SparkOutput, spark_output
from user_behaviour_tests.io_managers.greenhouse import MON, READINGS, TUE, Greenhouse
from user_behaviour_tests.spark.test_output import VERDICTS, program, readings, staging


@dataclass
class Attempts:
    """Attempts at the verdicts of Monday and Tuesday; `jobs` are the job objects that programs were started with."""

    greenhouse: Greenhouse
    jobs: list[str] = field(default_factory=list)
    dead: list[AbstractContextManager[SparkOutput]] = field(default_factory=list)

    def deliver(self) -> None:
        self.greenhouse.run([readings], MON, TUE)

    @property
    def dataset(self) -> Dataset:
        return self.greenhouse.lake.dataset(VERDICTS)

    @property
    def inputs(self) -> Locations:
        return self.greenhouse.lake.dataset(READINGS).locations([MON, TUE])

    def recipe(self) -> SparkFiles:
        """Its program writes at the first start with a job object; after that it finds that job done, as EMR does."""

        def run(uri: str) -> None:
            self.jobs.append(uri)
            if self.jobs.count(uri) == 1:
                program()(uri)

        return SparkFiles.of(self.inputs, run)

    def day(self, wanted: date) -> SparkDay:
        return next(day for day in self.recipe().days if isinstance(day, SparkDay) and day.day == wanted)

    def publish(self, output: SparkOutput, *days: date) -> None:
        for day in days:
            self.dataset.publish(output.take(self.day(day)))

    def die(self, run: str = "dead") -> SparkOutput:
        """An attempt whose process is killed when the program is through: nothing after that is carried out."""
        self.dead.append(spark_output(self.dataset, self.recipe(), batch_id=run))
        return self.dead[-1].__enter__()

    def succeed(self, run: str, *, after: str = "") -> None:
        with spark_output(self.dataset, self.recipe(), batch_id=run, runs=(after,) if after else ()) as output:
            self.publish(output, MON, TUE)

    def batches(self) -> list[str]:
        return [manifest.batch_id for manifest in self.dataset.manifests([MON, TUE]).values()]


@pytest.fixture
def attempts(greenhouse: Greenhouse) -> Attempts:
    attempts = Attempts(greenhouse)
    attempts.deliver()
    return attempts


def failed(attempts: Attempts) -> None:
    def run(uri: str) -> None:
        attempts.jobs.append(uri)
        raise RuntimeError("out of memory")

    with (
        pytest.raises(RuntimeError, match="out of memory"),
        spark_output(attempts.dataset, SparkFiles.of(attempts.inputs, run), batch_id="dead"),
    ):
        pass


def died_before_new_readings_came(attempts: Attempts) -> None:
    attempts.die()
    attempts.deliver()


def died_while_a_day_was_taken(attempts: Attempts) -> None:
    dead = attempts.die()
    attempts.publish(dead, MON)
    dead.take(attempts.day(TUE))  # its files are moved, and it has no manifest yet


def died_after_a_day_was_published(attempts: Attempts) -> None:
    attempts.publish(attempts.die(), MON)


def died_after_all_days_were_published(attempts: Attempts) -> None:
    attempts.publish(attempts.die(), MON, TUE)


@pytest.mark.parametrize(
    ("attempt", "waits"),
    [
        (failed, False),
        (died_before_new_readings_came, False),
        (died_while_a_day_was_taken, False),
        (Attempts.die, True),
        (died_after_a_day_was_published, True),
        (died_after_all_days_were_published, True),
    ],
)
def test_a_run_that_goes_on_from_a_dead_one_begins_another_job_or_waits_for_the_one_that_was_left(
    attempts: Attempts, attempt: Callable[[Attempts], object], waits: bool
) -> None:
    attempt(attempts)
    before = attempts.dataset.manifests([MON, TUE])

    attempts.succeed("retry", after="dead")

    first, second = attempts.jobs
    if waits:
        assert first == second
        assert attempts.batches() == ["dead", "dead"]
        assert {day: attempts.dataset.current(day) for day in before} == before
    else:
        assert first != second
        assert attempts.batches() == ["retry", "retry"]
    assert [attempts.greenhouse.stored(day, VERDICTS) for day in (MON, TUE)] == [[("Mon", True)], [("Tue", True)]]
    assert staging(attempts.greenhouse) == []


def test_a_run_that_is_resumed_finds_its_own_job_whatever_the_attempt(attempts: Attempts) -> None:
    attempts.die("run")

    attempts.succeed("run-2", after="run")

    assert attempts.jobs[0] == attempts.jobs[1]
    assert attempts.batches() == ["run", "run"]


def test_of_several_jobs_that_were_left_the_one_that_can_be_waited_for_is(attempts: Attempts) -> None:
    attempts.die("run")
    attempts.deliver()
    attempts.die("run-2")

    attempts.succeed("run-3", after="run")

    assert attempts.jobs[2] == attempts.jobs[1]
    assert attempts.batches() == ["run-2", "run-2"]
    assert staging(attempts.greenhouse) == []


def test_a_run_that_is_resumed_after_it_has_published_all_changes_nothing(attempts: Attempts) -> None:
    attempts.succeed("run")
    before = attempts.dataset.manifests([MON, TUE])

    attempts.succeed("run")

    assert attempts.dataset.manifests([MON, TUE]) == before


def test_a_batch_that_is_in_force_is_not_made_again_from_other_readings(attempts: Attempts) -> None:
    attempts.succeed("run")
    attempts.deliver()

    with pytest.raises(BatchInForceError):
        attempts.succeed("run")

    assert attempts.greenhouse.stored(MON, VERDICTS) == [("Mon", True)]


def test_the_job_of_a_stranger_is_let_be(attempts: Attempts) -> None:
    attempts.die("stranger")

    attempts.succeed("run")

    assert attempts.jobs[0] != attempts.jobs[1]
    assert attempts.batches() == ["run", "run"]
    assert attempts.greenhouse.lake.list("_staging/verdicts") == ["stranger"]
