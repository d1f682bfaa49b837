"""What becomes of a Spark job whose orchestrator was killed, when its run is tried again or resumed."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date

import pytest

from user_behaviour.lake.dataset import Dataset
from user_behaviour.lake.locations import Locations
from user_behaviour.recipes import SparkFiles
from user_behaviour.spark.output import SparkOutput
from user_behaviour_tests.io_managers.greenhouse import MON, READINGS, TUE, Greenhouse
from user_behaviour_tests.spark.test_output import VERDICTS, program, readings, staging


@dataclass
class Attempts:
    """Attempts at the verdicts of Monday and Tuesday; `jobs` are the job objects that programs were started with."""

    greenhouse: Greenhouse
    jobs: list[str] = field(default_factory=list)
    dead: list[AbstractContextManager[None]] = field(default_factory=list)

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

        return SparkFiles(self.inputs, run)

    def publish(self, output: SparkOutput, *days: date) -> None:
        for day in days:
            self.dataset.publish(output.adopt(day, self.inputs.by_day[day].manifest, {}))

    def die(self, run: str) -> SparkOutput:
        """An attempt whose process is killed when the program is through: nothing after that is carried out."""
        output = SparkOutput(self.dataset, run, runs=(run,))
        self.dead.append(output.written_by(self.recipe()))
        self.dead[-1].__enter__()
        return output

    def succeed(self, run: str, *, after: str = "") -> None:
        output = SparkOutput(self.dataset, run, runs=(run, after) if after else (run,))
        with output.written_by(self.recipe()):
            self.publish(output, MON, TUE)

    def batches(self) -> list[str]:
        return [manifest.batch_id for manifest in self.dataset.manifests([MON, TUE]).values()]


@pytest.fixture
def attempts(greenhouse: Greenhouse) -> Attempts:
    attempts = Attempts(greenhouse)
    attempts.deliver()
    return attempts


def test_a_run_that_goes_on_from_a_dead_one_takes_over_its_job_and_its_batch(attempts: Attempts) -> None:
    attempts.die("dead")

    attempts.succeed("retry", after="dead")

    assert len(attempts.jobs) == 2
    assert attempts.jobs[0] == attempts.jobs[1]
    assert attempts.batches() == ["dead", "dead"]
    assert staging(attempts.greenhouse) == []


def test_a_run_that_is_resumed_takes_over_its_own_job_whatever_the_attempt(attempts: Attempts) -> None:
    attempts.die("run")

    output = SparkOutput(attempts.dataset, "run-2", runs=("run",))
    with output.written_by(attempts.recipe()):
        attempts.publish(output, MON, TUE)

    assert attempts.jobs[0] == attempts.jobs[1]
    assert attempts.batches() == ["run", "run"]


def test_a_day_that_was_published_before_the_death_is_done(attempts: Attempts) -> None:
    attempts.publish(attempts.die("dead"), MON)
    before = attempts.dataset.current(MON)

    attempts.succeed("retry", after="dead")

    assert attempts.dataset.current(MON) == before
    assert attempts.batches() == ["dead", "dead"]
    assert attempts.greenhouse.stored(MON, VERDICTS) == [("Mon", True)]
    assert attempts.greenhouse.stored(TUE, VERDICTS) == [("Tue", True)]


def test_a_run_that_is_resumed_after_it_has_published_all_changes_nothing(attempts: Attempts) -> None:
    attempts.succeed("run")
    before = attempts.dataset.manifests([MON, TUE])

    attempts.succeed("run")

    assert attempts.dataset.manifests([MON, TUE]) == before


def test_a_job_whose_day_was_half_taken_is_left_and_another_is_begun(attempts: Attempts) -> None:
    dead = attempts.die("dead")
    attempts.publish(dead, MON)
    dead.adopt(TUE, attempts.inputs.by_day[TUE].manifest, {})  # its files are moved, and it has no manifest yet

    attempts.succeed("retry", after="dead")

    assert attempts.jobs[0] != attempts.jobs[1]
    assert attempts.batches() == ["retry", "retry"]
    assert staging(attempts.greenhouse) == []


def test_a_job_with_other_inputs_is_not_taken_over(attempts: Attempts) -> None:
    attempts.die("dead")
    attempts.deliver()

    attempts.succeed("retry", after="dead")

    assert attempts.jobs[0] != attempts.jobs[1]
    assert attempts.batches() == ["retry", "retry"]


def test_the_job_of_a_stranger_is_let_be(attempts: Attempts) -> None:
    attempts.die("stranger")

    attempts.succeed("run")

    assert attempts.jobs[0] != attempts.jobs[1]
    assert attempts.batches() == ["run", "run"]
    assert attempts.greenhouse.lake.list("_staging/verdicts") == ["stranger"]


def test_a_failed_job_is_never_taken_over(attempts: Attempts) -> None:
    def fail(uri: str) -> None:
        attempts.jobs.append(uri)
        raise RuntimeError("out of memory")

    with (
        pytest.raises(RuntimeError, match="out of memory"),
        SparkOutput(attempts.dataset, "run").written_by(SparkFiles(attempts.inputs, fail)),
    ):
        pass
    attempts.succeed("run")

    assert attempts.jobs[0] != attempts.jobs[1]
    assert attempts.batches() == ["run", "run"]
