"""How a run is shown while it is under way: a line for each finished asset, a spinner for the step that runs."""

from dataclasses import dataclass, field
from datetime import date

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from user_behaviour.report.page import counted

_REMARKS = 3


@dataclass
class Step:
    """A step of a run, as far as it has come: an asset, or one check of an asset (`is_check`).

    `days` and `rows` are the published ones, `wanted` the days of the run; what is made `once` a run has one, and no
    rows. `remarks` are what it warned of, days held back included, in its words.
    `failure` says in a line or two why it failed; `started` None: it was never begun.
    """

    name: str
    is_check: bool = False
    wanted: int = 0
    once: bool = False
    started: float | None = None
    seconds: float = 0.0
    days: int = 0
    rows: int = 0
    remarks: list[str] = field(default_factory=list)
    failure: str = ""


class RunProgress:
    """Shows runs one after the other, while `live` is entered. `by_day`: of a day each, and so no line for an asset."""

    def __init__(self, console: Console, *, by_day: bool = False) -> None:
        self._console = console
        self._by_day = by_day
        self._task: TaskID | None = None
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        self.live = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)

    def run_begins(self, title: str) -> None:
        if not self._by_day:
            self._console.print(f"[bold]{escape(title)}[/]")

    def run_ends(self, first: date, assets: list[Step], seconds: float, *, succeeded: bool) -> None:
        if self._by_day:
            state = "[green]done[/]  " if succeeded else "[red]FAILED[/]"
            rows = "  ".join(f"{step.name} {step.rows:,}" for step in assets if not step.once)
            self._console.print(f"{first}  {state}  {seconds:5.1f} s  {escape(rows)}")

    def started(self, step: Step) -> None:
        """A step has begun. They run one after the other."""
        self._task = self.live.add_task(self._doing(step), total=None)

    def waits(self, step: Step, what_for: str) -> None:
        """A step cannot begin yet."""
        self._console.print(f"  {escape(step.name)}: [yellow]{escape(what_for)}[/]")

    def advanced(self, step: Step) -> None:
        """An asset has published a day."""
        if self._task is not None:
            self.live.update(self._task, description=self._doing(step))

    def finished(self, step: Step) -> None:
        """A step has ended, well or not, or will not begin."""
        if self._task is not None:
            self.live.remove_task(self._task)
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
        return escape(step.name) if step.is_check else f"{escape(step.name)}: {step.days} of {step.wanted} days"

    def _line(self, step: Step) -> str:
        held_back = step.wanted - step.days
        if step.started is None:
            state = "[yellow]not run[/]"
        elif step.failure:
            state = "[red]FAILED[/]"
        else:
            state = f"[yellow]{counted(held_back, 'day')} held back[/]" if held_back else ""
        published = f"{counted(step.days, 'page' if step.once else 'day'):>9}"
        published += "" if step.once else f" {step.rows:>11,} rows"
        return f"  {escape(step.name):<34} {published:<26} {step.seconds:>7.1f} s  {state}".rstrip()
