"""A run as Dagster's events tell it while it is under way: its steps, its checks, and whether all went well."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from user_behaviour.assets import REPORTS
from user_behaviour.commands.progress import RunProgress, Step
from user_behaviour.instance.pool_wait import WAITS
from user_behaviour.io_managers.restatement import CAUSE
from user_behaviour.report.dagster_pages import check_state
from user_behaviour.tables.days import DayRange

_ROWS = "dagster/partition_row_count"


@dataclass(frozen=True)
class RestatedDay:
    """A day whose published figures the run changed: its amount spent before and after, and why."""

    before: float
    after: float
    cause: str


class RunReport:
    """A run of assets over a range of days; the listener of its events, each of which it shows.

    `steps` are keyed as Dagster's are, the assets first; `failure` is an error outside of any step.
    """

    def __init__(self, run_id: str, assets: Sequence[dg.AssetKey], days: DayRange, progress: RunProgress) -> None:
        self.run_id = run_id
        self.days = days
        once, count = {key for report in REPORTS for key in report.keys}, len(days.days())
        self.steps = {
            key.to_python_identifier(): Step(key.to_user_string(), wanted=1 if key in once else count, once=key in once)
            for key in assets
        }
        self.checks: list[dg.AssetCheckEvaluation] = []
        self.restated: list[RestatedDay] = []
        self.failure = ""
        self.interrupted = False
        self.seconds = 0.0
        self._progress = progress
        self._started = time.monotonic()

    @property
    def assets(self) -> list[Step]:
        return [step for step in self.steps.values() if not step.is_check]

    @property
    def incomplete(self) -> list[Step]:
        """The assets that do not have every day of the run: failed, never begun, or with days held back."""
        return [step for step in self.assets if step.failure or step.days < step.wanted]

    @property
    def blocked_by(self) -> list[dg.AssetCheckEvaluation]:
        """The blocking checks that failed."""
        return [check for check in self.checks if check.blocking and check_state(check) == "FAILED"]

    @property
    def succeeded(self) -> bool:
        """Whether every asset was published for every day, and every blocking check passed."""
        failed = self.failure or any(step.failure for step in self.steps.values())
        return not (failed or self.incomplete or self.blocked_by)

    def __call__(self, entry: dg.EventLogEntry) -> None:
        """Takes an event, or a line of the log."""
        event = entry.dagster_event
        if event is not None and event.event_type == dg.DagsterEventType.RUN_FAILURE:
            self._run_failed(event)
        elif entry.step_key:
            # The assets are known beforehand; any other step is a check.
            new = Step(entry.step_key.replace("__", "/"), is_check=True)
            step = self.steps.setdefault(entry.step_key, new)
            if event is not None:
                self._follow(step, event)
            elif step.started is not None and int(entry.level) >= logging.WARNING:  # else: why it is not begun
                step.remarks.append(entry.user_message)

    def close(self) -> None:
        """Shows the assets that were never begun, of which Dagster says nothing: something upstream of them failed."""
        for step in self.assets:
            if step.started is None:
                self._progress.finished(step)
        order = {step.name: number for number, step in enumerate(self.assets)}  # a source is none of them, and first
        self.checks.sort(key=lambda check: (order.get(check.asset_key.to_user_string(), -1), check.check_name))
        self.seconds = time.monotonic() - self._started

    def _follow(self, step: Step, event: dg.DagsterEvent) -> None:
        match event.event_type:
            case dg.DagsterEventType.STEP_START:
                step.started = time.monotonic()
                self._progress.started(step)
            case dg.DagsterEventType.ASSET_MATERIALIZATION:
                if event.step_materialization_data.materialization.asset_key.to_user_string() != step.name:
                    return  # of a source, whose deliveries the step records
                self._published(step, event.step_materialization_data.materialization.metadata)
            case dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                self.checks.append(event.asset_check_evaluation_data)
            case dg.DagsterEventType.ENGINE_EVENT if (event.message or "").startswith(WAITS):
                self._progress.waits(step, event.message or "")
            case dg.DagsterEventType.STEP_SUCCESS:
                self._finish(step)
            case dg.DagsterEventType.STEP_FAILURE:
                self._step_failed(step, event)
            case _:
                pass

    def _published(self, step: Step, metadata: Mapping[str, dg.MetadataValue]) -> None:
        known: Mapping[str, Any] = {name: value.value for name, value in metadata.items()}
        step.days += 1
        step.rows += int(str(known.get(_ROWS, 0)))
        if CAUSE in known:
            before, after = (float(known.get(name, 0)) for name in ("amount_spent_before", "amount_spent"))
            self.restated.append(RestatedDay(before, after, known[CAUSE]))
        self._progress.advanced(step)

    def _step_failed(self, step: Step, event: dg.DagsterEvent) -> None:
        failure = event.step_failure_data
        if _is_interruption(failure.error):
            self.interrupted = True
            return
        said = failure.user_failure_data.description if failure.user_failure_data else None
        step.failure = said or (_raised(failure.error) if failure.error else "it failed without a message")
        self._finish(step)

    def _finish(self, step: Step) -> None:
        step.seconds = time.monotonic() - step.started if step.started is not None else 0.0
        self._progress.finished(step)

    def _run_failed(self, event: dg.DagsterEvent) -> None:
        error = event.job_failure_data.error
        if _is_interruption(error):  # between two steps, where a step's hooks are run
            self.interrupted = True
        elif not any(step.failure for step in self.steps.values()):  # else it was said
            self.failure = _raised(error) if error else event.message or "The run failed."


def _is_interruption(error: Any) -> bool:
    return error is not None and error.cls_name == dg.DagsterExecutionInterruptedError.__name__


def _raised(error: Any) -> str:  # Dagster does not export the type of an error in an event
    """The error that user code raised, below what Dagster wrapped it in: its class and its first two lines."""
    while error.cause is not None and (error.cls_name or "").startswith("Dagster"):
        error = error.cause
    # The message begins with the class's path, which tells a user less than its name.
    kind, colon, rest = error.message.strip().partition(": ")
    text = f"{kind.rpartition('.')[2]}{colon}{rest}"
    return " ".join(line.strip() for line in text.splitlines()[:2])
