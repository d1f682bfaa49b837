"""What is shown when all runs have ended: checks, what was restated, where the seconds went, what failed, a summary."""

from collections import Counter
from collections.abc import Iterator, Sequence

import dagster as dg
from rich.console import Console
from rich.markup import escape

from user_behaviour.commands.run_report import RunReport
from user_behaviour.report.dagster_pages import check_state
from user_behaviour.report.page import counted

CAUSES_SHOWN = 3
_COLOURS = {"passed": "green", "warned": "yellow", "FAILED": "red"}  # from the best to the worst


def print_outcome(console: Console, reports: Sequence[RunReport], seconds: float) -> None:
    """Prints it; `seconds` are those of the whole command."""
    for line in (*_checks(reports), *_restated(reports), _seconds(reports, seconds), *_failures(reports)):
        console.print(line)
    days = counted(sum(len(report.days.days()) for report in reports), "day")
    span = f"{min(r.days.first for r in reports)} to {max(r.days.last for r in reports)}"
    runs = f"run {reports[0].run_id[:8]}" if len(reports) == 1 else f"{len(reports)} runs"
    console.print(f"\n{days}, {span}, {runs}, {seconds:.1f} s: {_state(reports)}")


def _checks(reports: Sequence[RunReport]) -> Iterator[str]:
    """A line a check; over several runs its worst state."""
    order = list(_COLOURS)
    worst: dict[str, dg.AssetCheckEvaluation] = {}
    for check in (check for report in reports for check in report.checks):
        known = worst.setdefault(_name(check), check)
        if order.index(check_state(check)) > order.index(check_state(known)):
            worst[_name(check)] = check
    if worst:
        counts = Counter(check_state(check) for check in worst.values())
        yield f"\n[bold]Checks[/]: {', '.join(f'{counts[word]} {word}' for word in order if counts[word])}"
    for name, check in worst.items():
        yield f"  [{_COLOURS[check_state(check)]}]{check_state(check)}[/]  {escape(name)}"
        first_fact = ", ".join(f"{fact} {value.value}" for fact, value in list(check.metadata.items())[:1])
        if not check.passed and (found := check.description or first_fact):
            yield f"          {escape(' '.join(found.split()))}"


def _restated(reports: Sequence[RunReport]) -> Iterator[str]:
    """A line of the days whose published figures changed, and one for each of the causes that most of them have."""
    days = [day for report in reports for day in report.restated]
    if not days:
        return
    before, after = sum(day.before for day in days), sum(day.after for day in days)
    amount = f"{before:,.2f} → {after:,.2f}" if before != after else "as before"
    yield f"\n[bold]Restated[/]: {counted(len(days), 'day')}, amount {amount}"
    causes = Counter(day.cause for day in days)
    for cause, count in causes.most_common(CAUSES_SHOWN):
        yield f"  {counted(count, 'day'):>9}  {escape(cause)}"
    if (more := len(causes) - CAUSES_SHOWN) > 0:
        yield f"  … and {more} more causes; audit.restatement has them all"


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
        judged = {f"{check.asset_key.to_user_string()}_{check.check_name}" for check in report.checks}
        for step in report.steps.values():
            # A check that gave its result has said it there.
            if step.failure and step.is_check and step.name not in judged:
                yield f"[red]{escape(f'{step.name} failed: {step.failure}')}[/]"


def _state(reports: Sequence[RunReport]) -> str:
    bad = [report for report in reports if not report.succeeded]
    if not bad:
        return "[green]every asset is published, no blocking check failed.[/]"
    assets = {step.name: None for report in bad for step in report.incomplete}
    checks = {_name(check): None for report in bad for check in report.blocked_by}
    parts = [f"not all is published of {', '.join(assets)}"] if assets else []
    parts += [f"blocked by {', '.join(checks)}"] if checks else []
    of = f" in {len(bad)} of {len(reports)} runs" if len(reports) > 1 else ""
    return f"[red]{escape('; '.join(parts) or 'the run failed')}{of}.[/]"


def _name(check: dg.AssetCheckEvaluation) -> str:
    return f"{check.asset_key.to_user_string()}: {check.check_name}"
