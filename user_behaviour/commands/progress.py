"""How runs are shown: a line for each finished asset and a spinner for the step under way, then what came of it all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from user_behaviour.commands.run_report import RunReport, Step, Verdict

_REMARKS = 3
_COLOURS = {"passed": "green", "warned": "yellow", "FAILED": "red"}  # from the best to the worst


class RunProgress:
    """Shows runs as they go. `by_day`: many runs of a day each, so a line a run and not an asset."""

    def __init__(self, console: Console, *, by_day: bool = False) -> None:
        self._console = console
        self._by_day = by_day
        self._wanted = 0
        self._task: TaskID | None = None
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
            rows = "  ".join(f"{step.name} {step.rows:,}" for step in report.assets)
            self._console.print(f"{report.days.first}  {state}  {report.seconds:5.1f} s  {escape(rows)}")

    def started(self, step: Step) -> None:
        """A step has begun. They run one after the other."""
        self._task = self._live.add_task(self._doing(step), total=None)

    def advanced(self, step: Step) -> None:
        """An asset has published a day."""
        if self._task is not None:
            self._live.update(self._task, description=self._doing(step))

    def finished(self, step: Step) -> None:
        """A step has ended, well or not, or will not begin."""
        if self._task is not None:
            self._live.remove_task(self._task)
            self._task = None
        if not (step.is_check or self._by_day):
            self._console.print(self._line(step))
        if step.failure and not step.is_check:
            self._console.print(f"    [red]{escape(step.failure)}[/]")
        else:
            for remark in step.remarks[:_REMARKS]:
                self._console.print(f"    [yellow]{escape(remark)}[/]")
            if (more := len(step.remarks) - _REMARKS) > 0:
                self._console.print(f"    [yellow]… and {more} more; the run in the Dagster UI has them all[/]")

    def _doing(self, step: Step) -> str:
        return escape(step.name) if step.is_check else f"{escape(step.name)}: {step.days} of {self._wanted} days"

    def _line(self, step: Step) -> str:
        held_back = self._wanted - step.days
        if step.started is None:
            state = "[yellow]not run[/]"
        elif step.failure:
            state = "[red]FAILED[/]"
        else:
            state = f"[yellow]{_days(held_back)} held back[/]" if held_back else ""
        figures = f"{_days(step.days):>9} {step.rows:>11,} rows {step.seconds:>7.1f} s"
        return f"  {escape(step.name):<34} {figures}  {state}".rstrip()


def print_outcome(console: Console, reports: Sequence[RunReport], seconds: float) -> None:
    """The checks' verdicts, where the seconds went, what failed, and a last line that sums it up."""
    for line in (*_verdicts(reports), _seconds(reports, seconds), *_failures(reports)):
        console.print(line)
    days = sum(len(report.days.days()) for report in reports)
    span = f"{min(r.days.first for r in reports)} to {max(r.days.last for r in reports)}"
    runs = f"run {reports[0].run_id[:8]}" if len(reports) == 1 else f"{len(reports)} runs"
    console.print(f"\n{_days(days)}, {span}, {runs}, {seconds:.1f} s: {_state(reports)}")


def _verdicts(reports: Sequence[RunReport]) -> Iterator[str]:
    """A line a check; over several runs its worst verdict."""
    order = list(_COLOURS)
    worst: dict[tuple[str, str], Verdict] = {}
    for verdict in (verdict for report in reports for verdict in report.verdicts):
        known = worst.setdefault((verdict.asset, verdict.check), verdict)
        if order.index(verdict.word) > order.index(known.word):
            worst[verdict.asset, verdict.check] = verdict
    if worst:
        counts = Counter(verdict.word for verdict in worst.values())
        yield f"\n[bold]Checks[/]: {', '.join(f'{counts[word]} {word}' for word in order if counts[word])}"
    for verdict in worst.values():
        colour = _COLOURS[verdict.word]
        yield f"  [{colour}]{verdict.word}[/]  {escape(f'{verdict.asset}: {verdict.check}')}"
        if not verdict.passed and verdict.found:
            yield f"          {escape(' '.join(verdict.found.split()))}"


def _seconds(reports: Sequence[RunReport], seconds: float) -> str:
    spent: dict[str, float] = {}
    for step in (step for report in reports for step in report.steps.values()):
        name = "checks" if step.is_check else step.name
        spent[name] = spent.get(name, 0.0) + step.seconds
    spent["Dagster and start-up"] = seconds - sum(spent.values())
    return "\n[bold]Seconds[/]: " + ", ".join(f"{escape(name)} {value:.1f}" for name, value in spent.items() if value)


def _failures(reports: Sequence[RunReport]) -> Iterator[str]:
    for report in reports:
        if report.failure:
            yield f"[red]{escape(report.failure)}[/]"
        judged = {f"{verdict.asset}_{verdict.check}" for verdict in report.verdicts}
        for step in report.steps.values():
            # A check that gave its verdict has said it there.
            if step.failure and step.is_check and step.name not in judged:
                yield f"[red]{escape(f'{step.name} failed: {step.failure}')}[/]"


def _state(reports: Sequence[RunReport]) -> str:
    bad = [report for report in reports if not report.succeeded]
    if not bad:
        return "[green]every asset is published, no blocking check failed.[/]"
    assets = {step.name: None for report in bad for step in report.incomplete}
    checks = {f"{v.asset}: {v.check}": None for report in bad for v in report.blocked_by}
    parts = [f"not all is published of {', '.join(assets)}"] if assets else []
    parts += [f"blocked by {', '.join(checks)}"] if checks else []
    of = f" in {len(bad)} of {len(reports)} runs" if len(reports) > 1 else ""
    return f"[red]{escape('; '.join(parts) or 'the run failed')}{of}.[/]"


def _days(count: int) -> str:
    return f"{count} day" if count == 1 else f"{count} days"
