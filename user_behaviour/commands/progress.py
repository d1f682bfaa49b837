"""How runs are shown: a line for each finished stage and a spinner for the one under way, then what came of it all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from user_behaviour.commands.run_report import RunReport, Stage, Verdict

_REMARKS = 3
_COLOURS = {"passed": "green", "warned": "yellow", "FAILED": "red"}


class RunProgress:
    """Watches runs and prints as they go. `by_day`: many runs of a day each, so a line a run and not a stage."""

    def __init__(self, console: Console, *, by_day: bool = False) -> None:
        self._console = console
        self._by_day = by_day
        self._wanted = 0
        self._tasks: dict[str, TaskID] = {}
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        self._live = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)

    def __enter__(self) -> RunProgress:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def run_begins(self, title: str, days: int) -> None:
        self._wanted = days
        if not self._by_day:
            self._console.print(f"[bold]{escape(title)}[/]")

    def run_ends(self, report: RunReport) -> None:
        if self._by_day:
            state = "[green]done[/]  " if report.succeeded else "[red]FAILED[/]"
            rows = "  ".join(f"{stage.name} {stage.rows:,}" for stage in report.assets)
            self._console.print(f"{report.days.first}  {state}  {report.seconds:5.1f} s  {escape(rows)}")

    def started(self, stage: Stage) -> None:
        self._tasks[stage.name] = self._live.add_task(self._doing(stage), total=None)

    def advanced(self, stage: Stage) -> None:
        if stage.name in self._tasks:
            self._live.update(self._tasks[stage.name], description=self._doing(stage))

    def finished(self, stage: Stage) -> None:
        if stage.name in self._tasks:
            self._live.remove_task(self._tasks.pop(stage.name))
        if not (stage.is_check or self._by_day):
            self._console.print(self._line(stage))
        if stage.failure and not stage.is_check:
            self._console.print(f"    [red]{escape(stage.failure)}[/]")
        elif not stage.skipped:
            self._remarks(stage)

    def _remarks(self, stage: Stage) -> None:
        for remark in stage.remarks[:_REMARKS]:
            self._console.print(f"    [yellow]{escape(remark)}[/]")
        if (more := len(stage.remarks) - _REMARKS) > 0:
            self._console.print(f"    [yellow]… and {more} more; the run in the Dagster UI has them all[/]")

    def _doing(self, stage: Stage) -> str:
        return escape(stage.name) if stage.is_check else f"{escape(stage.name)}: {stage.days} of {self._wanted} days"

    def _line(self, stage: Stage) -> str:
        figures = f"{_days(stage.days):>9} {stage.rows:>11,} rows {stage.seconds:>7.1f} s"
        return f"  {escape(stage.name):<34} {figures}  {self._state(stage)}".rstrip()

    def _state(self, stage: Stage) -> str:
        if stage.skipped:
            return "[yellow]not run[/]"
        if stage.failure:
            return "[red]FAILED[/]"
        held_back = self._wanted - stage.days
        return f"[yellow]{_days(held_back)} held back[/]" if held_back else ""


def print_outcome(console: Console, reports: Sequence[RunReport], seconds: float, *, debug: bool = False) -> None:
    """The checks' verdicts, where the seconds went, what failed, and a last line that sums it up."""
    _print_verdicts(console, reports)
    _print_seconds(console, reports, seconds)
    _print_failures(console, reports, debug=debug)
    days = sum(len(report.days.days()) for report in reports)
    span = f"{min(r.days.first for r in reports)} to {max(r.days.last for r in reports)}"
    runs = f"run {reports[0].run_id[:8]}" if len(reports) == 1 else f"{len(reports)} runs"
    console.print(f"\n{_days(days)}, {span}, {runs}, {seconds:.1f} s: {_state(reports)}")


def _state(reports: Sequence[RunReport]) -> str:
    if all(report.succeeded for report in reports):
        return "[green]every asset is published, no blocking check failed.[/]"
    bad = [report for report in reports if not report.succeeded]
    assets = {stage.name: None for report in bad for stage in report.incomplete}
    checks = {f"{v.asset}: {v.check}": None for report in bad for v in report.blocked_by}
    parts = [f"not all is published of {', '.join(assets)}"] if assets else []
    parts += [f"blocked by {', '.join(checks)}"] if checks else []
    of = f" in {len(bad)} of {len(reports)} runs" if len(reports) > 1 else ""
    return f"[red]{escape('; '.join(parts) or 'the run failed')}{of}.[/]"


def _print_verdicts(console: Console, reports: Sequence[RunReport]) -> None:
    """A line a check; over several runs its worst verdict."""
    worst: dict[tuple[str, str], Verdict] = {}
    for verdict in (verdict for report in reports for verdict in report.verdicts):
        known = worst.setdefault((verdict.asset, verdict.check), verdict)
        if _severity(verdict) > _severity(known):
            worst[verdict.asset, verdict.check] = verdict
    if not worst:
        return
    counts = Counter(verdict.word for verdict in worst.values())
    console.print(f"\n[bold]Checks[/]: {', '.join(f'{counts[word]} {word}' for word in _COLOURS if counts[word])}")
    for verdict in worst.values():
        colour = _COLOURS[verdict.word]
        console.print(f"  [{colour}]{verdict.word}[/]  {escape(f'{verdict.asset}: {verdict.check}')}")
        if not verdict.passed and verdict.found:
            console.print(f"          {escape(' '.join(verdict.found.split()))}")


def _severity(verdict: Verdict) -> int:
    return list(_COLOURS).index(verdict.word)


def _print_seconds(console: Console, reports: Sequence[RunReport], seconds: float) -> None:
    spent: Counter[str] = Counter()
    for stage in (stage for report in reports for stage in report.stages):
        spent["checks" if stage.is_check else stage.name] += stage.seconds  # type: ignore[assignment]
    spent["Dagster and start-up"] = seconds - spent.total()  # type: ignore[assignment]
    console.print(
        "\n[bold]Seconds[/]: " + ", ".join(f"{escape(name)} {value:.1f}" for name, value in spent.items() if value)
    )


def _print_failures(console: Console, reports: Sequence[RunReport], *, debug: bool) -> None:
    for report in reports:
        if report.failure:
            console.print(f"[red]{escape(report.failure)}[/]")
        for stage in report.stages:
            # A check that gave its verdict has said it there.
            if stage.failure and stage.is_check and stage.name not in _judged(report):
                console.print(f"[red]{escape(f'{stage.name} failed: {stage.failure}')}[/]")
            if debug and stage.trace:
                console.print(escape(stage.trace))
        if debug and report.trace:
            console.print(escape(report.trace))


def _judged(report: RunReport) -> set[str]:
    return {f"{verdict.asset}_{verdict.check}" for verdict in report.verdicts}


def _days(count: int) -> str:
    return f"{count} day" if count == 1 else f"{count} days"
