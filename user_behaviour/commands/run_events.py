"""Follows a run by Dagster's events while it is under way, and puts them together as the stages of its report."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Protocol

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

from user_behaviour.commands.run_report import Stage, Verdict

_ROWS = "dagster/partition_row_count"


class Watcher(Protocol):
    """Is told how a run goes on."""

    def started(self, stage: Stage) -> None:
        """A stage has begun."""

    def advanced(self, stage: Stage) -> None:
        """A stage has published a day."""

    def finished(self, stage: Stage) -> None:
        """A stage has ended, well or not, or will not begin."""


class RunEvents:
    """The listener of one run. `stages` names the step of each asset or check beforehand."""

    def __init__(self, stages: Mapping[str, Stage], watcher: Watcher) -> None:
        self.stages = stages
        self.verdicts: list[Verdict] = []
        self.failure = ""
        self.trace = ""
        self.interrupted = False
        self._watcher = watcher
        self._started: dict[str, float] = {}
        kind = dg.DagsterEventType
        self._handlers: Mapping[dg.DagsterEventType, Callable[[dg.DagsterEvent, Stage], None]] = {
            kind.STEP_START: self._on_start,
            kind.ASSET_MATERIALIZATION: self._on_materialization,
            kind.ASSET_CHECK_EVALUATION: self._on_evaluation,
            kind.STEP_SUCCESS: self._on_end,
            kind.STEP_FAILURE: self._on_failure,
        }

    def __call__(self, entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        stage = self.stages.get(entry.step_key or "")
        if event is None:
            if stage and int(entry.level) >= logging.WARNING:
                stage.remarks.append(entry.user_message)
        elif event.event_type == dg.DagsterEventType.RUN_FAILURE:
            self._on_run_failure(event)
        elif stage and (handle := self._handlers.get(event.event_type)):
            handle(event, stage)

    def close(self) -> None:
        """Tells the stages that never began: Dagster says nothing of a step whose upstream failed."""
        for step, stage in self.stages.items():
            if step not in self._started:
                stage.skipped = True
                self._watcher.finished(stage)

    def _on_start(self, event: dg.DagsterEvent, stage: Stage) -> None:
        self._started[event.step_key or ""] = time.monotonic()
        self._watcher.started(stage)

    def _on_materialization(self, event: dg.DagsterEvent, stage: Stage) -> None:
        rows = event.step_materialization_data.materialization.metadata.get(_ROWS)
        stage.days += 1
        stage.rows += int(str(rows.value)) if rows else 0
        self._watcher.advanced(stage)

    def _on_evaluation(self, event: dg.DagsterEvent, _stage: Stage) -> None:
        found = event.asset_check_evaluation_data
        self.verdicts.append(
            Verdict(
                asset=found.asset_key.to_user_string(),
                check=found.check_name,
                passed=found.passed,
                warning=found.severity == dg.AssetCheckSeverity.WARN,
                blocking=bool(found.blocking),
                found=found.description or ", ".join(f"{k} {v.value}" for k, v in list(found.metadata.items())[:1]),
            )
        )

    def _on_end(self, event: dg.DagsterEvent, stage: Stage) -> None:
        stage.seconds = time.monotonic() - self._started.get(event.step_key or "", time.monotonic())
        self._watcher.finished(stage)

    def _on_failure(self, event: dg.DagsterEvent, stage: Stage) -> None:
        failure = event.step_failure_data
        if failure.error and failure.error.cls_name == dg.DagsterExecutionInterruptedError.__name__:
            self.interrupted = True
            return
        said = failure.user_failure_data.description if failure.user_failure_data else None
        stage.failure = said or in_short(failure.error)
        stage.trace = failure.error.to_string() if failure.error else ""
        self._on_end(event, stage)

    def _on_run_failure(self, event: dg.DagsterEvent) -> None:
        if any(stage.failure for stage in self.stages.values()):
            return  # said already
        error = event.job_failure_data.error
        self.failure = in_short(error) if error else event.message or "The run failed."
        self.trace = error.to_string() if error else ""


def in_short(error: SerializableErrorInfo | None) -> str:
    """The error that user code raised, below what Dagster wrapped it in: its class and its first two lines."""
    if error is None:
        return "it failed without a word"
    while error.cause is not None and (error.cls_name or "").startswith("Dagster"):
        error = error.cause
    text = error.message.strip()
    # The message begins with the class's path, which tells a user less than its name.
    kind, colon, rest = text.partition(": ")
    text = f"{kind.rpartition('.')[2]}{colon}{rest}"
    return " ".join(line.strip() for line in text.splitlines()[:2])
