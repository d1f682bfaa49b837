"""Follows a run by Dagster's events while it is under way: keeps its report, and shows each step as it goes."""

from __future__ import annotations

import logging
import time
from typing import Any

import dagster as dg

from user_behaviour.commands.progress import RunProgress
from user_behaviour.commands.run_report import RunReport, Step, Verdict

_ROWS = "dagster/partition_row_count"


class RunEvents:
    """The listener of one run; Dagster calls it with every event and every line of the log."""

    def __init__(self, report: RunReport, progress: RunProgress) -> None:
        self._report = report
        self._progress = progress

    def __call__(self, entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event is not None and event.event_type == dg.DagsterEventType.RUN_FAILURE:
            self._run_failed(event)
        elif entry.step_key:
            # The assets are known beforehand; any other step is a check.
            new = Step(entry.step_key.replace("__", "/"), is_check=True)
            step = self._report.steps.setdefault(entry.step_key, new)
            if event is not None:
                self._follow(step, event)
            elif int(entry.level) >= logging.WARNING:
                step.remarks.append(entry.user_message)

    def close(self) -> None:
        """Shows the assets that were never begun: Dagster says nothing of a step whose upstream failed."""
        for step in self._report.assets:
            if step.started is None:
                self._progress.finished(step)

    def _follow(self, step: Step, event: dg.DagsterEvent) -> None:
        match event.event_type:
            case dg.DagsterEventType.STEP_START:
                step.started = time.monotonic()
                self._progress.started(step)
            case dg.DagsterEventType.ASSET_MATERIALIZATION:
                rows = event.step_materialization_data.materialization.metadata.get(_ROWS)
                step.days += 1
                step.rows += int(str(rows.value)) if rows else 0
                self._progress.advanced(step)
            case dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                self._report.verdicts.append(_verdict(event.asset_check_evaluation_data))
            case dg.DagsterEventType.STEP_SUCCESS:
                self._finish(step)
            case dg.DagsterEventType.STEP_FAILURE:
                self._step_failed(step, event)
            case _:
                pass

    def _step_failed(self, step: Step, event: dg.DagsterEvent) -> None:
        failure = event.step_failure_data
        if failure.error and failure.error.cls_name == dg.DagsterExecutionInterruptedError.__name__:
            self._report.interrupted = True
            return
        said = failure.user_failure_data.description if failure.user_failure_data else None
        step.failure = said or (_raised(failure.error) if failure.error else "it failed without a word")
        self._finish(step)

    def _finish(self, step: Step) -> None:
        step.seconds = time.monotonic() - step.started if step.started is not None else 0.0
        self._progress.finished(step)

    def _run_failed(self, event: dg.DagsterEvent) -> None:
        if any(step.failure for step in self._report.steps.values()):
            return  # said already
        error = event.job_failure_data.error
        self._report.failure = _raised(error) if error else event.message or "The run failed."


def _verdict(found: dg.AssetCheckEvaluation) -> Verdict:
    first_fact = ", ".join(f"{name} {value.value}" for name, value in list(found.metadata.items())[:1])
    return Verdict(
        asset=found.asset_key.to_user_string(),
        check=found.check_name,
        passed=found.passed,
        warning=found.severity == dg.AssetCheckSeverity.WARN,
        blocking=bool(found.blocking),
        found=found.description or first_fact,
    )


def _raised(error: Any) -> str:  # Dagster does not export the type of an error in an event
    """The error that user code raised, below what Dagster wrapped it in: its class and its first two lines."""
    while error.cause is not None and (error.cls_name or "").startswith("Dagster"):
        error = error.cause
    # The message begins with the class's path, which tells a user less than its name.
    kind, colon, rest = error.message.strip().partition(": ")
    text = f"{kind.rpartition('.')[2]}{colon}{rest}"
    return " ".join(line.strip() for line in text.splitlines()[:2])
